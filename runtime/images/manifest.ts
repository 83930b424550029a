/**
 * Manifests and indexes: the JSON documents that say what an image is made of.
 *
 * They come from strangers, so each field that Tiffin uses is checked here, once, and everything
 * else is dropped. OCI image-spec v1.1, manifest.md and image-index.md; Docker's manifest version 2,
 * schema 2, which has the same shape under other media types.
 *
 * @module
 */

import { checkedDefaults } from "../image_config/checked.ts";
import { ImageConfigError } from "../image_config/process.ts";
import { isDigest } from "./digest.ts";
import { JsonError, parseJson } from "./json.ts";
import type { ImageConfig } from "../image_config.ts";

/** The media types that manifests, indexes and configs go by. */
export const MEDIA_TYPE = {
  OCI_INDEX: "application/vnd.oci.image.index.v1+json",
  OCI_MANIFEST: "application/vnd.oci.image.manifest.v1+json",
  OCI_CONFIG: "application/vnd.oci.image.config.v1+json",
  OCI_LAYER: "application/vnd.oci.image.layer.v1.tar",
  OCI_LAYER_GZIP: "application/vnd.oci.image.layer.v1.tar+gzip",
  OCI_LAYER_ZSTD: "application/vnd.oci.image.layer.v1.tar+zstd",
  DOCKER_LIST: "application/vnd.docker.distribution.manifest.list.v2+json",
  DOCKER_MANIFEST: "application/vnd.docker.distribution.manifest.v2+json",
  DOCKER_CONFIG: "application/vnd.docker.container.image.v1+json",
  DOCKER_LAYER_GZIP: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

/** A manifest, an index or a config may have at most this many bytes: what registries themselves allow. */
export const MAX_DOCUMENT = 4 * 1024 * 1024;

/** overlayfs stacks at most 500 lower directories (OVL_MAX_STACK in fs/overlayfs/params.h). */
const MAX_LAYERS = 500;

/** An index that names more manifests than this is not an image for more platforms, but a bomb. */
const MAX_MANIFESTS = 2000;

/** A machine that an image is made for, in Go's words (`linux`, `arm64`, variant `v8`). */
export interface Platform {
  /** The kernel: GOOS. */
  os: string;
  /** The processor: GOARCH. */
  architecture: string;
  /** The processor's version, as `v7` of `arm`. */
  variant?: string;
}

/** A reference to a blob: what it is, its name, its length. OCI image-spec, descriptor.md. */
export interface Descriptor {
  /** What the bytes are. */
  mediaType: string;
  /** `sha256:` and 64 hex digits. */
  digest: string;
  /** Length in bytes; a blob is never read further than this. */
  size: number;
  /** In an index: the machine that the manifest is for. */
  platform?: Platform;
  /** In a list of referrers: what kind of thing it is. */
  artifactType?: string;
  /** Free text by key. */
  annotations?: Record<string, string>;
}

/** One image for one platform: its config, and its layers from the lowest up. */
export interface Manifest {
  /** Always 2. */
  schemaVersion: 2;
  /** OCI's or Docker's kind of manifest. */
  mediaType: string;
  /** The config, a JSON blob. */
  config: Descriptor;
  /** The layers, from the lowest up. */
  layers: Descriptor[];
  /** Free text by key. */
  annotations?: Record<string, string>;
}

/** The same image for several platforms (Docker: a manifest list), or a store's table of contents. */
export interface Index {
  /** Always 2. */
  schemaVersion: 2;
  /** OCI's or Docker's kind of index. */
  mediaType: string;
  /** One manifest, or index, a platform; in a store, a name. */
  manifests: Descriptor[];
  /** Free text by key. */
  annotations?: Record<string, string>;
}

/** A manifest, index or config breaks the rule that the message names; `field` is where. */
export class ManifestError extends Error {
  /** The class's name, for messages. */
  override name = "ManifestError";

  /**
   * An error about one field.
   *
   * @param field the path of the wrong field, as `layers[2].digest`; empty for the document itself
   * @param problem what is wrong with it
   */
  constructor(readonly field: string, problem: string) {
    super(
      field === ""
        ? `the image's manifest ${problem}`
        : `in the image's manifest, ${field} ${problem}`,
    );
  }
}

/** Whether a parsed document is an index, and not a manifest. */
export function isIndex(document: Manifest | Index): document is Index {
  return "manifests" in document;
}

/** Whether a media type is one of the two kinds of index. */
function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPE.OCI_INDEX || mediaType === MEDIA_TYPE.DOCKER_LIST;
}

