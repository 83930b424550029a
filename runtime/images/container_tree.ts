/**
 * The files of a container as a tar: its changes alone, or all that it sees.
 *
 * Root reads them itself. An ordinary user's containers have files that belong to its subordinate
 * ids, and those another Deno reads, as root of a user namespace, into a file of our own.
 *
 * @module
 */

import { hostIdentity } from "../rootless.ts";
import { runInUserNamespace } from "../user_namespace.ts";
import { fileChunks } from "./archive_files.ts";
import { diffLayer, type OnSkipped, wholeTree } from "./diff_layer.ts";
import { Scratch } from "./scratch.ts";
import { ImageStore, lowerDirectories } from "./store.ts";
import { TREE_JOB_VARIABLE, type TreeAnswer, type TreeJob } from "./tree_job.ts";
import { denoEnvironment } from "./unpack_as_user.ts";

/** A container, as far as its files are concerned. */
export interface ContainerTree {
  /** Its directory below the data root. */
  directory: string;
  /** What it was made from: an image, or a directory that is the root. */
  from: Parameters<typeof lowerDirectories>[0] | string;
}

/** What is told of files that the tar does not hold as they are. */
export interface TreeOptions {
  /** Told the name, and why. */
  onSkipped?: OnSkipped;
  /** Ends the work. */
  signal?: AbortSignal;
}

/** The tar of what a container has changed: a layer. */
export function containerChanges(
  root: string,
  { directory }: ContainerTree,
  options: TreeOptions = {},
): AsyncIterable<Uint8Array> {
  return tarOfTrees(root, { layers: [`${directory}/upper`], changes: true }, options);
}

/** The tar of all files of a container. */
export function containerFiles(
  root: string,
  { directory, from }: ContainerTree,
  options: TreeOptions = {},
): AsyncIterable<Uint8Array> {
  const layers = typeof from === "string"
    ? [from]
    : [`${directory}/upper`, ...lowerDirectories(from)];
  return tarOfTrees(root, { layers, changes: false }, options);
}

/**
 * The tar of directories that overlayfs stacks, whoever may read them.
 *
 * @param root the data root, where it is kept meanwhile
 * @param job the directories, and what is wanted of them
 */
export async function* tarOfTrees(
  root: string,
  { layers, changes }: Pick<TreeJob, "layers" | "changes">,
  { onSkipped, signal }: TreeOptions = {},
): AsyncGenerator<Uint8Array> {
  if (Deno.uid() === 0) {
    const options = { userxattr: false, onSkipped };
    return yield* changes ? diffLayer(layers[0], options) : wholeTree(layers, options);
  }
  await new ImageStore(root).prepare();
  using scratch = Scratch.make(root, "tree");
  const job: TreeJob = {
    layers,
    changes,
    tar: `${scratch.path}/tar`,
    answer: `${scratch.path}/answer`,
  };
  const worker = new URL("./tree_worker.ts", import.meta.url);
  const program = worker.protocol === "file:" ? worker.pathname : worker.href;
  const argv = [Deno.execPath(), "run", "-A", "--no-check", program];
  const env = [...denoEnvironment(), `${TREE_JOB_VARIABLE}=${JSON.stringify(job)}`];
  const status = await runInUserNamespace(hostIdentity(), argv, env, signal);
  const { failed, skipped = [] } = readAnswer(job.answer);
  if (failed !== undefined || status !== 0) {
    throw new Error(failed ?? `reading in a user namespace ended with wait status ${status}`);
  }
  for (const [name, reason] of skipped) onSkipped?.(name, reason);
  yield* fileChunks(job.tar);
}

function readAnswer(path: string): TreeAnswer {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return {};
  }
}
