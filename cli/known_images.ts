/**
 * Images of the store as a person names them: by a name, or by the beginning of an ID.
 *
 * @module
 */

import { areSeveral, imagesById, isImageId } from "../runtime/images/by_id.ts";
import { canonicalName, familiarName, parseReference } from "../runtime/images/reference.ts";
import type { Image, ImageStore } from "../runtime/images/store.ts";

/** The image that needs no registry has a name without one. */
const LOCAL = "local";

/** The name that the store has for what was typed. */
export function storedName(text: string): string {
  return text === LOCAL ? LOCAL : canonicalName(parseReference(text));
}

/** A name of the store's as other machines understand it: theirs is not the image `local`. */
export function portableName(name: string): string {
  return name === LOCAL ? "localhost/local:latest" : name;
}

/** The name that a person would type for one of the store's. */
export function typedName(name: string): string {
  return name === LOCAL ? LOCAL : familiarName(parseReference(name));
}

/** Whether the image was meant by its name, and not by its ID. */
export function isNamed(text: string, { name }: Image): boolean {
  return !isImageId(text) && storedName(text) === name;
}

/** An image's name in two parts, as tables show it. */
export function nameParts(name: string): { repository: string; tag: string } {
  if (name === LOCAL) return { repository: LOCAL, tag: "<none>" };
  const { tag = "<none>", digest: _, ...reference } = parseReference(name);
  return { repository: familiarName(reference), tag };
}

/** An image that nobody has heard of; the message says which. */
export class UnknownImage extends Error {
  /** The class's name, for messages. */
  override name = "UnknownImage";
}

/**
 * The images that are meant: one by its name, or all names of the one image with this ID.
 *
 * @param text a name, or four or more of the first digits of an ID
 * @throws {UnknownImage} if there is none, or more than one image has such an ID
 */
export async function knownImages(store: ImageStore, text: string): Promise<Image[]> {
  const byName = isImageId(text) ? undefined : await store.image(storedName(text));
  if (byName) return [byName];
  const byId = await imagesById(store, text);
  if (areSeveral(byId)) {
    throw new UnknownImage(
      `${text} is the beginning of more than one image's ID: give more digits`,
    );
  }
  if (byId.length > 0) return byId;
  throw new UnknownImage(`no image is called ${text}: tiffin images lists those that are there`);
}

/** When an image was made, in milliseconds since 1970; 0 where it does not say. */
export function madeAt(image: Image | undefined): number {
  return Date.parse(image?.config.created ?? "") || 0;
}
