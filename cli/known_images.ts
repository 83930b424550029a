/**
 * Images of the store as a person names them: by a name, or by the beginning of an ID.
 *
 * @module
 */

import { canonicalName, familiarName, parseReference } from "../runtime/images/reference.ts";
import { type Image, type ImageStore, StoreError } from "../runtime/images/store.ts";

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
  return !/^(sha256:)?[0-9a-f]{64}$/.test(text) && storedName(text) === name;
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
  const isId = /^(sha256:)?[0-9a-f]{4,64}$/.test(text);
  const byName = /^sha256:|^[0-9a-f]{64}$/.test(text)
    ? undefined
    : await store.image(storedName(text));
  if (byName) return [byName];
  const all = isId ? await wholeImages(store) : [];
  const digits = text.replace(/^sha256:/, "");
  const byId = all.filter(({ id }) => id.startsWith(`sha256:${digits}`));
  if (new Set(byId.map(({ id }) => id)).size > 1) {
    throw new UnknownImage(
      `${text} is the beginning of more than one image's ID: give more digits`,
    );
  }
  if (byId.length > 0) return byId;
  throw new UnknownImage(`no image is called ${text}: tiffin images lists those that are there`);
}

/** The images that can be read. */
async function wholeImages(store: ImageStore): Promise<Image[]> {
  const images: Image[] = [];
  for (const { name } of await store.list()) {
    const image = await readImage(store, name);
    if (image) images.push(image);
  }
  return images;
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

/** When an image was made, in milliseconds since 1970; 0 where it does not say. */
export function madeAt(image: Image | undefined): number {
  return Date.parse(image?.config.created ?? "") || 0;
}
