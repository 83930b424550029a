/**
 * Pulling: from a name to an image in the store.
 *
 * The registry is asked what the name stands for; an index is followed to this machine's manifest;
 * config and layers are fetched, those that are missing; and only then the store learns the name.
 * A pull that ends anywhere before leaves blobs, each whole, and no name.
 *
 * @module
 */

import type { ImageConfig } from "../image_config.ts";
import { downloadBlob, type DownloadOptions } from "./download.ts";
import {
  type Descriptor,
  isIndex,
  type Manifest,
  ManifestError,
  MAX_DOCUMENT,
  parseConfig,
  parseManifest,
  type Platform,
} from "./manifest.ts";
import { choosePlatform, formatPlatform, hostPlatform, platformFits } from "./platform.ts";
import { canonicalName, type Reference } from "./reference.ts";
import { type FetchedManifest, Registry, type RegistryOptions } from "./registry.ts";
import { RegistryError } from "./registry_error.ts";
import type { ImageLayer, ImageStore } from "./store.ts";

/** The annotation that keeps what the name stood for in the registry: an index's digest, often. */
export const PULLED_DIGEST = "tiffin.pulled-digest";

/** Layers fetched at the same time, as many as Docker does. */
const AT_ONCE = 3;

/** An index may lead to an index, but not for ever. */
const MAX_DEPTH = 4;

/** What a layer is going through. */
export type LayerState = "exists" | "waiting" | "downloading" | "verifying" | "unpacking" | "done";

/** What {@linkcode pull} tells while it goes on. */
export type PullEvent =
  /** The name is found out: this manifest, these layers. Sizes in bytes. */
  | { kind: "resolved"; name: string; digest: string; layers: { digest: string; size: number }[] }
  /** A layer, named by its blob's digest, with how many of its `total` bytes are there. */
  | { kind: "layer"; digest: string; state: LayerState; received: number; total: number }
  /** Something failed and will be tried again after `pause` milliseconds. */
  | { kind: "retry"; reason: string; pause: number };

/** Unpacks a layer's blob to the layer's directory, checking its diff ID; unpack.ts has it. */
export type UnpackLayer = (
  store: ImageStore,
  layer: ImageLayer,
  options: { signal?: AbortSignal },
) => Promise<unknown>;

/** What {@linkcode pull} may be told. */
export interface PullOptions extends Pick<RegistryOptions, "credentials" | "patience" | "signal"> {
  /** Another platform than this machine's. */
  platform?: Platform;
  /** Told what happens. */
  onEvent?: (event: PullEvent) => void;
  /** Unpacks the layers; without it they are fetched only. */
  unpack?: UnpackLayer;
}

/** What was pulled. */
export interface PullResult {
  /** The canonical name that the store now knows it by. */
  name: string;
  /** What the name stands for in the registry: the digest that `name@sha256:…` takes. */
  digest: string;
  /** The manifest that was chosen. */
  descriptor: Descriptor;
  /** Whether the name stood for something else, or nothing, before. */
  changed: boolean;
}

/** One pull's surroundings. */
interface Pull {
  store: ImageStore;
  registry: Registry;
  options: PullOptions;
  download: DownloadOptions;
}

/**
 * Pulls an image into the store.
 *
 * @throws {RegistryError} if the registry does not answer, refuses, or sends wrong bytes
 * @throws {ManifestError} if what it sends is not an image
 * @throws the signal's reason, if it fires
 */
export async function pull(
  store: ImageStore,
  reference: Reference,
  options: PullOptions = {},
): Promise<PullResult> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const { credentials, patience, onEvent } = options;
  const onRetry = (reason: string, pause: number) => onEvent?.({ kind: "retry", reason, pause });
  const registry = new Registry(reference, { credentials, patience, signal, onRetry });
  const it: Pull = { store, registry, options, download: { signal, patience, onRetry } };

  using _lease = await store.lease();
  const name = canonicalName(reference);
  const before = await store.find(name);
  const top = await document(it, reference.digest ?? reference.tag ?? "latest");
  const { descriptor, bytes, manifest } = await chooseManifest(it, top);
  const config = await fetchConfig(it, manifest);
  checkPlatform(config, it);
  const layers = layersOf(store, manifest, config);
  onEvent?.({
    kind: "resolved",
    name,
    digest: top.descriptor.digest,
    layers: layers.map(({ descriptor: { digest, size } }) => ({ digest, size })),
  });
  await inParallel(layers, AT_ONCE, stop, (layer) => fetchLayer(it, layer));

  if (!await store.hasBlob(descriptor.digest)) await store.writeBlob(bytes, descriptor);
  const annotations = { [PULLED_DIGEST]: top.descriptor.digest };
  const { os, architecture, variant } = config;
  const platform = { os, architecture, ...(variant ? { variant } : {}) };
  const { mediaType, digest, size } = descriptor;
  await store.tag(name, { mediaType, digest, size, platform, annotations });
  return { name, digest: top.descriptor.digest, descriptor, changed: before?.digest !== digest };
}