/**
 * Reads a manifest or an index, and checks every field that Tiffin uses.
 *
 * @param bytes the document as it was stored or sent
 * @param mediaType what its descriptor or Content-Type called it; "" if nothing did
 * @throws {ManifestError} naming the field that is wrong
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): Manifest | Index {
  const document = object(parse(bytes), "");
  const claimed = document.mediaType;
  if (claimed !== undefined && typeof claimed !== "string") {
    throw new ManifestError("mediaType", `is ${show(claimed)}, not a string`);
  }
  refuseSchema1(document, claimed ?? mediaType);
  if (document.schemaVersion !== 2) {
    throw new ManifestError("schemaVersion", `is ${show(document.schemaVersion)}, not 2`);
  }
  // The same bytes must not be a manifest to one reader and an index to another: a signature on the
  // one would vouch for the other (CVE-2021-41190).
  if ("manifests" in document && ("layers" in document || "config" in document)) {
    throw new ManifestError(
      "manifests",
      "stands beside layers or config: it is either an index or not",
    );
  }
  const kind = kindOf(document, claimed, mediaType);
  const annotations = annotationsOf(document, "");
  if (isIndexType(kind)) {
    const manifests = list(document.manifests, "manifests", MAX_MANIFESTS);
    return {
      schemaVersion: 2,
      mediaType: kind,
      manifests: manifests.map((each, i) => descriptor(each, `manifests[${i}]`)),
      ...annotations,
    };
  }
  const layers = list(document.layers, "layers", MAX_LAYERS);
  return {
    schemaVersion: 2,
    mediaType: kind,
    config: descriptor(document.config, "config"),
    layers: layers.map((each, i) => descriptor(each, `layers[${i}]`)),
    ...annotations,
  };
}

/**
 * Reads an image's config and checks it against the manifest that names it.
 *
 * Checked is what the store and the root file system are built from: platform, and one diff ID for
 * each layer. What the process gets (environment, user, …) is checked where it is used.
 *
 * @throws {ManifestError} naming the field that is wrong
 */
export function parseConfig(bytes: Uint8Array, manifest: Manifest): ImageConfig {
  const kind = manifest.config.mediaType;
  if (kind !== MEDIA_TYPE.OCI_CONFIG && kind !== MEDIA_TYPE.DOCKER_CONFIG) {
    throw new ManifestError(
      "config.mediaType",
      `is ${show(kind)}: this is not a container image but something else kept in a registry`,
    );
  }
  const config = object(parse(bytes), "(config)");
  for (const field of ["os", "architecture"]) {
    if (typeof config[field] !== "string" || config[field] === "") {
      throw new ManifestError(`(config).${field}`, `is ${show(config[field])}, not a name`);
    }
  }
  checkDefaults(config.config as ImageConfig["config"]);
  const rootfs = object(config.rootfs, "(config).rootfs");
  const diffIds = list(rootfs.diff_ids ?? [], "(config).rootfs.diff_ids", MAX_LAYERS);
  diffIds.forEach((each, i) => {
    if (!isDigest(each)) {
      const field = `(config).rootfs.diff_ids[${i}]`;
      throw new ManifestError(field, `is ${show(each)}, not sha256: and 64 hex digits`);
    }
  });
  if (diffIds.length !== manifest.layers.length) {
    throw new ManifestError(
      "(config).rootfs.diff_ids",
      `has ${diffIds.length} entries for ${manifest.layers.length} layers`,
    );
  }
  return config as unknown as ImageConfig;
}

