/**
 * What of the store somebody needs: names, containers, and whoever is just bringing an image.
 *
 * @module
 */

import { containersDirectory, readRecord } from "../records.ts";
import { leasedBlobs } from "./lease.ts";
import { type Image, type ImageStore, StoreError } from "./store.ts";

/** What must stay. */
export interface Reachable {
  /** Digests of blobs. */
  blobs: Set<string>;
  /** The layers' directories. */
  layers: Set<string>;
}

/** What the names, the containers and the work that goes on lead to; the store is locked meanwhile. */
export async function reachable(store: ImageStore): Promise<Reachable> {
  const blobs = leasedBlobs(store.root);
  const layers = new Set<string>();
  const named = (await store.list()).map(({ descriptor }) => descriptor.digest);
  for (const digest of new Set([...named, ...usedImages(store.root).keys()])) {
    blobs.add(digest);
    const image = await imageOrNothing(store, digest);
    if (!image) continue;
    for (const digest of blobsOf(image)) blobs.add(digest);
    for (const { directory } of image.layers) layers.add(directory);
  }
  return { blobs, layers };
}

/** The containers by the digest of their image's manifest: what a container uses is not removed. */
export function usedImages(root: string): Map<string, string> {
  const containers = new Map<string, string>();
  for (const id of entries(containersDirectory(root))) {
    const digest = readRecord(`${containersDirectory(root)}/${id}`)?.imageDigest;
    if (digest !== undefined) containers.set(digest, id);
  }
  return containers;
}

/** An image, as far as it can be read. */
export async function imageOrNothing(
  store: ImageStore,
  digest: string,
): Promise<Image | undefined> {
  try {
    return await store.imageOf(digest);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/** The blobs that an image is made of. */
export function blobsOf({ digest, id, layers }: Image): string[] {
  return [digest, id, ...layers.map(({ descriptor }) => descriptor.digest)];
}

/** The names in a directory; none where there is no such directory. */
export function entries(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
