/**
 * A copy of a directory of an image: what a new volume begins with.
 *
 * The files go the way of `commit` and of a pull, without an archive between: what the walk over the
 * layers gives is what a layer is made of.
 *
 * @module
 */

import { AT } from "../../ffi/constants.ts";
import { E } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { wholeTree } from "./diff_layer.ts";
import type { MetadataOptions } from "./file_metadata.ts";
import { failure } from "./layer_tree.ts";
import { LayerWriter } from "./layer_writer.ts";
import { Scratch } from "./scratch.ts";
import { TarReader } from "./tar.ts";

/** What is to be copied, and where to. */
export interface CopyJob {
  /** the data root, where the copy is made before it is moved to its place */
  root: string;
  /** the directories that overlayfs stacks, the topmost first */
  layers: string[];
  /** the directory, as a container would find it; where there is none, the copy is empty */
  top: string;
  /** the copy's place: nothing, or an empty directory; what is not empty stays as it is */
  into: string;
}

/** Copies a directory with all that is in it; the copy is there whole or not at all. */
export function copyTree({ root, layers, top, into }: CopyJob, options: MetadataOptions): void {
  using scratch = Scratch.make(root, "volume");
  const [tree, trash] = [`${scratch.path}/tree`, `${scratch.path}/trash`];
  for (const path of [tree, trash]) Deno.mkdirSync(path, { mode: 0o700 });
  using writer = new LayerWriter(tree, trash, options);
  // The image has as many files as it has: they were counted when it was unpacked.
  const reader = new TarReader(writer, { maxEntries: Infinity });
  const { userxattr } = options;
  for (const piece of wholeTree(layers, { userxattr, top })) reader.write(piece);
  reader.finish();
  writer.finish();
  const result = attempt.renameat(AT.FDCWD, tree, AT.FDCWD, into);
  // Somebody else was quicker, and may have begun to use it.
  if (result === -E.ENOTEMPTY || result === -E.EEXIST) return;
  if (result < 0) throw failure("rename", `"${tree}", "${into}"`, result);
}
