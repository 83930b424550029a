/**
 * Reads an OCI image layout: `index.json`, and blobs named by their digests.
 *
 * OCI image-spec v1.1, image-layout.md.
 *
 * @module
 */

import { copyBlob, type UnnamedImage } from "./archive_blobs.ts";
import { ArchiveError, type ArchiveFiles } from "./archive_files.ts";
import { hexOf } from "./digest.ts";
import { type Descriptor, isIndex, MAX_DOCUMENT, parseConfig, parseManifest } from "./manifest.ts";
import { choosePlatform, formatPlatform, hostPlatform } from "./platform.ts";
import type { ImageStore } from "./store.ts";

/** containerd's annotation has the whole name, OCI's own often the tag alone. */
const NAMES = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];

/** An index may lead to an index, but not for ever. */
const MAX_DEPTH = 4;

/**
 * Brings the images of a layout into the store: of each name the one for this machine.
 *
 * @throws {ArchiveError} if a blob is not there, or none is for this machine
 * @throws {ManifestError} if index.json or a manifest is malformed
 * @throws {DigestMismatch} if a blob is not what its digest says
 */
export async function loadOciLayout(
  store: ImageStore,
  files: ArchiveFiles,
  signal?: AbortSignal,
): Promise<UnnamedImage[]> {
  const index = parseManifest(files.read("index.json", MAX_DOCUMENT), "");
  if (!isIndex(index)) throw new ArchiveError("index.json is not an index of images");
  const byName = new Map<string, Descriptor[]>();
  for (const descriptor of index.manifests) {
    const name = NAMES.map((key) => descriptor.annotations?.[key]).find(Boolean) ?? "";
    byName.set(name, [...byName.get(name) ?? [], descriptor]);
  }
  const images: UnnamedImage[] = [];
  for (const [name, descriptors] of byName) {
    const descriptor = await loadImage(store, files, descriptors, signal);
    images.push({ names: name === "" ? [] : [name], descriptor });
  }
  if (images.length === 0) throw new ArchiveError("index.json names no image");
  return images;
}

/** Follows indexes to the manifest for this machine, and copies what it is made of. */
async function loadImage(
  store: ImageStore,
  files: ArchiveFiles,
  offered: Descriptor[],
  signal?: AbortSignal,
): Promise<Descriptor> {
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const { mediaType, digest, size } = choose(offered);
    const descriptor = { mediaType, digest, size };
    await copyBlob(store, files, blobName(digest), descriptor, signal);
    const document = parseManifest(await store.readBlob(digest, MAX_DOCUMENT), mediaType);
    if (isIndex(document)) {
      offered = document.manifests;
      continue;
    }
    const { config, layers } = document;
    await copyBlob(store, files, blobName(config.digest), config, signal);
    parseConfig(await store.readBlob(config.digest, MAX_DOCUMENT), document);
    for (const layer of layers) {
      await copyBlob(store, files, blobName(layer.digest), layer, signal);
    }
    return descriptor;
  }
  throw new ArchiveError(`an index leads to an index, more than ${MAX_DEPTH} deep`);
}

function choose(offered: Descriptor[]): Descriptor {
  const platform = hostPlatform();
  // The only one is loaded whatever it is for, as Docker does: what it lacks, its start will say.
  const chosen = offered.length === 1 ? offered[0] : choosePlatform(offered, platform);
  if (chosen) return chosen;
  const named = offered.flatMap(({ platform }) => platform ? [formatPlatform(platform)] : []);
  throw new ArchiveError(
    `the archive has no image for ${formatPlatform(platform)}, only for: ${
      named.slice(0, 20).join(", ") || "platforms that it does not name"
    }`,
  );
}

function blobName(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
