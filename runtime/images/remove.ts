/**
 * Removing an image: its name, and whatever of it nothing else needs.
 *
 * What goes is found by following the names that are left, so the two orders in which a crash can
 * cut this short both leave a store that works: a name without a use, or blobs without a name.
 *
 * @module
 */

import { containersDirectory, processFile, removeDirectory } from "../records.ts";
import { Scratch } from "./scratch.ts";
import { type Image, type ImageStore, StoreError } from "./store.ts";

/** What {@linkcode removeImage} did. */
export interface Removal {
  /** Digests of the blobs that are gone. */
  blobs: string[];
  /** Diff IDs of the layers whose directories are gone. */
  layers: string[];
}

/**
 * Takes a name away from its image, and removes the blobs and the unpacked layers that no other
 * name leads to. The layers that a container is running on stay.
 *
 * A pull that shares a layer with the image and has just found it in the store may miss it after
 * this: then it says so, and fetches it the next time.
 *
 * @param name canonical
 */
export async function removeImage(store: ImageStore, name: string): Promise<Removal> {
  const descriptor = await store.find(name);
  const image = await imageOrNothing(store, name);
  if (!descriptor || !await store.untag(name)) return { blobs: [], layers: [] };
  const needed = await stillNeeded(store);
  const inUse = layersInUse(store.root);
  const blobs = image ? blobsOf(image) : [descriptor.digest];
  const removal: Removal = { blobs: [], layers: [] };
  for (const digest of new Set(blobs)) {
    if (needed.has(digest) || !await store.hasBlob(digest)) continue;
    Deno.removeSync(store.blobPath(digest));
    removal.blobs.push(digest);
  }
  for (const { diffId, directory } of image?.layers ?? []) {
    if (needed.has(directory) || inUse.has(directory.slice(directory.lastIndexOf("/") + 1))) {
      continue;
    }
    needed.add(directory);
    if (await removeLayer(store, directory)) removal.layers.push(diffId);
  }
  return removal;
}

function blobsOf({ digest, id, layers }: Image): string[] {
  return [digest, id, ...layers.map(({ descriptor }) => descriptor.digest)];
}

/** The blobs, and the layers' directories, that the names lead to. */
async function stillNeeded(store: ImageStore): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const { name, descriptor } of await store.list()) {
    needed.add(descriptor.digest);
    const image = await imageOrNothing(store, name);
    if (!image) continue;
    for (const digest of blobsOf(image)) needed.add(digest);
    for (const { directory } of image.layers) needed.add(directory);
  }
  return needed;
}

async function imageOrNothing(store: ImageStore, name: string): Promise<Image | undefined> {
  try {
    return await store.image(name);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/**
 * The names of the layers' directories that running containers have in their root file systems.
 *
 * The kernel itself is asked: a container's record names its image, but the name may have moved on.
 */
function layersInUse(dataRoot: string): Set<string> {
  const names = new Set<string>();
  for (const id of entries(containersDirectory(dataRoot))) {
    const process = readText(processFile(`${containersDirectory(dataRoot)}/${id}`));
    const pid = Number(/"pid":\s*(\d+)/.exec(process)?.[1]);
    for (const line of readText(`/proc/${pid}/mountinfo`).split("\n")) {
      if (!line.includes(" - overlay ")) continue;
      for (const [name] of line.matchAll(/\b[0-9a-f]{24}\b/g)) names.add(name);
    }
  }
  return names;
}

/** Moves a layer out of the way first, so that nobody finds half of it. */
async function removeLayer(store: ImageStore, directory: string): Promise<boolean> {
  await store.prepare();
  using scratch = Scratch.make(store.root, "removed");
  try {
    // An ordinary user must be able to write to a directory that changes its parent: its `..` does.
    Deno.chmodSync(directory, 0o700);
    Deno.renameSync(directory, `${scratch.path}/layer`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  await removeDirectory(`${scratch.path}/layer`);
  return true;
}

function entries(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A file's text; empty where it is gone, as a process may be at any moment. */
function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
