/**
 * What is said between whoever wants a layer unpacked and the thread, or the Deno in a user
 * namespace, that unpacks it.
 *
 * @module
 */

import { LayerError } from "./layer_error.ts";
import type { ImageLayer } from "./store.ts";
import type { UnpackOptions, UnpackResult } from "./unpack.ts";

/** The variable of the environment that holds the {@linkcode UserJob} as JSON. */
export const JOB_VARIABLE = "TIFFIN_UNPACK_JOB";

/** The options that can be told to somebody else. */
export type JobOptions = Omit<UnpackOptions, "signal" | "onProgress">;

/** What is to be done. */
export interface Job {
  /** the data root */
  root: string;
  /** the layer to unpack */
  layer: Pick<ImageLayer, "descriptor" | "diffId">;
  /** how */
  options: JobOptions;
}

/** What is to be done by a process of its own. */
export interface UserJob extends Job {
  /** the file for its {@linkcode JobResult} */
  answer: string;
}

/** What came of it. */
export type JobResult = { done: UnpackResult } | { failed: Failure };

/** An error's parts that others act on, in a form that can be sent. */
export interface Failure {
  /** the class's name */
  name: string;
  /** the message */
  message: string;
  /** where a mistake of ours was made */
  stack?: string;
  /** the error number's name, where a call failed */
  code?: string;
  /** the call */
  call?: string;
  /** of a layer that was refused, the parts that its error is made of */
  layer?: { digest: string; problem: string; entry?: string; limit?: LayerError["limit"] };
}

/** The error's parts. */
export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack, code, call } = error as Error & { code?: string; call?: string };
  const failure: Failure = { name, message, stack, code, call };
  if (!(error instanceof LayerError)) return failure;
  const { digest, problem, entry, limit } = error;
  return { ...failure, layer: { digest, problem, entry, limit } };
}

/** An error of these parts: of its own class if it is about a layer, else one that looks the same. */
export function reviveFailure({ layer, ...parts }: Failure): Error {
  if (layer) return new LayerError(layer.digest, layer.problem, layer);
  const { message, stack, ...rest } = parts;
  return Object.assign(new Error(message), rest, stack === undefined ? {} : { stack });
}
