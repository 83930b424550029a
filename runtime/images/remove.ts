/**
 * Removing images: their names, and whatever of them nobody else needs.
 *
 * What goes is found by following what is left, with the store locked: names, containers, and the
 * blobs that a pull is at work with. A crash on the way leaves a store that works: a name without a
 * use, or blobs without a name.
 *
 * @module
 */

import { treeSize } from "../disk_use.ts";
import { removeDirectory } from "../remove_directory.ts";
import { lockFile, tryLockFile } from "./file_lock.ts";
import { blobsOf, entries, imageOrNothing, reachable, usedImages } from "./reachable.ts";
import { Scratch } from "./scratch.ts";
import type { ImageLayer, ImageStore } from "./store.ts";
import { lockPath, writeIndex } from "./store_files.ts";

/** What was removed. */
export interface Removal {
  /** Names. */
  names: string[];
  /** Digests of blobs. */
  blobs: string[];
  /** Layers that were unpacked: their diff IDs, or, of a prune, the beginnings of them. */
  layers: string[];
  /** Bytes of disk. */
  bytes: number;
}

/**
 * Takes a name away from its image, and removes the blobs and the unpacked layers that are not
 * needed any more: by another name, a container, or a pull that goes on.
 *
 * @param name canonical
 */
export async function removeImage(store: ImageStore, name: string): Promise<Removal> {
  await store.prepare();
  using _lock = await lockFile(lockPath(store));
  const digest = (await store.find(name))?.digest;
  if (digest === undefined) return nothing();
  const image = await imageOrNothing(store, digest);
  const removal = { ...nothing(), names: await untag(store, (each) => each === name) };
  const needed = await reachable(store);
  const blobs = new Set(image ? blobsOf(image) : [digest]);
  removeBlobs(store, blobs.difference(needed.blobs), removal);
  const layers = new Map(image?.layers.map(({ directory, diffId }) => [directory, diffId]));
  await removeLayers(store, layers, removal);
  return removal;
}

/**
 * Removes every blob and every unpacked layer that nobody needs, and downloads that were cut short.
 *
 * @param doomed names that go first, for whatever only they lead to; a container's image keeps its own
 */
export async function prune(
  store: ImageStore,
  doomed: (name: string) => boolean = () => false,
): Promise<Removal> {
  await store.prepare();
  using _lock = await lockFile(lockPath(store));
  const used = usedImages(store.root);
  const isDoomed = (name: string, digest: string) => !used.has(digest) && doomed(name);
  const removal = { ...nothing(), names: await untag(store, isDoomed) };
  const { blobs: needed } = await reachable(store);
  removeBlobs(store, allBlobs(store).difference(needed), removal);
  const layers = entries(`${store.root}/layers`).map((name) => {
    return [`${store.root}/layers/${name}`, name] as const;
  });
  await removeLayers(store, new Map(layers), removal);
  removeDownloads(store, removal);
  return removal;
}

/**
 * Removes those of the blobs that nobody needs: what was brought for an image that was then refused.
 *
 * @param digests blobs that are on no list of anybody's any more
 */
export async function discard(store: ImageStore, digests: Iterable<string>): Promise<void> {
  using _lock = await lockFile(lockPath(store));
  const { blobs: needed } = await reachable(store);
  removeBlobs(store, new Set(digests).difference(needed), nothing());
}

/** The same for layers that were unpacked. */
export async function discardLayers(
  store: ImageStore,
  layers: readonly Pick<ImageLayer, "directory" | "diffId">[],
): Promise<void> {
  using _lock = await lockFile(lockPath(store));
  const named = layers.map(({ directory, diffId }) => [directory, diffId] as const);
  await removeLayers(store, new Map(named), nothing());
}

function nothing(): Removal {
  return { names: [], blobs: [], layers: [], bytes: 0 };
}

async function untag(
  store: ImageStore,
  doomed: (name: string, digest: string) => boolean,
): Promise<string[]> {
  const all = await store.list();
  const gone = all.filter(({ name, descriptor: { digest } }) => doomed(name, digest));
  if (gone.length > 0) {
    const left = all.filter((each) => !gone.includes(each)).map((each) => each.descriptor);
    await makingRoom(store, () => writeIndex(store, left));
  }
  return gone.map(({ name }) => name);
}

/** On a full disk there is no room for the list of what is left; what the cache has is made again. */
async function makingRoom(store: ImageStore, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOSPC") throw error;
    for (const { name, isFile } of Deno.readDirSync(`${store.root}/cache`)) {
      if (isFile) removeFile(`${store.root}/cache/${name}`);
    }
    await write();
  }
}

function allBlobs(store: ImageStore): Set<string> {
  const names = entries(`${store.layout}/blobs/sha256`);
  return new Set(names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((hex) => `sha256:${hex}`));
}

function removeBlobs(store: ImageStore, digests: Iterable<string>, removal: Removal): void {
  for (const digest of digests) {
    const bytes = removeFile(store.blobPath(digest));
    if (bytes === undefined) continue;
    removal.blobs.push(digest);
    removal.bytes += bytes;
  }
}

function removeDownloads(store: ImageStore, removal: Removal): void {
  const directory = `${store.root}/cache/downloads`;
  for (const name of entries(directory)) {
    // One that is locked is being fetched.
    using file = tryLockFile(`${directory}/${name}`);
    if (file) removal.bytes += removeFile(`${directory}/${name}`) ?? 0;
  }
}

/** Removes a file; how many bytes of disk it took, or nothing if it is not there. */
function removeFile(path: string): number | undefined {
  try {
    const { blocks } = Deno.lstatSync(path);
    Deno.removeSync(path);
    return (blocks ?? 0) * 512;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Removes those of the layers that nobody needs.
 *
 * A start takes no lock. It writes its record, and then mounts its layers; so a layer is moved away
 * first, and comes back if a record has turned up meanwhile.
 *
 * @param layers their diff IDs, or what else to call them by, by their directories
 */
async function removeLayers(
  store: ImageStore,
  layers: ReadonlyMap<string, string>,
  removal: Removal,
): Promise<void> {
  const { layers: needed } = await reachable(store);
  const unneeded = [...layers].filter(([directory]) => !needed.has(directory));
  if (unneeded.length === 0) return;
  using scratch = Scratch.make(store.root, "removed");
  const moved = unneeded.filter(([directory]) => moveAway(directory, placeIn(scratch, directory)));
  const { layers: neededNow } = await reachable(store);
  for (const [directory, name] of moved) {
    const place = placeIn(scratch, directory);
    if (neededNow.has(directory)) {
      Deno.renameSync(place, directory);
      continue;
    }
    removal.bytes += treeSize(place).bytes;
    await removeDirectory(place);
    removal.layers.push(name);
  }
}

function placeIn(scratch: Scratch, directory: string): string {
  return `${scratch.path}/${directory.slice(directory.lastIndexOf("/") + 1)}`;
}

/** Moves a layer out of the way, so that nobody finds half of it. Says whether it was there. */
function moveAway(directory: string, place: string): boolean {
  try {
    // An ordinary user must be able to write to a directory that changes its parent: its `..` does.
    const mode = Deno.lstatSync(directory).mode! & 0o7777;
    Deno.chmodSync(directory, mode | 0o700);
    Deno.renameSync(directory, place);
    Deno.chmodSync(place, mode);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
