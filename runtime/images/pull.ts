/**
 * Pulling: from a name to an image in the store.
 *
 * The registry is asked what the name stands for; an index is followed to this machine's manifest;
 * config and layers are fetched, those that are missing; and only then the store learns the name.
 * A pull that ends anywhere before leaves blobs, each whole, and no name.
 *
 * @module
 */

import { later } from "../later.ts";
import { chooseManifest, fetchConfig, findManifest } from "./choose_manifest.ts";
import type { Descriptor, Manifest, Platform } from "./manifest.ts";
import { Mirrored } from "./mirrors.ts";
import type { PublicKey } from "./public_key.ts";
import { fetchLayers } from "./pull_layers.ts";
import { canonicalName, type Reference } from "./reference.ts";
import type { RegistryOptions } from "./registry.ts";
import type { ImageConfig } from "../image_config.ts";
import type { ImageLayer, ImageStore } from "./store.ts";

/** The annotation that keeps what the name stood for in the registry: an index's digest, often. */
export const PULLED_DIGEST = "tiffin.pulled-digest";

/** What a layer is going through. */
export type LayerState = "exists" | "waiting" | "downloading" | "verifying" | "unpacking" | "done";

/** What {@linkcode pull} tells while it goes on. */
export type PullEvent =
  /** The name is found out: this manifest, these layers. Sizes in bytes. */
  | { kind: "resolved"; name: string; digest: string; layers: { digest: string; size: number }[] }
  /** A layer, named by its blob's digest, with how many of its `total` bytes are there. */
  | { kind: "layer"; digest: string; state: LayerState; received: number; total: number }
  /** Something failed and will be tried again after `pause` milliseconds, or with `next` instead. */
  | { kind: "retry"; reason: string; pause: number; next?: string };

/** What {@linkcode UnpackLayer} is told. */
export interface UnpackTimes {
  /** Stops it when it fires. */
  signal?: AbortSignal;
  /** The blob is still being fetched, to where `store.downloadPath` says. */
  arriving?: boolean;
}

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
  /** Whose signature what the name stands for must have. */
  key?: PublicKey;
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

/**
 * Pulls an image into the store.
 *
 * @throws {RegistryError} if the registry does not answer, refuses, or sends wrong bytes
 * @throws {ManifestError} if what it sends is not an image
 * @throws {SignatureError} if a key is given and its owner has not signed the image
 * @throws the signal's reason, if it fires
 */
export async function pull(
  store: ImageStore,
  reference: Reference,
  options: PullOptions = {},
): Promise<PullResult> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const { credentials, patience, platform, key, onEvent } = options;
  const onRetry = (reason: string, pause: number) => onEvent?.({ kind: "retry", reason, pause });
  const onPass = (reason: string, next: string) =>
    onEvent?.({ kind: "retry", reason, pause: 0, next });
  const source = new Mirrored(reference, { credentials, patience, signal, onRetry, onPass });
  const download = { signal, patience, onRetry };
  const place = { store, source, platform, download };

  using _lease = await store.lease();
  const name = canonicalName(reference);
  const before = await store.find(name);
  const top = await findManifest(place, reference.digest ?? reference.tag ?? "latest");
  if (key) await verify(source, top.descriptor.digest, key);
  const { descriptor, bytes, manifest } = await chooseManifest(place, top);
  const config = await fetchConfig(place, manifest);
  const layers = layersOf(store, manifest, config);
  onEvent?.({
    kind: "resolved",
    name,
    digest: top.descriptor.digest,
    layers: layers.map(({ descriptor: { digest, size } }) => ({ digest, size })),
  });
  await fetchLayers({ store, source, options, download }, layers, stop);

  if (!await store.hasBlob(descriptor.digest)) await store.writeBlob(bytes, descriptor);
  const annotations = { [PULLED_DIGEST]: top.descriptor.digest };
  const { os, architecture, variant } = config;
  const { mediaType, digest, size } = descriptor;
  await store.tag(name, {
    mediaType,
    digest,
    size,
    platform: { os, architecture, ...(variant ? { variant } : {}) },
    annotations,
  });
  return { name, digest: top.descriptor.digest, descriptor, changed: before?.digest !== digest };
}

/**
 * Everything that is fetched after this is named, from digest to digest, by the one that is signed;
 * and it comes first, so that nothing of an image that is refused is kept.
 */
async function verify(source: Mirrored, digest: string, key: PublicKey): Promise<void> {
  const { verifyImage } = await later<typeof import("./signature.ts")>(
    import.meta,
    "./signature.ts",
  );
  await verifyImage(source, digest, key);
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
