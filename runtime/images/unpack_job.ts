/**
 * What is said between a Deno that wants a layer unpacked and the one that unpacks it in a user
 * namespace.
 *
 * @module
 */

import type { ImageLayer } from "./store.ts";
import type { UnpackResult } from "./unpack.ts";

/** The variable of the environment that holds the {@linkcode Job} as JSON. */
export const JOB_VARIABLE = "TIFFIN_UNPACK_JOB";

/** What the second Deno is told. */
export interface Job {
  /** the data root */
  root: string;
  /** the layer to unpack */
  layer: Pick<ImageLayer, "descriptor" | "diffId">;
  /** with a single mapped id, every file is the user's own */
  owners: "keep" | "ignore";
  /** the file for its {@linkcode JobResult} */
  answer: string;
}

/** What it says. */
export interface JobResult {
  /** what came of it, when all went well */
  done?: UnpackResult;
  /** the message of the error, when not */
  failed?: string;
}