/** A manifest or index, out of the store if it is named by its digest and there. */
async function document({ store, registry }: Pull, version: string): Promise<FetchedManifest> {
  if (!version.startsWith("sha256:") || !await store.hasBlob(version)) {
    return await registry.manifest(version);
  }
  const bytes = await store.readBlob(version, MAX_DOCUMENT);
  const document = parseManifest(bytes, "");
  const { mediaType } = document;
  return { bytes, document, descriptor: { mediaType, digest: version, size: bytes.length } };
}

/** Follows indexes down to one manifest for the platform. */
async function chooseManifest(
  it: Pull,
  top: FetchedManifest,
): Promise<{ descriptor: Descriptor; bytes: Uint8Array; manifest: Manifest }> {
  const wanted = it.options.platform ?? hostPlatform();
  let fetched = top;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const { document: manifest, descriptor, bytes } = fetched;
    if (!isIndex(manifest)) return { descriptor, bytes, manifest };
    const chosen = choosePlatform(manifest.manifests, wanted);
    if (!chosen) throw noSuchPlatform(it, wanted, manifest.manifests.map((each) => each.platform));
    fetched = await document(it, chosen.digest);
    if (fetched.bytes.length !== chosen.size) {
      throw new ManifestError(
        "manifests[…].size",
        `is ${chosen.size} for ${chosen.digest}, which has ${fetched.bytes.length} bytes`,
      );
    }
  }
  throw new ManifestError("manifests", `lead from index to index, more than ${MAX_DEPTH} deep`);
}

async function fetchConfig(it: Pull, manifest: Manifest): Promise<ImageConfig> {
  if (manifest.config.size > MAX_DOCUMENT) {
    throw new ManifestError(
      "config.size",
      `is ${manifest.config.size}; ${MAX_DOCUMENT} are allowed`,
    );
  }
  await downloadBlob(it.store, it.registry, manifest.config, it.download);
  return parseConfig(await it.store.readBlob(manifest.config.digest, MAX_DOCUMENT), manifest);
}

/** A platform that somebody asked for must be the config's too, not only the index's word for it. */
function checkPlatform(config: ImageConfig, it: Pull): void {
  const { platform } = it.options;
  if (platform === undefined ? config.os === "linux" : platformFits(config, platform)) return;
  throw noSuchPlatform(it, platform ?? hostPlatform(), [config]);
}

function noSuchPlatform(
  { registry }: Pull,
  wanted: Platform,
  offered: (Platform | undefined)[],
): RegistryError {
  // Attestations stand in an index under the platform unknown/unknown.
  const real = offered.filter((each) => each !== undefined && each.os !== "unknown");
  const names = [...new Set(real.map((each) => formatPlatform(each!)))].slice(0, 40);
  const asked = `the image for ${formatPlatform(wanted)}`;
  const found = names.length > 0 ? `only ${names.join(", ")}` : "none that names a platform";
  const came = `there is ${found}`;
  return new RegistryError("not-found", registry.url.host, asked, came, {
    hint: "choose one with --platform, or another image",
  });
}

/** The image's layers, each once. */
function layersOf(store: ImageStore, manifest: Manifest, config: ImageConfig): ImageLayer[] {
  const layers = new Map<string, ImageLayer>();
  manifest.layers.forEach((descriptor, i) => {
    const diffId = config.rootfs.diff_ids[i];
    const directory = store.layerDirectory(diffId);
    layers.set(`${descriptor.digest} ${diffId}`, { descriptor, diffId, directory });
  });
  return [...layers.values()];
}

async function fetchLayer(it: Pull, layer: ImageLayer): Promise<void> {
  const { store, options: { onEvent, unpack } } = it;
  const { digest, size } = layer.descriptor;
  const tell = (state: LayerState, received: number) => {
    onEvent?.({ kind: "layer", digest, state, received, total: size });
  };
  let fetched = false;
  const onState = (state: LayerState, received: number) => {
    fetched ||= state !== "exists";
    if (state !== "exists") tell(state, received);
  };
  await downloadBlob(store, it.registry, layer.descriptor, { ...it.download, onState });
  if (unpack && !await isDirectory(layer.directory)) {
    fetched = true;
    tell("unpacking", size);
    await unpack(store, layer, { signal: it.download.signal });
  }
  tell(fetched ? "done" : "exists", size);
}

/**
 * Works through the items, so many at a time, and stops at the first failure: the others are told
 * through `stop`, and waited for, so that nothing goes on behind the caller's back.
 */
async function inParallel<T>(
  items: T[],
  atOnce: number,
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
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failures.length > 0) throw failures[0];
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
