/**
 * Brings blobs from an archive into the store.
 *
 * @module
 */

import type { ArchiveFiles } from "./archive_files.ts";
import { compressionOf } from "./compression.ts";
import { type Descriptor, MEDIA_TYPE } from "./manifest.ts";
import type { ImageStore } from "./store.ts";

/** An image that was loaded. */
export interface LoadedImage {
  /** The canonical name that the store knows it by. */
  name: string;
  /** Its manifest. */
  descriptor: Descriptor;
}

/** An image whose blobs are in the store, with the names that its archive gives it. */
export interface UnnamedImage {
  /** What the archive calls it: names, or a tag alone. */
  names: string[];
  /** Its manifest. */
  descriptor: Descriptor;
}

/** What layers are called by their compression. */
export const LAYER_TYPES = {
  none: MEDIA_TYPE.OCI_LAYER,
  gzip: MEDIA_TYPE.OCI_LAYER_GZIP,
  zstd: MEDIA_TYPE.OCI_LAYER_ZSTD,
};

/** Pieces between two looks at what else there is to do: timers, signals, the progress. */
const BREATH = 64;

/**
 * Copies a blob that is known by its digest, unless it is there.
 *
 * @throws {DigestMismatch} if the archive's bytes are others
 * @throws {ArchiveError} if the archive has no such file
 */
export async function copyBlob(
  store: ImageStore,
  files: ArchiveFiles,
  name: string,
  expected: Pick<Descriptor, "digest" | "size">,
  signal?: AbortSignal,
): Promise<void> {
  if (await store.hasBlob(expected.digest)) return;
  const { bytes } = files.open(name);
  await store.writeBlob(streamOf(bytes, signal), expected);
}

/**
 * Copies a layer that is known by its diff ID alone: what is not compressed must hash to it, what is
 * compressed is checked when it is unpacked.
 */
export async function copyLayer(
  store: ImageStore,
  files: ArchiveFiles,
  name: string,
  diffId: string,
  signal?: AbortSignal,
): Promise<Descriptor> {
  const { size, bytes } = files.open(name);
  const { value: first = new Uint8Array() } = bytes.next();
  const kind = compressionOf(first);
  const mediaType = LAYER_TYPES[kind];
  const isPlain = kind === "none";
  if (isPlain && await store.hasBlob(diffId)) {
    bytes.return(undefined);
    return { mediaType, digest: diffId, size };
  }
  const whole = function* () {
    yield first;
    yield* bytes;
  };
  const expected = isPlain ? { digest: diffId, size } : undefined;
  return { mediaType, ...await store.writeBlob(streamOf(whole(), signal), expected) };
}

/** Pieces as a stream that lets others have a turn. */
export function streamOf(
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): ReadableStream<Uint8Array> {
  const breathing = async function* () {
    let count = 0;
    for await (const piece of pieces) {
      if (++count % BREATH === 0) await new Promise((done) => setTimeout(done));
      signal?.throwIfAborted();
      yield piece;
    }
  };
  return ReadableStream.from(breathing());
}

/** Stores a document that we have made. */
export async function writeJson(
  store: ImageStore,
  mediaType: string,
  value: unknown,
): Promise<Descriptor> {
  return { mediaType, ...await store.writeBlob(new TextEncoder().encode(JSON.stringify(value))) };
}
