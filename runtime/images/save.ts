/**
 * Writes images as an archive: an OCI image layout in a tar, with the `manifest.json` beside it that
 * `docker load` of any age looks for. It is what `docker save` has written since version 25.
 *
 * OCI image-spec v1.1, image-layout.md; docker-image-spec, "Combined Image JSON + Filesystem
 * Changeset Format".
 *
 * @module
 */

import { digestOf, hasher, hexOf } from "./digest.ts";
import { type Descriptor, MAX_DOCUMENT, MEDIA_TYPE } from "./manifest.ts";
import { canonicalName, parseReference } from "./reference.ts";
import { type Image, type ImageStore, StoreError } from "./store.ts";
import { encodeHeader, END_OF_ARCHIVE, padding } from "./tar_writer.ts";

/** An image to be saved, with the names that the archive shall give it. */
export interface ImageToSave {
  /** The image. */
  image: Image;
  /** Canonical names; none for an image that is known by its ID alone. */
  names: string[];
}

const CHUNK = 256 * 1024;

/** What Docker calls what OCI has another name for; the bytes are the same. */
const OCI_NAMES: Record<string, string> = {
  [MEDIA_TYPE.DOCKER_CONFIG]: MEDIA_TYPE.OCI_CONFIG,
  [MEDIA_TYPE.DOCKER_LAYER_GZIP]: MEDIA_TYPE.OCI_LAYER_GZIP,
  "application/vnd.docker.image.rootfs.diff.tar": MEDIA_TYPE.OCI_LAYER,
  "application/vnd.docker.image.rootfs.diff.tar.zstd": MEDIA_TYPE.OCI_LAYER_ZSTD,
};

/** A file of the archive: bytes at hand, or a blob of the store. */
type ArchivedFile = { name: string; bytes: Uint8Array } | { name: string; blob: Descriptor };

/**
 * The archive's bytes.
 *
 * A manifest of Docker's is written as OCI's, which has another digest; the image's ID stays.
 *
 * @throws {StoreError} if a blob is missing or damaged
 */
export async function* saveImages(
  store: ImageStore,
  images: readonly ImageToSave[],
): AsyncGenerator<Uint8Array> {
  using _lease = await store.lease();
  for (const name of ["blobs/", "blobs/sha256/"]) yield encodeHeader({ name, type: "directory" });
  for (const file of await filesOf(store, images)) yield* write(store, file);
  yield END_OF_ARCHIVE;
}

async function filesOf(
  store: ImageStore,
  images: readonly ImageToSave[],
): Promise<ArchivedFile[]> {
  const files = new Map<string, ArchivedFile>();
  const put = (file: ArchivedFile) => void files.set(file.name, file);
  const manifests: Descriptor[] = [];
  const saved = [];
  for (const { image, names } of images) {
    const { descriptor, bytes } = await ociManifest(store, image);
    put({ name: blobName(descriptor.digest), bytes });
    for (const blob of [image.manifest.config, ...image.manifest.layers]) {
      await needBlob(store, blob);
      put({ name: blobName(blob.digest), blob });
    }
    if (names.length === 0) manifests.push(descriptor);
    for (const name of names) manifests.push({ ...descriptor, annotations: annotationsOf(name) });
    saved.push({
      Config: blobName(image.id),
      // in full: podman 4 takes Docker's short ones for names of localhost's
      RepoTags: names.map(parseReference).filter(({ tag }) => tag).map(canonicalName),
      Layers: image.manifest.layers.map(({ digest }) => blobName(digest)),
    });
  }
  put({
    name: "index.json",
    bytes: json({ schemaVersion: 2, mediaType: MEDIA_TYPE.OCI_INDEX, manifests }),
  });
  put({ name: "manifest.json", bytes: json(saved) });
  put({ name: "oci-layout", bytes: json({ imageLayoutVersion: "1.0.0" }) });
  return [...files.values()];
}

/** The image's manifest, by OCI's names: a layout has no others. */
async function ociManifest(
  store: ImageStore,
  { digest, manifest }: Image,
): Promise<{ descriptor: Descriptor; bytes: Uint8Array }> {
  const mediaType = MEDIA_TYPE.OCI_MANIFEST;
  if (manifest.mediaType === mediaType) {
    const bytes = await store.readBlob(digest, MAX_DOCUMENT);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  }
  const bytes = json({
    ...manifest,
    mediaType,
    config: ociDescriptor(manifest.config),
    layers: manifest.layers.map(ociDescriptor),
  });
  return { descriptor: { mediaType, digest: await digestOf(bytes), size: bytes.length }, bytes };
}

/** A descriptor by OCI's names, where Docker has another one for the same bytes. */
export function ociDescriptor(descriptor: Descriptor): Descriptor {
  const mediaType = OCI_NAMES[descriptor.mediaType] ?? descriptor.mediaType;
  return { ...descriptor, mediaType };
}

/** The names that containerd and Docker look for, and the tag, which is skopeo's. */
function annotationsOf(name: string): Record<string, string> {
  const { tag } = parseReference(name);
  return {
    "io.containerd.image.name": name,
    ...(tag === undefined ? {} : { "org.opencontainers.image.ref.name": tag }),
  };
}

async function needBlob(store: ImageStore, { digest, size }: Descriptor): Promise<void> {
  if (!await store.hasBlob(digest)) {
    throw new StoreError(`blob ${digest} is not in the store: pull or load its image again`);
  }
  const actual = (await Deno.stat(store.blobPath(digest))).size;
  if (actual !== size) throw damaged(store, digest);
}

async function* write(store: ImageStore, file: ArchivedFile): AsyncGenerator<Uint8Array> {
  const size = "bytes" in file ? file.bytes.length : file.blob.size;
  yield encodeHeader({ name: file.name, type: "file", size });
  if ("bytes" in file) yield file.bytes;
  else yield* checkedBlob(store, file.blob);
  yield padding(size);
}

/** A blob's bytes, hashed again: the archive is a copy that somebody may rely on. */
async function* checkedBlob(
  store: ImageStore,
  { digest }: Descriptor,
): AsyncGenerator<Uint8Array> {
  using file = await store.openBlob(digest);
  const hash = await hasher();
  for (;;) {
    const buffer = new Uint8Array(CHUNK);
    const length = file.readSync(buffer);
    if (length === null) break;
    const piece = buffer.subarray(0, length);
    hash.update(piece);
    yield piece;
  }
  if (hash.digest() !== digest) throw damaged(store, digest);
}

function damaged(store: ImageStore, digest: string): StoreError {
  return new StoreError(
    `blob ${digest} is damaged: remove ${store.blobPath(digest)} and pull the image again`,
  );
}

function blobName(digest: string): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
