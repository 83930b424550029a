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
import { Turns } from "./turns.ts";

/** The annotation that keeps what the name stood for in the registry: an index's digest, often. */
export const PULLED_DIGEST = "tiffin.pulled-digest";

/** Layers fetched at the same time, as many as Docker does. */
const AT_ONCE = 3;

/** What {@linkcode UnpackLayer} is told. */
export interface UnpackTimes {
  /** Stops it when it fires. */
  signal?: AbortSignal;
  /** The blob is still being fetched, to where `store.downloadPath` says. */
  arriving?: boolean;
}

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

/** Unpacks a layer's blob to the layer's directory, checking its diff ID; unpack_team.ts has it. */
export type UnpackLayer = (
  store: ImageStore,
  layer: ImageLayer,
  options: UnpackTimes,
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
  /** Whose turn it is to fetch. */
  turns: Turns;
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
  const download = { signal, patience, onRetry };
  const it: Pull = { store, registry, options, download, turns: new Turns(AT_ONCE) };

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
  await allOrNothing(layers.map((layer) => fetchLayer(it, layer)), stop);

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
  const { store, options: { onEvent } } = it;
  const { digest, size } = layer.descriptor;
  const tell = (state: LayerState, received: number) => {
    onEvent?.({ kind: "layer", digest, state, received, total: size });
  };
  const unpacking = new Unpacking(it, layer);
  let fetched = false;
  const onState = (state: LayerState, received: number) => {
    if (state === "exists") return;
    fetched = true;
    if (state === "downloading") unpacking.begin();
    tell(state, received);
  };
  try {
    using _turn = await it.turns.take(it.download.signal);
    await downloadBlob(store, it.registry, layer.descriptor, { ...it.download, onState });
  } catch (error) {
    await unpacking.stop(error);
    throw error;
  }
  if (unpacking.isWanted) {
    fetched = true;
    tell("unpacking", size);
    await unpacking.end();
  }
  tell(fetched ? "done" : "exists", size);
}

/** The unpacking of a layer, which goes on while the layer is fetched. */
class Unpacking {
  /** Whether there is anything to unpack, and somebody to do it. */
  readonly isWanted: boolean;
  readonly #stop = new AbortController();
  readonly #unpack: (arriving: boolean) => Promise<unknown>;
  #begun?: Promise<unknown>;

  constructor({ store, download, options: { unpack } }: Pull, layer: ImageLayer) {
    this.isWanted = unpack !== undefined && !isDirectory(layer.directory);
    const signal = AbortSignal.any([
      this.#stop.signal,
      ...download.signal ? [download.signal] : [],
    ]);
    this.#unpack = async (arriving) => await unpack?.(store, layer, { signal, arriving });
  }

  /** Begins with what has come, unless it has begun. */
  begin(): void {
    if (!this.isWanted || this.#begun) return;
    this.#begun = this.#unpack(true);
    // Whoever waits for the end is told; until then there may be nobody.
    this.#begun.catch(() => {});
  }

  /** Waits for the end, when the whole blob is there, and begins now where that has not been done. */
  async end(): Promise<void> {
    try {
      if (this.#begun) return void await this.#begun;
    } catch (error) {
      // What was there before, of a download that was killed, was found to be wrong and fetched
      // again; who had read it already has seen another blob.
      if (!(error instanceof Error && error.name === "StoreError")) throw error;
    }
    await this.#unpack(false);
  }

  /** Waits until it has stopped. */
  async stop(reason: unknown): Promise<void> {
    this.#stop.abort(reason);
    await this.#begun?.catch(() => {});
  }
}

/**
 * Waits for all of them, and stops at the first failure: the others are told through `stop`, and
 * waited for, so that nothing goes on behind the caller's back.
 */
async function allOrNothing(works: Promise<void>[], stop: AbortController): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(works.map((work) =>
    work.catch((error) => {
      failures.push(error);
      stop.abort(error);
    })
  ));
  if (failures.length > 0) throw failures[0];
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
