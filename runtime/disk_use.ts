/**
 * How much disk a tree takes.
 *
 * @module
 */

import type { ContainerInfo } from "./containers.ts";

/** What a tree takes. */
export interface TreeSize {
  /** Bytes of disk, in whole blocks; a file with several names in the tree counts once. */
  bytes: number;
  /** Whether all of it could be looked at: an ordinary user's containers have files of others. */
  whole: boolean;
}

/** What a file or a directory takes, with all that is in it; 0 for what is not there. */
export function treeSize(path: string): TreeSize {
  const size: TreeSize = { bytes: 0, whole: true };
  const linked = new Set<string>();
  const left = [path];
  for (let next; (next = left.pop()) !== undefined;) {
    try {
      const { blocks, nlink, dev, ino, isDirectory } = Deno.lstatSync(next);
      const file = `${dev}:${ino}`;
      if (!isDirectory && (nlink ?? 1) > 1) {
        if (linked.has(file)) continue;
        linked.add(file);
      }
      size.bytes += (blocks ?? 0) * 512;
      if (!isDirectory) continue;
      for (const { name } of Deno.readDirSync(next)) left.push(`${next}/${name}`);
    } catch (error) {
      // What is there can go at any moment.
      if (error instanceof Deno.errors.NotFound) continue;
      // A container can make names that are longer than a path may be, or are no text.
      size.whole = false;
    }
  }
  return size;
}

/** What a container takes. */
export interface ContainerSize {
  /** what it has written */
  own: number;
  /** that and its image, which others may have too */
  all: number;
}

/** What a container takes, without its log and its volumes: Docker's SIZE. */
export function containerSize({ directory, record }: SizedContainer): ContainerSize {
  const upper = `${directory}/upper`;
  // nothing written is nothing, though the directory for it takes a block
  const empty = treeSize(upper).bytes === 0 ? 0 : (Deno.lstatSync(upper).blocks ?? 0) * 512;
  const own = treeSize(upper).bytes - empty;
  const { from } = record.request;
  const below = typeof from === "string" ? [from] : from.layers.map(({ directory }) => directory);
  return { own, all: [...new Set(below)].reduce((sum, path) => sum + treeSize(path).bytes, own) };
}

/** Of a container: where it is, and what it was made from. */
export type SizedContainer = Pick<ContainerInfo, "directory" | "record">;
