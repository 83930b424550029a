/**
 * The image that a name stands for, ready to be run: found in the store, or made, or pulled.
 *
 * @module
 */

import { later } from "../later.ts";
import type { PullEvent } from "./pull.ts";
import type { Platform } from "./manifest.ts";
import { type Image, ImageStore } from "./store.ts";

/** The image that needs no network: see local.ts. */
export const LOCAL = "local";

/** How an image is looked for. */
export interface FindOptions {
  /** when to ask the registry: when the image is not there (the default), each time, or not at all */
  pull?: "missing" | "always" | "never";
  /** another platform than this machine's */
  platform?: Platform;
  /** called when a pull begins, for somebody to watch it */
  watch?: () => Promise<PullObserver>;
}

/** Somebody who watches a pull, and may stop it. */
export interface PullObserver extends AsyncDisposable {
  /** told what the pull does */
  onEvent: (event: PullEvent) => void;
  /** stops it when it fires */
  signal: AbortSignal;
}

/** An image that is not in the store and may not be pulled. */
export class ImageMissingError extends Error {
  /** always `"ImageMissingError"` */
  override name = "ImageMissingError";
}

/**
 * Finds an image and sees to it that its layers are unpacked.
 *
 * @param name its name, or its ID, or the beginning of that
 * @throws {ImageMissingError} where pulling is not wanted, or there is none of that ID
 * @throws {RegistryError} what the registry answers, or that none does
 */
export async function findImage(
  dataRoot: string,
  name: string,
  options: FindOptions = {},
): Promise<Image> {
  const store = new ImageStore(dataRoot);
  const image = ID.test(name)
    ? await imageById(store, name, options)
    : await imageByName(store, name, options);
  await unpackMissing(store, image);
  return image;
}

/** What can be an ID; a short one can be a name as well, which goes first. */
const ID = /^(sha256:.*|[0-9a-f]{4,64})$/;

async function imageById(store: ImageStore, name: string, options: FindOptions): Promise<Image> {
  const { areSeveral, imagesById, isImageId } = await later<typeof import("./by_id.ts")>(
    import.meta,
    "./by_id.ts",
  );
  const isId = isImageId(name);
  const isNamed = !isId && await store.find(await canonicalOf(name));
  if (isNamed || options.pull === "always" && !isId) return imageByName(store, name, options);
  const found = await imagesById(store, name);
  if (areSeveral(found)) {
    throw new ImageMissingError(
      `${name} is the beginning of more than one image's ID: give more digits`,
    );
  }
  if (found.length > 0) return found[0];
  if (!isId) return imageByName(store, name, options);
  throw new ImageMissingError(`no image has the ID ${name}: tiffin images lists those there are`);
}

async function imageByName(store: ImageStore, name: string, options: FindOptions): Promise<Image> {
  const isLocal = name === LOCAL;
  const canonical = isLocal ? LOCAL : await canonicalOf(name);
  let image = options.pull === "always" && !isLocal ? undefined : await store.image(canonical);
  if (image) return image;
  if (isLocal) await makeLocal(store);
  else await pullImage(store, name, options);
  image = await store.image(canonical);
  if (image) return image;
  throw new ImageMissingError(`${name} is gone again: another command removed it`);
}

async function canonicalOf(name: string): Promise<string> {
  const { canonicalName, parseReference } = await references();
  return canonicalName(parseReference(name));
}

function references() {
  return later<typeof import("./reference.ts")>(import.meta, "./reference.ts");
}

async function makeLocal(store: ImageStore): Promise<void> {
  const { ensureLocalImage } = await later<typeof import("./local.ts")>(import.meta, "./local.ts");
  await ensureLocalImage(store);
}

async function pullImage(store: ImageStore, name: string, options: FindOptions): Promise<void> {
  if (options.pull === "never") {
    throw new ImageMissingError(`${name} is not in the store, and it may not be pulled`);
  }
  const { pull } = await later<typeof import("./pull.ts")>(import.meta, "./pull.ts");
  using team = await unpackTeam();
  await using observer = await options.watch?.();
  const { platform } = options;
  const { onEvent, signal } = observer ?? {};
  const { parseReference } = await references();
  const unpack = team.unpack.bind(team);
  await pull(store, parseReference(name), { platform, onEvent, signal, unpack });
}

/** Unpacks what a crash, or an `rm` by hand, has left without its directory. */
async function unpackMissing(store: ImageStore, image: Image): Promise<void> {
  const missing = image.layers.filter(({ directory }) => !exists(directory));
  if (missing.length === 0) return;
  using team = await unpackTeam();
  const all = await Promise.allSettled(missing.map((layer) => team.unpack(store, layer)));
  for (const each of all) if (each.status === "rejected") throw each.reason;
}

async function unpackTeam() {
  const { UnpackTeam } = await later<typeof import("./unpack_team.ts")>(
    import.meta,
    "./unpack_team.ts",
  );
  return new UnpackTeam();
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