/** What the document is, from its own words, its sender's words, and its fields. */
function kindOf(
  document: Record<string, unknown>,
  claimed: string | undefined,
  sent: string,
): string {
  const looks = "manifests" in document ? MEDIA_TYPE.OCI_INDEX : MEDIA_TYPE.OCI_MANIFEST;
  const known: string[] = [
    MEDIA_TYPE.OCI_INDEX,
    MEDIA_TYPE.OCI_MANIFEST,
    MEDIA_TYPE.DOCKER_LIST,
    MEDIA_TYPE.DOCKER_MANIFEST,
  ];
  // A server that sends application/json or text/plain has said nothing.
  const kind = claimed || (known.includes(sent) ? sent : looks);
  if (!known.includes(kind)) {
    throw new ManifestError("mediaType", `is ${show(kind)}: neither a manifest nor an index`);
  }
  if (known.includes(sent) && sent !== kind) {
    throw new ManifestError("mediaType", `is ${show(kind)}, but it was announced as ${show(sent)}`);
  }
  if (isIndexType(kind) !== isIndexType(looks)) {
    throw new ManifestError("mediaType", `is ${show(kind)}, which the other fields do not fit`);
  }
  return kind;
}

/** Schema 1 has no config, no sizes, and a signature nobody checks; Docker gave it up as well. */
function refuseSchema1(document: Record<string, unknown>, mediaType: string): void {
  const old = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/.test(mediaType);
  if (!old && document.schemaVersion !== 1) return;
  throw new ManifestError(
    "schemaVersion",
    "is 1, a format that was given up in 2019: push the image again with a current Docker, Podman or skopeo",
  );
}

function descriptor(value: unknown, field: string): Descriptor {
  const it = object(value, field);
  const { mediaType, digest, size } = it;
  if (typeof mediaType !== "string" || mediaType === "") {
    throw new ManifestError(`${field}.mediaType`, `is ${show(mediaType)}, not a media type`);
  }
  if (!isDigest(digest)) {
    throw new ManifestError(`${field}.digest`, `is ${show(digest)}, not sha256: and 64 hex digits`);
  }
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw new ManifestError(`${field}.size`, `is ${show(size)}, not a number of bytes`);
  }
  return {
    mediaType,
    digest,
    size: size as number,
    ...(it.platform === undefined ? {} : { platform: platform(it.platform, `${field}.platform`) }),
    ...(typeof it.artifactType === "string" ? { artifactType: it.artifactType } : {}),
    ...annotationsOf(it, `${field}.`),
  };
}

function platform(value: unknown, field: string): Platform {
  const { os, architecture, variant } = object(value, field);
  const wrong = Object.entries({ os, architecture, variant: variant ?? "" })
    .find(([, text]) => typeof text !== "string");
  if (wrong) throw new ManifestError(`${field}.${wrong[0]}`, `is ${show(wrong[1])}, not a string`);
  const named = { os, architecture } as Platform;
  return variant ? { ...named, variant: variant as string } : named;
}

function annotationsOf(
  holder: Record<string, unknown>,
  prefix: string,
): { annotations?: Record<string, string> } {
  if (holder.annotations === undefined || holder.annotations === null) return {};
  const annotations = object(holder.annotations, `${prefix}annotations`);
  for (const [key, text] of Object.entries(annotations)) {
    if (typeof text !== "string") {
      throw new ManifestError(
        `${prefix}annotations[${show(key)}]`,
        `is ${show(text)}, not a string`,
      );
    }
  }
  return { annotations: annotations as Record<string, string> };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, MAX_DOCUMENT);
  } catch (error) {
    throw error instanceof JsonError ? new ManifestError("", error.message) : error;
  }
}

function object(value: unknown, field: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ManifestError(field, `is ${show(value)}, not an object`);
}

function list(value: unknown, field: string, limit: number): unknown[] {
  if (!Array.isArray(value)) throw new ManifestError(field, `is ${show(value)}, not a list`);
  if (value.length <= limit) return value;
  throw new ManifestError(field, `has ${value.length} entries, more than the ${limit} allowed`);
}

/** A value of the document inside an error message: short, and with nothing a terminal would obey. */
function show(value: unknown): string {
  const json = value === undefined ? "missing" : JSON.stringify(value);
  const text = json.replace(/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, "?");
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Checks the part of a config that a container is made from, so that no start has to do it again. */
function checkDefaults(defaults: ImageConfig["config"]): void {
  try {
    checkedDefaults(defaults);
  } catch (error) {
    if (!(error instanceof ImageConfigError)) throw error;
    throw new ManifestError(`(config).${error.path}`, error.problem);
  }
}
