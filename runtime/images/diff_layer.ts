/**
 * Layers and archives made of directories: what `commit` keeps of a container, and what `export`
 * writes of it.
 *
 * @module
 */

import { encodeHeader, END_OF_ARCHIVE, padding } from "./tar_writer.ts";
import {
  type OnSkipped,
  walkChanges,
  type WalkedFile,
  walkMerged,
  type WalkOptions,
} from "./tree_walk.ts";

export type { OnSkipped, WalkOptions };

/**
 * The tar of a layer: what an upper directory of an overlay changes.
 *
 * @param upper the directory, with the marks of overlayfs in it
 * @throws {TarError} for a file that no layer may have
 */
export function diffLayer(upper: string, options: WalkOptions): Generator<Uint8Array> {
  return archive(walkChanges(upper, options), options);
}

/**
 * The tar of a whole root file system.
 *
 * @param layers the directories that overlayfs stacks, the topmost first
 * @throws {TarError} for a file that no archive of ours may have
 */
export function wholeTree(
  layers: readonly string[],
  options: WalkOptions,
): Generator<Uint8Array> {
  return archive(walkMerged(layers, options), options);
}

/** A tar of files. */
export function* archive(
  files: Iterable<WalkedFile>,
  { onSkipped, isBare }: WalkOptions,
): Generator<Uint8Array> {
  for (const { entry, content } of files) {
    yield encodeHeader(isBare ? { ...entry, size: 0 } : entry);
    if (!content || isBare) continue;
    let left = entry.size;
    for (const piece of content()) {
      left -= piece.length;
      yield piece;
    }
    if (left > 0) {
      // The header is written already, and what follows has to be as long as it says.
      onSkipped?.(
        entry.name,
        `it became ${left} bytes shorter while it was read: zeros stand there`,
      );
      yield* zeros(left);
    }
    yield padding(entry.size);
  }
  yield END_OF_ARCHIVE;
}

function* zeros(count: number): Generator<Uint8Array> {
  const piece = new Uint8Array(Math.min(count, 64 * 1024));
  for (let left = count; left > 0; left -= piece.length) yield piece.subarray(0, left);
}
