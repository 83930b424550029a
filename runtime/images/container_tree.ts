/**
 * The files of a container as a tar: its changes alone, or all that it sees.
 *
 * Root reads them itself. An ordinary user's containers have files that belong to its subordinate
 * ids, and those another Deno reads, as root of a user namespace, into a file of our own.
 *
 * @module
 */

import { hostIdentity } from "../rootless.ts";
import { fileChunks } from "./archive_files.ts";
import { type CopyJob, copyTree } from "./copy_tree.ts";
import { diffLayer, type OnSkipped, wholeTree } from "./diff_layer.ts";
import { Scratch } from "./scratch.ts";
import { askSecondDeno } from "./second_deno.ts";
import { ImageStore, lowerDirectories } from "./store.ts";
import { type TarJob, TREE_JOB_VARIABLE, type TreeAnswer, type TreeJob } from "./tree_job.ts";

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
  { layers, changes, isBare }: Pick<TarJob, "layers" | "changes" | "isBare">,
  { onSkipped, signal }: TreeOptions = {},
): AsyncGenerator<Uint8Array> {
  if (Deno.uid() === 0) {
    const options = { userxattr: false, onSkipped, isBare };
    return yield* changes ? diffLayer(layers[0], options) : wholeTree(layers, options);
  }
  await new ImageStore(root).prepare();
  using scratch = Scratch.make(root, "tree");
  const tar = `${scratch.path}/tar`;
  const answer = `${scratch.path}/answer`;
  for (
    const [name, reason] of await inNamespace({ layers, changes, isBare, tar, answer }, signal)
  ) {
    onSkipped?.(name, reason);
  }
  yield* fileChunks(tar);
}

/**
 * Copies a directory of an image, whoever may read it and whoever its files belong to.
 *
 * @throws {Error} if it cannot be copied; nothing of it is left then
 */
export async function copyDirectory(job: CopyJob): Promise<void> {
  await new ImageStore(job.root).prepare();
  if (Deno.uid() === 0) return copyTree(job, { userxattr: false, owners: "keep" });
  using scratch = Scratch.make(job.root, "tree");
  const owners = hostIdentity().hasRange ? "keep" : "ignore";
  await inNamespace({ ...job, owners, answer: `${scratch.path}/answer` });
}

/** Has a job done as root of a user namespace. @returns what was left out */
async function inNamespace(
  job: TreeJob,
  signal?: AbortSignal,
): Promise<NonNullable<TreeAnswer["skipped"]>> {
  const { failed, skipped = [] } = await askSecondDeno<TreeAnswer>(hostIdentity(), {
    module: new URL("./tree_worker.ts", import.meta.url),
    variable: TREE_JOB_VARIABLE,
    job,
    signal,
  });
  if (failed !== undefined) throw new Error(failed);
  return skipped;
}
