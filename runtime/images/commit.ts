/**
 * Makes an image of a container: the image that it was made from, with a layer of what it has
 * changed on top, and with what `run` was told in the config.
 *
 * @module
 */

import type { StoredRequest } from "../records.ts";
import type { ImageDefaults } from "../image_config.ts";
import { type LoadedImage, streamOf, writeJson } from "./archive_blobs.ts";
import { bring } from "./bring.ts";
import { hasher } from "./digest.ts";
import { applyChanges } from "./image_changes.ts";
import { type Descriptor, type Manifest, MEDIA_TYPE } from "./manifest.ts";
import { ociDescriptor } from "./save.ts";
import type { Image, ImageStore } from "./store.ts";

/** What an image is made of. */
export interface CommitRequest {
  /** The image that the container was made from. */
  image: Image;
  /** What the container was told beside it. */
  request: Pick<StoredRequest, "user" | "labels" | "options">;
  /** The program that the container ran, for the history. */
  command: string[];
  /** The tar of what the container has changed, diff_layer.ts. */
  layer: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** What {@linkcode commitImage} may be told. */
export interface CommitOptions {
  /** The image's canonical name; one by its digest unless given. */
  name?: string;
  /** Who made it. */
  author?: string;
  /** What its history says. */
  message?: string;
  /** Lines of a Dockerfile, as `CMD ["/bin/sh"]`. */
  changes?: string[];
  /** Stops between two pieces when it fires. */
  signal?: AbortSignal;
}

/** Where images are that nobody has named, by their digests. */
const NAMELESS = "localhost/commit";

/**
 * Writes the image, and names it.
 *
 * @returns its name, its manifest and its ID
 * @throws {ChangeError} if a change is not one
 */
export async function commitImage(
  store: ImageStore,
  { image, request, command, layer }: CommitRequest,
  { name, author, message, changes = [], signal }: CommitOptions = {},
): Promise<LoadedImage & { id: string }> {
  const config = applyChanges(startOf(image.config.config ?? {}, request), changes);
  return await bring(store, async () => {
    const { descriptor, diffId } = await writeLayer(store, layer, signal);
    const created = new Date().toISOString();
    const step = { created, created_by: command.join(" "), author, comment: message };
    const history = Array.isArray(image.config.history) ? image.config.history : [];
    const diff_ids = [...image.config.rootfs.diff_ids, diffId];
    const id = await writeJson(store, MEDIA_TYPE.OCI_CONFIG, {
      ...image.config,
      created,
      author: author ?? image.config.author,
      config,
      rootfs: { type: "layers", diff_ids },
      history: [...history, step],
    });
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.OCI_MANIFEST,
      config: id,
      layers: [...image.manifest.layers.map(ociDescriptor), descriptor],
    };
    const written = await writeJson(store, manifest.mediaType, manifest);
    const whole = name ?? `${NAMELESS}@${written.digest}`;
    await store.tag(whole, written);
    return { name: whole, descriptor: written, id: id.digest };
  });
}

/** Packs the tar on its way into the store, and hashes it before. */
async function writeLayer(
  store: ImageStore,
  layer: CommitRequest["layer"],
  signal?: AbortSignal,
): Promise<{ descriptor: Descriptor; diffId: string }> {
  const hash = await hasher();
  const hashed = async function* () {
    for await (const piece of layer) {
      hash.update(piece);
      yield piece;
    }
  };
  const packed = streamOf(hashed(), signal).pipeThrough(
    new CompressionStream("gzip") as TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>,
  );
  const blob = await store.writeBlob(packed);
  return { descriptor: { mediaType: MEDIA_TYPE.OCI_LAYER_GZIP, ...blob }, diffId: hash.digest() };
}

/** What containers of the new image start with: what this one was started with, as Docker does it. */
function startOf(image: ImageDefaults, { user, labels, options }: CommitRequest["request"]) {
  const defaults: ImageDefaults = { ...image };
  const { command, entrypoint, env, workdir, stopSignal } = options;
  if (user) defaults.User = user;
  if (labels) defaults.Labels = { ...defaults.Labels, ...labels };
  if (workdir) defaults.WorkingDir = workdir;
  if (stopSignal) defaults.StopSignal = stopSignal;
  if (entrypoint) {
    defaults.Entrypoint = entrypoint.join("") === "" ? null : entrypoint;
    defaults.Cmd = command ?? null;
  } else if (command?.length) defaults.Cmd = command;
  for (const entry of env ?? []) {
    const key = entry.split("=", 1)[0];
    const others = (defaults.Env ?? []).filter((each) => each.split("=", 1)[0] !== key);
    defaults.Env = key === entry ? others : [...others, entry];
  }
  return defaults;
}
