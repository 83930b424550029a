/**
 * What a container has changed of the files of its image, path by path: `docker diff`.
 *
 * The upper directory of its overlay is what a layer would be (container_tree.ts), so it is put on
 * the image's files as merged_files.ts puts a layer there. Contents are not read.
 *
 * @module
 */

import { type ContainerTree, tarOfTrees, type TreeOptions } from "./container_tree.ts";
import { listTar } from "./layer_listing.ts";
import { type Change, MergedFiles } from "./merged_files.ts";
import { lowerDirectories } from "./store.ts";

/** A path that is not as the image has it. */
export type ContainerChange = Pick<Change, "kind" | "path">;

/** A container whose root is a directory of the host's: nobody knows what that was before. */
export class NoImageError extends Error {
  /** The class's name, for messages. */
  override name = "NoImageError";
}

/**
 * Lists the changes, by path.
 *
 * @param mounted what is mounted in the container: where the image has no place for it, one was
 * made, and that is no change of the container's
 * @throws {NoImageError} for a container that was made from a directory
 */
export async function diffContainer(
  root: string,
  { directory, from }: ContainerTree,
  mounted: readonly string[],
  options: TreeOptions = {},
): Promise<ContainerChange[]> {
  if (typeof from === "string") {
    throw new NoImageError(`this container's root is ${from}, and no image to compare it with`);
  }
  const list = async (layers: string[], changes: boolean) =>
    await listTar(tarOfTrees(root, { layers, changes, isBare: true }, options));
  const merged = new MergedFiles();
  merged.apply(await list(lowerDirectories(from), false));
  const changes = merged.apply(await list([`${directory}/upper`], true));
  return withParents(withoutPlaces(changes, mounted));
}

/** Takes out what was made to be mounted on, and the directories on the way to it. */
function withoutPlaces(changes: Change[], mounted: readonly string[]): Change[] {
  const places = new Set(mounted.map((path) => path.replace(/^\/+|\/+$/g, "")));
  const ways = new Set([...places].flatMap(parentsOf));
  const rest = changes.filter(({ kind, path }) => kind !== "A" || !places.has(path));
  return rest.filter(({ kind, path }) =>
    kind !== "A" || !ways.has(path) || rest.some((other) => other.path.startsWith(`${path}/`))
  );
}

/** Adds the directories in which something has changed, as Docker does it. */
function withParents(changes: readonly Change[]): ContainerChange[] {
  const kinds = new Map<string, Change["kind"]>();
  for (const { path } of changes) for (const parent of parentsOf(path)) kinds.set(parent, "C");
  for (const { path, kind } of changes) kinds.set(path, kind);
  return [...kinds].map(([path, kind]) => ({ kind, path }))
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

/** `a` and `a/b` of `a/b/c`. */
function parentsOf(path: string): string[] {
  const names = path.split("/");
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join("/"));
}
