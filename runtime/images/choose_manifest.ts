/**
 * From a tag or a digest to one image: indexes are followed to the manifest for a platform, and its
 * config says whether it is what the index called it.
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
import type { BlobSource, FetchedManifest } from "./registry.ts";
import { RegistryError } from "./registry_error.ts";
import type { ImageStore } from "./store.ts";

/** An index may lead to an index, but not for ever. */
const MAX_DEPTH = 4;

/** Where manifests and configs come from. */
export interface ManifestPlace {
  /** The store, which is asked first for what is named by its digest. */
  store: ImageStore;
  /** The registry. */
  source: BlobSource & { manifest(version: string): Promise<FetchedManifest> };
  /** The platform that somebody asked for; this machine's unless given. */
  platform?: Platform;
  /** How a config is fetched. */
  download: DownloadOptions;
}

/** The manifest that was chosen. */
export interface ChosenManifest {
  /** Its media type, digest and length. */
  descriptor: Descriptor;
  /** The document as it came. */
  bytes: Uint8Array;
  /** The document as it was understood. */
  manifest: Manifest;
}

/** A manifest or index, out of the store if it is named by its digest and there. */
export async function findManifest(
  { store, source }: ManifestPlace,
  version: string,
): Promise<FetchedManifest> {
  if (!version.startsWith("sha256:") || !await store.hasBlob(version)) {
    return await source.manifest(version);
  }
  const bytes = await store.readBlob(version, MAX_DOCUMENT);
  const document = parseManifest(bytes, "");
  const { mediaType } = document;
  return { bytes, document, descriptor: { mediaType, digest: version, size: bytes.length } };
}

/**
 * Follows indexes down to one manifest for the platform.
 *
 * @throws {RegistryError} `not-found` if there is none, with those that there are
 * @throws {ManifestError} if the indexes do not end, or lie about a length
 */
export async function chooseManifest(
  place: ManifestPlace,
  top: FetchedManifest,
): Promise<ChosenManifest> {
  const wanted = place.platform ?? hostPlatform();
  let fetched = top;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const { document: manifest, descriptor, bytes } = fetched;
    if (!isIndex(manifest)) return { descriptor, bytes, manifest };
    const chosen = choosePlatform(manifest.manifests, wanted);
    if (!chosen) {
      throw noSuchPlatform(place, wanted, manifest.manifests.map((each) => each.platform));
    }
    fetched = await findManifest(place, chosen.digest);
    if (fetched.bytes.length !== chosen.size) {
      throw new ManifestError(
        "manifests[…].size",
        `is ${chosen.size} for ${chosen.digest}, which has ${fetched.bytes.length} bytes`,
      );
    }
  }
  throw new ManifestError("manifests", `lead from index to index, more than ${MAX_DEPTH} deep`);
}

/**
 * Fetches a manifest's config, and checks that it is for the platform.
 *
 * @throws {ManifestError} if it is not an image's
 * @throws {RegistryError} `not-found` if it is for another platform than somebody asked for
 */
export async function fetchConfig(place: ManifestPlace, manifest: Manifest): Promise<ImageConfig> {
  const { store, source, platform, download } = place;
  const { digest, size } = manifest.config;
  if (size > MAX_DOCUMENT) {
    throw new ManifestError("config.size", `is ${size}; ${MAX_DOCUMENT} are allowed`);
  }
  await downloadBlob(store, source, manifest.config, download);
  const config = parseConfig(await store.readBlob(digest, MAX_DOCUMENT), manifest);
  // A platform that somebody asked for must be the config's too, not only the index's word for it.
  const fits = platform === undefined ? config.os === "linux" : platformFits(config, platform);
  if (!fits) throw noSuchPlatform(place, platform ?? hostPlatform(), [config]);
  return config;
}

function noSuchPlatform(
  { source }: ManifestPlace,
  wanted: Platform,
  offered: (Platform | undefined)[],
): RegistryError {
  // Attestations stand in an index under the platform unknown/unknown.
  const real = offered.filter((each) => each !== undefined && each.os !== "unknown");
  const names = [...new Set(real.map((each) => formatPlatform(each!)))].slice(0, 40);
  const asked = `the image for ${formatPlatform(wanted)}`;
  const found = names.length > 0 ? `only ${names.join(", ")}` : "none that names a platform";
  return new RegistryError("not-found", source.url.host, asked, `there is ${found}`, {
    hint: "choose one with --platform, or another image",
  });
}
