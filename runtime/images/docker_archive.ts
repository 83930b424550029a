/**
 * Reads what `docker save` writes: `manifest.json`, and for each image a config and its layers.
 *
 * Such an archive has no manifest in the sense of a registry; one is made, so the image's digest is
 * new, and its ID, which is its config's digest, is kept. docker-image-spec, "Combined Image JSON +
 * Filesystem Changeset Format".
 *
 * @module
 */

import { copyLayer, type UnnamedImage, writeJson } from "./archive_blobs.ts";
import { ArchiveError, type ArchiveFiles } from "./archive_files.ts";
import { type Manifest, MAX_DOCUMENT, MEDIA_TYPE, parseConfig } from "./manifest.ts";
import type { ImageStore } from "./store.ts";

/** One image of `manifest.json`. */
interface SavedImage {
  Config: string;
  RepoTags: string[];
  Layers: string[];
}

/**
 * Brings the images of a Docker archive into the store.
 *
 * @throws {ArchiveError} if `manifest.json` is malformed or names a file that is not there
 * @throws {ManifestError} if a config is malformed or does not fit its layers
 * @throws {DigestMismatch} if a layer is not what the config says
 */
export async function loadDockerArchive(
  store: ImageStore,
  files: ArchiveFiles,
  signal?: AbortSignal,
): Promise<UnnamedImage[]> {
  const images: UnnamedImage[] = [];
  for (const saved of parseSaved(files.read("manifest.json", MAX_DOCUMENT))) {
    images.push(await loadImage(store, files, saved, signal));
  }
  return images;
}

async function loadImage(
  store: ImageStore,
  files: ArchiveFiles,
  saved: SavedImage,
  signal?: AbortSignal,
): Promise<UnnamedImage> {
  const configBytes = files.read(saved.Config, MAX_DOCUMENT);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.OCI_MANIFEST,
    config: { mediaType: MEDIA_TYPE.OCI_CONFIG, digest: "", size: configBytes.length },
    // As many as there will be; what they are is known when they have been read.
    layers: saved.Layers.map(() => ({ mediaType: MEDIA_TYPE.OCI_LAYER, digest: "", size: 0 })),
  };
  const { rootfs } = parseConfig(configBytes, manifest);
  for (const [i, name] of saved.Layers.entries()) {
    manifest.layers[i] = await copyLayer(store, files, name, rootfs.diff_ids[i], signal);
  }
  manifest.config.digest = (await store.writeBlob(configBytes)).digest;
  const descriptor = await writeJson(store, manifest.mediaType, manifest);
  return { names: saved.RepoTags, descriptor };
}

function parseSaved(bytes: Uint8Array): SavedImage[] {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ArchiveError(`manifest.json is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(document) || document.length === 0) {
    throw new ArchiveError("manifest.json is not a list of images");
  }
  return document.map((image, i) => {
    const { Config, RepoTags, Layers } = image ?? {};
    const isText = (value: unknown) => typeof value === "string";
    if (!isText(Config) || !Array.isArray(Layers) || !Layers.every(isText)) {
      throw new ArchiveError(`manifest.json: image ${i} lacks its Config or its Layers`);
    }
    const tags = RepoTags ?? [];
    if (!Array.isArray(tags) || !tags.every(isText)) {
      throw new ArchiveError(`manifest.json: the RepoTags of image ${i} are not names`);
    }
    return { Config, Layers, RepoTags: tags };
  });
}
