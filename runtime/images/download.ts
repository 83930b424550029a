/**
 * One blob from a registry into the store: fetched once however many want it, taken up again where
 * it was cut, and kept only if it is what its digest says.
 *
 * @module
 */

import { BlobWriter } from "./blob_writer.ts";
import { DigestMismatch } from "./digest.ts";
import { delay } from "./file_lock.ts";
import { PATIENCE, type Patience } from "./http.ts";
import type { Descriptor } from "./manifest.ts";
import type { BlobSource } from "./registry.ts";
import { RegistryError } from "./registry_error.ts";
import { release } from "./release.ts";
import type { ImageStore } from "./store.ts";

/** This many bytes more than ever before are progress: the count of tries begins again. */
const PROGRESS = 1024 * 1024;

/** What {@linkcode downloadBlob} may be told. */
export interface DownloadOptions {
  /** Ends the download; what has come stays for the next one. */
  signal?: AbortSignal;
  /** How long to wait and how often to try. */
  patience?: Patience;
  /** Told what happens, and how many of the blob's bytes are there. */
  onState?: (state: "exists" | "waiting" | "downloading" | "verifying", received: number) => void;
  /** Told before a cut download is taken up again: why, and after how many milliseconds. */
  onRetry?: (reason: string, pause: number) => void;
}

/**
 * Fetches a blob, unless it is there. Another process, or another part of this one, that fetches the
 * same blob is waited for; should it die, its work is carried on.
 *
 * @throws {RegistryError} `corrupt` if the bytes are not the blob's; whatever else the registry does
 */
export async function downloadBlob(
  store: ImageStore,
  registry: BlobSource,
  blob: Descriptor,
  options: DownloadOptions = {},
): Promise<void> {
  const { signal, onState } = options;
  if (await store.hasBlob(blob.digest)) return onState?.("exists", blob.size);
  const onWait = () => onState?.("waiting", 0);
  using writer = await BlobWriter.open(store.downloadPath(blob.digest), { signal, onWait });
  if (await store.hasBlob(blob.digest)) {
    writer.discard();
    return onState?.("exists", blob.size);
  }
  await writer.resume();
  if (writer.received > blob.size) await writer.restart();
  const continued = writer.received > 0;
  try {
    await fetchRest(writer, registry, blob, options);
    onState?.("verifying", blob.size);
    await finish(writer, store, blob);
  } catch (error) {
    if (!(error instanceof DigestMismatch)) throw error;
    // What a killed process left may be anything; what the registry itself sent from the first
    // byte to the last is its own word.
    if (!continued) throw corrupt(writer, registry, blob, error);
    await writer.restart();
    try {
      await fetchRest(writer, registry, blob, options);
      await finish(writer, store, blob);
    } catch (error) {
      throw error instanceof DigestMismatch ? corrupt(writer, registry, blob, error) : error;
    }
  }
}

/** Fetches what is missing, and goes on after a cut or a stall with the next byte. */
async function fetchRest(
  writer: BlobWriter,
  registry: BlobSource,
  blob: Descriptor,
  { signal, patience = PATIENCE, onState, onRetry }: DownloadOptions,
): Promise<void> {
  let failures = 0;
  let reached = writer.received;
  while (writer.received < blob.size) {
    onState?.("downloading", writer.received);
    const { offset, reply } = await registry.blob(blob, writer.received);
    if (offset !== writer.received) await writer.restart();
    const announced = reply.header("content-length");
    if (announced !== undefined && Number(announced) !== blob.size - offset) {
      await reply.cancel();
      throw new DigestMismatch(`${announced} bytes were sent where ${blob.size - offset} are due`);
    }
    try {
      for await (const bytes of reply.pieces()) {
        writer.append(bytes, blob.size);
        release(bytes);
        onState?.("downloading", writer.received);
      }
      if (writer.received < blob.size) throw cutShort(writer, registry, blob);
    } catch (error) {
      if (!(error instanceof RegistryError && error.passing)) throw error;
      failures = writer.received - reached >= PROGRESS ? 1 : failures + 1;
      reached = Math.max(reached, writer.received);
      if (failures >= patience.attempts) throw error;
      const pause = patience.backoff * 2 ** (failures - 1);
      onRetry?.(error.message, pause);
      await delay(pause, signal);
    }
  }
}

async function finish(writer: BlobWriter, store: ImageStore, blob: Descriptor): Promise<void> {
  await writer.finish((digest) => store.blobPath(digest), blob);
}

function cutShort(writer: BlobWriter, registry: BlobSource, blob: Descriptor): RegistryError {
  const came = `only ${writer.received} of ${blob.size} bytes came`;
  return new RegistryError("unreachable", registry.url.host, `blob ${blob.digest}`, came, {
    passing: true,
  });
}

function corrupt(
  writer: BlobWriter,
  registry: BlobSource,
  blob: Descriptor,
  mismatch: DigestMismatch,
): RegistryError {
  writer.discard();
  const came = `what came is not it (${mismatch.message})`;
  return new RegistryError("corrupt", registry.url.host, `blob ${blob.digest}`, came, {
    cause: mismatch,
    hint: "nothing of it was kept; the registry, or somebody on the way to it, sent wrong bytes",
  });
}
