/**
 * One blob from the store into a registry, unless it is there, or can be taken from another
 * repository of the same registry.
 *
 * OCI distribution-spec v1.1, "Push". A small blob goes in one request that can be repeated. A large
 * one goes as Docker sends it, one PATCH with all of it, and where that is cut, goes on with what
 * the registry says it lacks.
 *
 * @module
 */

import { delay } from "./file_lock.ts";
import { type HttpReply, PATIENCE, type Patience, redirectTarget } from "./http.ts";
import type { Descriptor } from "./manifest.ts";
import type { Registry, RegistryRequest } from "./registry.ts";
import { RegistryError } from "./registry_error.ts";
import type { ImageStore } from "./store.ts";

/** Blobs up to this size go in one piece, in bytes. */
const SMALL = 4 * 1024 * 1024;
/** What of a large blob is in memory at a time. */
const CHUNK = 256 * 1024;

const OCTETS = { "content-type": "application/octet-stream" };
const WRITE = "pull,push";

/** What {@linkcode uploadBlob} may be told. */
export interface UploadOptions {
  /** Another repository of the registry that may have the blob. */
  mountFrom?: string;
  /** Ends the upload. */
  signal?: AbortSignal;
  /** How long to wait and how often to try. */
  patience?: Patience;
  /** Told how many of the blob's bytes have been sent. */
  onSent?: (sent: number) => void;
  /** Told before a cut upload is taken up again: why, and after how many milliseconds. */
  onRetry?: (reason: string, pause: number) => void;
}

/** One upload's surroundings. */
interface Upload {
  store: ImageStore;
  registry: Registry;
  blob: Descriptor;
  asked: string;
  options: UploadOptions;
}

/**
 * Brings a blob into a repository.
 *
 * @returns what had to be done: nothing, a mount from another repository, or sending it
 * @throws {RegistryError} whatever the registry does
 * @throws {StoreError} if the blob is not in the store
 */
export async function uploadBlob(
  store: ImageStore,
  registry: Registry,
  blob: Descriptor,
  options: UploadOptions = {},
): Promise<"there" | "mounted" | "pushed"> {
  const it: Upload = { store, registry, blob, asked: `the upload of ${blob.digest}`, options };
  const look = { method: "HEAD", actions: WRITE, fine: [200, 404] } as const;
  const found = await registry.request(`blobs/${blob.digest}`, it.asked, look);
  await found.cancel();
  if (found.status === 200) return "there";
  const { mountFrom } = options;
  let location = await begin(it, mountFrom);
  if (!location) return "mounted";
  const { attempts, backoff } = options.patience ?? PATIENCE;
  let from = 0;
  for (let attempt = 1;; attempt++) {
    try {
      await send(it, location, from);
      return "pushed";
    } catch (error) {
      if (!(error instanceof RegistryError && error.passing) || attempt >= attempts) throw error;
      const pause = backoff * 2 ** (attempt - 1);
      options.onRetry?.(error.message, pause);
      await delay(pause, options.signal);
      // A registry need not know of an upload any more that was cut.
      from = await sentAlready(it, location).catch(() => 0);
      if (from === 0) location = (await begin(it))!;
    }
  }
}

/** Begins an upload; nothing if the registry has found the blob in the other repository. */
async function begin(it: Upload, mountFrom?: string): Promise<URL | undefined> {
  const { registry, blob, asked } = it;
  const query = mountFrom === undefined
    ? ""
    : `?${new URLSearchParams({ mount: blob.digest, from: mountFrom })}`;
  const reply = await registry.request(`blobs/uploads/${query}`, asked, {
    method: "POST",
    headers: { "content-length": "0" },
    actions: WRITE,
    scope: mountFrom === undefined ? undefined : `repository:${mountFrom}:pull`,
    fine: [201, 202],
  });
  await reply.cancel();
  return reply.status === 201 ? undefined : locationOf(it, reply);
}

/** Where the upload goes on. */
function locationOf({ registry, asked }: Upload, reply: HttpReply): URL {
  const location = reply.header("location");
  if (location !== undefined) return redirectTarget(location, reply.url, asked);
  throw new RegistryError("server", registry.url.host, asked, "it did not say where to send it");
}

/** Sends the blob from this byte on, and ends the upload. */
async function send(it: Upload, location: URL, from: number): Promise<void> {
  const { blob: { digest, size } } = it;
  const put = { method: "PUT", headers: OCTETS, actions: WRITE, fine: [201, 204] } as const;
  if (size <= SMALL) {
    const body = await it.store.readBlob(digest, size);
    await request(it, withDigest(location, digest), { ...put, body: new Uint8Array(body) });
    it.options.onSent?.(size);
    return;
  }
  if (from < size) {
    const range: Record<string, string> = from > 0
      ? { "content-range": `${from}-${size - 1}` }
      : {};
    const reply = await request(it, location, {
      method: "PATCH",
      headers: { ...OCTETS, ...range },
      body: () => pieces(it, from),
      actions: WRITE,
      fine: [202, 204],
    });
    location = locationOf(it, reply);
  }
  // The registry may read all of it again before it answers.
  const { patience = PATIENCE } = it.options;
  const slow = { ...patience, stall: patience.stall * 20 };
  await request(it, withDigest(location, digest), { ...put, patience: slow });
}

/** As the registry's own, but what may pass is marked so: an upload can be begun again. */
async function request(
  { registry, asked }: Upload,
  url: URL,
  what: RegistryRequest,
): Promise<HttpReply> {
  const passing = [408, 429, 500, 502, 503, 504];
  const fine = [...what.fine ?? [], ...passing];
  const reply = await registry.request(url, asked, { ...what, fine });
  await reply.cancel();
  if (!passing.includes(reply.status)) return reply;
  const came = `it answered ${reply.status}`;
  throw new RegistryError("server", registry.url.host, asked, came, {
    passing: true,
    hint: "try again later",
  });
}

async function* pieces({ store, blob, options }: Upload, from: number): AsyncGenerator<Uint8Array> {
  using file = await store.openBlob(blob.digest);
  await file.seek(from, Deno.SeekMode.Start);
  for (let sent = from;;) {
    const buffer = new Uint8Array(CHUNK);
    const length = await file.read(buffer);
    if (length === null) return;
    yield buffer.subarray(0, length);
    options.onSent?.(sent += length);
  }
}

/** How many bytes of a cut upload the registry has kept. */
async function sentAlready(it: Upload, location: URL): Promise<number> {
  if (it.blob.size <= SMALL) return 0;
  const reply = await it.registry.request(location, it.asked, { actions: WRITE, fine: [204] });
  await reply.cancel();
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(reply.header("range") ?? "") ?? [];
  return last === undefined ? 0 : Math.min(Number(last) + 1, it.blob.size);
}

function withDigest(location: URL, digest: string): URL {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  return url;
}
