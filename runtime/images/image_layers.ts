/**
 * What is in images: what each layer adds, changes and removes, and how two images differ.
 *
 * @module
 */

import { type LayerListing, type ListedFile, listLayer } from "./layer_listing.ts";
import { type Change, MergedFiles } from "./merged_files.ts";
import { type Image, type ImageLayer, type ImageStore, StoreError } from "./store.ts";

export type { Change, ListedFile };

/** One layer of an image. */
export interface LayerReport {
  /** The digest of the blob. */
  digest: string;
  /** The digest of the tar in it. */
  diffId: string;
  /** Bytes of the blob: what a pull fetches. */
  size: number;
  /** The line that made it, where the image tells. */
  createdBy: string;
  /** What it does, by path. */
  changes: Change[];
}

/** One path that two images have not in common. */
export interface Difference {
  /** The second image has it (added), the first one (deleted), or both, and not the same. */
  kind: Change["kind"];
  /** The path, without a slash at its beginning. */
  path: string;
  /** What the first image has there. */
  before?: ListedFile;
  /** What the second image has there. */
  after?: ListedFile;
  /** What is different, where both have it: `content`, `type`, `mode`, `owner`, `link`, … */
  what: string[];
}

/**
 * What each layer of an image does, from the lowest up.
 *
 * @throws {StoreError} if a layer is missing or damaged
 */
export async function describeLayers(store: ImageStore, image: Image): Promise<LayerReport[]> {
  const merged = new MergedFiles();
  const steps = stepsOf(image);
  const reports: LayerReport[] = [];
  for (const [i, layer] of image.layers.entries()) {
    const { digest, size } = layer.descriptor;
    const changes = merged.apply(await list(store, layer, false));
    reports.push({ digest, diffId: layer.diffId, size, createdBy: steps[i] ?? "", changes });
  }
  return reports;
}

/**
 * How the second image's files differ from the first one's. When they were changed does not count.
 *
 * @throws {StoreError} if a layer is missing or damaged
 */
export async function diffImages(
  store: ImageStore,
  first: Image,
  second: Image,
): Promise<Difference[]> {
  const known = new Map<string, LayerListing>();
  const [before, after] = [
    await filesOf(store, first, known),
    await filesOf(store, second, known),
  ];
  const differences: Difference[] = [];
  for (const [path, file] of after) {
    const old = before.get(path);
    if (!old) differences.push({ kind: "A", path, after: file, what: [] });
    else {
      const what = compare(old, file);
      if (what.length > 0) differences.push({ kind: "C", path, before: old, after: file, what });
    }
  }
  for (const [path, old] of before) {
    if (!after.has(path)) differences.push({ kind: "D", path, before: old, what: [] });
  }
  return differences.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The lines of the image's history that made layers. */
function stepsOf({ config }: Image): string[] {
  const history = Array.isArray(config.history) ? config.history : [];
  return history.filter((step) => !step?.empty_layer).map(({ created_by: by }) => {
    return typeof by === "string" ? by : "";
  });
}

async function filesOf(
  store: ImageStore,
  image: Image,
  known: Map<string, LayerListing>,
): Promise<Map<string, ListedFile>> {
  const merged = new MergedFiles();
  for (const layer of image.layers) {
    const listing = known.get(layer.diffId) ?? await list(store, layer, true);
    known.set(layer.diffId, listing);
    merged.apply(listing);
  }
  return new Map(merged.entries());
}

async function list(
  store: ImageStore,
  { descriptor, diffId }: ImageLayer,
  contents: boolean,
): Promise<LayerListing> {
  const listing = await listLayer(store, descriptor, { contents });
  if (listing.diffId === diffId) return listing;
  throw new StoreError(
    `layer ${descriptor.digest} is damaged: its tar hashes to ${listing.diffId}, ` +
      `and the image's config says ${diffId}: tiffin system check --repair`,
  );
}

function compare(a: ListedFile, b: ListedFile): string[] {
  if (a === b) return [];
  const [old, fresh] = [a.target ?? a, b.target ?? b];
  if (old.type !== fresh.type) return ["type"];
  return [
    ...(old.digest === fresh.digest ? [] : ["content"]),
    ...(old.mode === fresh.mode ? [] : ["mode"]),
    ...(old.uid === fresh.uid && old.gid === fresh.gid ? [] : ["owner"]),
    ...(old.linkname === fresh.linkname || old.type !== "symlink" ? [] : ["link"]),
    ...(old.major === fresh.major && old.minor === fresh.minor ? [] : ["device"]),
    ...(attributes(old) === attributes(fresh) ? [] : ["attributes"]),
  ];
}

function attributes({ xattrs }: ListedFile): string {
  return JSON.stringify([...xattrs ?? []].map(([name, value]) => [name, value.toHex()]).sort());
}
