/**
 * Images by their IDs: the digest of the configuration, or the beginning of it.
 *
 * @module
 */

import { type Image, type ImageStore, StoreError } from "./store.ts";

/** Whether a text can only be an ID: no image has such a name. */
export function isImageId(text: string): boolean {
  return /^sha256:[0-9a-f]{4,64}$|^[0-9a-f]{64}$/.test(text);
}

/** Every name of the images whose IDs begin so; several images where it is too short. */
export async function imagesById(store: ImageStore, text: string): Promise<Image[]> {
  if (!/^(sha256:)?[0-9a-f]{4,64}$/.test(text)) return [];
  const beginning = `sha256:${text.replace(/^sha256:/, "")}`;
  const found: Image[] = [];
  for (const { name } of await store.list()) {
    const image = await readImage(store, name);
    if (image?.id.startsWith(beginning)) found.push(image);
  }
  return found;
}

/** An image; undefined for one whose files are missing or damaged. */
export async function readImage(store: ImageStore, name: string): Promise<Image | undefined> {
  try {
    return await store.image(name);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/** Whether they are more than one image, and not only more than one name. */
export function areSeveral(images: readonly Image[]): boolean {
  return new Set(images.map(({ id }) => id)).size > 1;
}
