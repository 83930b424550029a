/**
 * Compares a layer's tar with the directory that it was unpacked to, entry by entry.
 *
 * @module
 */

import { DecompressError } from "./compression.ts";
import { tarOfTrees } from "./container_tree.ts";
import { type LayerListing, type ListedFile, listLayer, listTar } from "./layer_listing.ts";
import { type ImageLayer, type ImageStore, StoreError } from "./store.ts";
import { isUnpacked } from "./store_files.ts";
import { TarError } from "./tar_entry.ts";

/** What was found out about a layer. */
export interface LayerCheck {
  /** What is wrong with the tar. */
  wrongTar?: string;
  /** The paths at which the directory differs; nothing where there is no directory. */
  wrongTree?: string[];
}

/** Reads the layer, and its directory where there is one. */
export async function compareLayer(
  store: ImageStore,
  { descriptor, diffId, directory }: ImageLayer,
  signal?: AbortSignal,
): Promise<LayerCheck> {
  let layer: LayerListing;
  try {
    layer = await listLayer(store, descriptor, { contents: true, signal });
  } catch (error) {
    // Another command can have removed it a moment ago.
    if (error instanceof StoreError) return {};
    if (!(error instanceof TarError || error instanceof DecompressError)) throw error;
    return { wrongTar: error.message };
  }
  if (layer.diffId !== diffId) {
    return { wrongTar: `its tar hashes to ${layer.diffId}, and the image's config says ${diffId}` };
  }
  if (!isUnpacked(directory)) return {};
  const job = { layers: [directory], changes: true };
  const tree = await listTar(tarOfTrees(store.root, job, { signal }), { contents: true, signal });
  return { wrongTree: differences(layer, tree) };
}

/** The paths at which a tree is not what its tar says. */
function differences(layer: LayerListing, tree: LayerListing): string[] {
  const wrong = new Set<string>();
  for (const [path, file] of layer.files) {
    const there = tree.files.get(path);
    if (path === "" || isLeftOut(file)) continue;
    if (!there || !isSame(file.target ?? file, there.target ?? there)) wrong.add(path);
  }
  for (const path of tree.files.keys()) if (!layer.files.has(path)) wrong.add(path);
  for (const mark of ["whiteouts", "opaque"] as const) {
    for (const path of layer[mark].symmetricDifference(tree[mark])) wrong.add(path || "/");
  }
  return [...wrong].sort();
}

const isRoot = Deno.uid() === 0;

/** An ordinary user's layers have no devices. */
function isLeftOut({ type }: ListedFile): boolean {
  return !isRoot && (type === "chardev" || type === "blockdev");
}

function isSame(file: ListedFile, there: ListedFile): boolean {
  return file.type === there.type && file.digest === there.digest &&
    file.major === there.major && file.minor === there.minor &&
    (file.type !== "symlink" || file.linkname === there.linkname) &&
    // Linux gives links no mode of their own, and what is in a directory changes its time.
    (file.type === "symlink" || file.mode === there.mode) &&
    // With few ids of its own, an ordinary user's files belong to whom they can.
    (!isRoot || file.uid === there.uid && file.gid === there.gid);
}
