/**
 * Bringing an image into the store, whole or not at all.
 *
 * @module
 */

import { discard } from "./remove.ts";
import type { ImageStore } from "./store.ts";

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
