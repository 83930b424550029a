/**
 * Bringing an image into the store, whole or not at all.
 *
 * @module
 */

import type { UnpackLayer } from "./pull.ts";
import { discard, discardLayers } from "./remove.ts";
import type { ImageStore } from "./store.ts";
import { isUnpacked } from "./store_files.ts";

/**
 * Does work that writes an image's blobs and names it in the end. Nobody removes the blobs
 * meanwhile; if the work fails, those that it wrote go again.
 *
 * @throws what the work throws
 */
export async function bring<T>(store: ImageStore, work: () => Promise<T>): Promise<T> {
  let written: ReadonlySet<string> = new Set();
  try {
    using lease = await store.lease();
    written = lease.written;
    return await work();
  } catch (error) {
    // What cannot be removed now, a later prune finds; the first error is the one to tell.
    await discard(store, written).catch(() => {});
    throw error;
  }
}

/**
 * Unpacks the layers of images that are about to be named: what is refused then never gets a name.
 *
 * @param digests the images' manifests
 * @throws what the first layer throws that cannot be unpacked; the others are stopped, and none is left
 */
export async function unpackBeforeNaming(
  store: ImageStore,
  digests: readonly string[],
  unpack: UnpackLayer,
  signal?: AbortSignal,
): Promise<void> {
  const images = await Promise.all(digests.map((digest) => store.imageOf(digest)));
  const all = new Map(images.flatMap(({ layers }) => layers.map((each) => [each.directory, each])));
  const missing = [...all.values()].filter(({ directory }) => !isUnpacked(directory));
  const stop = new AbortController();
  const signals = [stop.signal, ...(signal ? [signal] : [])];
  const failures: unknown[] = [];
  await Promise.all(
    missing.map((layer) =>
      unpack(store, layer, { signal: AbortSignal.any(signals) }).catch((error) => {
        failures.push(error);
        stop.abort(error);
      })
    ),
  );
  if (failures.length === 0) return;
  await discardLayers(store, missing).catch(() => {});
  throw failures[0];
}
