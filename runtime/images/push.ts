/**
 * Pushing: from an image in the store to a name in a registry.
 *
 * Layers and config go first, those that the registry lacks; the manifest last, and with it the
 * name. So a push that ends anywhere before leaves blobs there, and the name as it was.
 *
 * @module
 */

import { isDigest } from "./digest.ts";
import { type Descriptor, MAX_DOCUMENT } from "./manifest.ts";
import { PULLED_DIGEST } from "./pull.ts";
import { canonicalName, parseReference, type Reference } from "./reference.ts";
import { Registry, type RegistryOptions } from "./registry.ts";
import { RegistryError } from "./registry_error.ts";
import { type Image, type ImageStore, StoreError } from "./store.ts";
import { uploadBlob } from "./upload.ts";

/** Blobs sent at the same time. */
const AT_ONCE = 3;

/** What a layer is going through. */
export type PushState = "looking" | "uploading" | "there" | "mounted" | "pushed";

/** What {@linkcode push} tells while it goes on. */
export type PushEvent =
  /** This manifest, these layers are to go. Sizes in bytes. */
  | { kind: "resolved"; name: string; digest: string; layers: { digest: string; size: number }[] }
  /** A layer, named by its blob's digest, with how many of its `total` bytes are sent. */
  | { kind: "layer"; digest: string; state: PushState; received: number; total: number }
  /** Something failed and will be tried again after `pause` milliseconds. */
  | { kind: "retry"; reason: string; pause: number };

/** What {@linkcode push} may be told. */
export interface PushOptions extends Pick<RegistryOptions, "credentials" | "patience" | "signal"> {
  /** Told what happens. */
  onEvent?: (event: PushEvent) => void;
}

/** What was pushed. */
export interface PushResult {
  /** The manifest's digest, which `name@sha256:…` takes. */
  digest: string;
  /** The manifest's length. */
  size: number;
}

/**
 * Pushes an image to the registry that its name says.
 *
 * @param reference a name that the store knows, with a tag
 * @throws {StoreError} if the store has no such image, or not all of it
 * @throws {RegistryError} if the registry does not answer, or refuses
 * @throws the signal's reason, if it fires
 */
export async function push(
  store: ImageStore,
  reference: Reference,
  options: PushOptions = {},
): Promise<PushResult> {
  using _lease = await store.lease();
  const name = canonicalName(reference);
  const image = await store.image(name);
  if (!image) {
    throw new StoreError(`${name} is not in the store: tag an image with this name first`);
  }
  const blobs = [...new Map([...image.manifest.layers, image.manifest.config].map((blob) => {
    return [blob.digest, blob] as const;
  })).values()];
  for (const { digest } of blobs) await needBlob(store, name, digest);
  const { onEvent } = options;
  const layers = blobs.slice(0, -1).map(({ digest, size }) => ({ digest, size }));
  onEvent?.({ kind: "resolved", name, digest: image.digest, layers });

  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const onRetry = (reason: string, pause: number) => onEvent?.({ kind: "retry", reason, pause });
  const registry = new Registry(reference, { ...options, signal, onRetry });
  const elsewhere = await otherRepositories(store, reference, image);
  await inParallel(blobs, stop, async (blob) => {
    const { digest, size: total } = blob;
    const isLayer = layers.some((layer) => layer.digest === digest);
    const tell = (state: PushState, received: number) => {
      if (isLayer) onEvent?.({ kind: "layer", digest, state, received, total });
    };
    tell("looking", 0);
    const onSent = (sent: number) => tell("uploading", sent);
    const mountFrom = elsewhere.get(digest);
    const { patience } = options;
    tell(
      await uploadBlob(store, registry, blob, { mountFrom, signal, patience, onRetry, onSent }),
      total,
    );
  });
  const result = await putManifest(store, registry, reference, image);
  const descriptor = await store.find(name);
  if (descriptor?.digest === image.digest) {
    const annotations = { ...descriptor.annotations, [PULLED_DIGEST]: image.digest };
    await store.tag(name, { ...descriptor, annotations });
  }
  return result;
}

async function needBlob(store: ImageStore, name: string, digest: string): Promise<void> {
  if (await store.hasBlob(digest)) return;
  throw new StoreError(`${name}: blob ${digest} is not in the store: pull or load the image again`);
}

/** Repositories of the same registry that have the image's blobs, if our own names are right. */
async function otherRepositories(
  store: ImageStore,
  { registry, repository }: Reference,
  { manifest }: Image,
): Promise<Map<string, string>> {
  const wanted = new Set(manifest.layers.map(({ digest }) => digest));
  const found = new Map<string, string>();
  for (const { name, descriptor } of await store.list()) {
    if (!name.startsWith(`${registry}/`)) continue;
    const other = parseReference(name);
    // Only what has been in the registry is there; a name alone can be given to anything.
    if (other.repository === repository || !wasThere(descriptor)) continue;
    const image = await store.image(name).catch(() => undefined);
    for (const { digest } of image?.manifest.layers ?? []) {
      if (wanted.has(digest)) found.set(digest, other.repository);
    }
  }
  return found;
}

/** Whether the image was pulled under its name, or pushed. */
function wasThere({ annotations }: Descriptor): boolean {
  return annotations?.[PULLED_DIGEST] !== undefined;
}

/** The manifest as it is, so that its digest is the same everywhere. */
async function putManifest(
  store: ImageStore,
  registry: Registry,
  reference: Reference,
  { digest, manifest: { mediaType } }: Image,
): Promise<PushResult> {
  const { tag = "latest" } = reference;
  const bytes = await store.readBlob(digest, MAX_DOCUMENT);
  const asked = `the upload of ${reference.repository}:${tag}`;
  const reply = await registry.request(`manifests/${tag}`, asked, {
    method: "PUT",
    headers: { "content-type": mediaType },
    body: new Uint8Array(bytes),
    actions: "pull,push",
    fine: [201],
  });
  await reply.cancel();
  const named = reply.header("docker-content-digest");
  if (isDigest(named) && named !== digest) {
    throw new RegistryError(
      "corrupt",
      registry.url.host,
      asked,
      `it keeps ${named}, not ${digest}`,
    );
  }
  return { digest, size: bytes.length };
}

/**
 * Works through the items, several at a time, and stops at the first failure: the others are told
 * through `stop`, and waited for, so that nothing goes on behind the caller's back.
 */
async function inParallel<T>(
  items: T[],
  stop: AbortController,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const item of queue) {
      if (failures.length > 0) return;
      await work(item).catch((error) => {
        failures.push(error);
        stop.abort(error);
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failures.length > 0) throw failures[0];
}
