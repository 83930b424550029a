/**
 * Layers that share the beginning of their diff IDs.
 *
 * A layer's directory is named by the first 24 digits of its diff ID. Nobody finds another layer for
 * a given one; but whoever makes both needs 2^48 tries, which is not beyond reach. The second would
 * then run with the files of the first, whatever had been signed. So no image with such a layer gets
 * a name.
 *
 * @module
 */

import { imageOrNothing, usedImages } from "./reachable.ts";
import { type ImageStore, StoreError } from "./store.ts";

/**
 * Compares an image's layers with those of all images that have a name or a container.
 *
 * @param diffIds the layers' whole diff IDs
 * @throws {StoreError} for one whose directory is another one's
 */
export async function refuseTwins(store: ImageStore, diffIds: readonly string[]): Promise<void> {
  const owners = new Map<string, string>();
  const own = (diffId: string) => {
    const directory = store.layerDirectory(diffId);
    const owner = owners.get(directory) ?? diffId;
    owners.set(directory, owner);
    if (owner === diffId) return;
    throw new StoreError(
      `the layers ${owner} and ${diffId} begin alike, which no two do by chance: somebody wants ` +
        "one of them to be taken for the other",
    );
  };
  for (const diffId of diffIds) own(diffId);
  const named = (await store.list()).map(({ descriptor }) => descriptor.digest);
  for (const digest of new Set([...named, ...usedImages(store.root).keys()])) {
    const layers = (await imageOrNothing(store, digest))?.layers ?? [];
    for (const { directory, diffId } of layers) if (owners.has(directory)) own(diffId);
  }
}
