/**
 * Makes an image of a root file system in a tar: `import`.
 *
 * @module
 */

import type { ImageDefaults } from "../image_config.ts";
import { LAYER_TYPES, type LoadedImage, streamOf, writeJson } from "./archive_blobs.ts";
import { type ArchiveSource, fileChunks } from "./archive_files.ts";
import { bring, unpackBeforeNaming } from "./bring.ts";
import { compressionOf } from "./compression.ts";
import { decompress } from "./decompress.ts";
import { hasher } from "./digest.ts";
import { applyChanges } from "./image_changes.ts";
import { pathInLayer } from "./layer_tree.ts";
import { type Descriptor, type Manifest, MEDIA_TYPE } from "./manifest.ts";
import { hostPlatform } from "./platform.ts";
import type { UnpackLayer } from "./pull.ts";
import { canonicalName, parseReference } from "./reference.ts";
import type { ImageStore } from "./store.ts";
import { TarError, TarReader } from "./tar.ts";

/** What {@linkcode importRootfs} is told. */
export interface ImportOptions {
  /** The image's name. */
  name: string;
  /** Lines of a Dockerfile, as `CMD ["/bin/sh"]`. */
  changes?: string[];
  /** What the image's history says; "imported" unless told otherwise. */
  message?: string;
  /** The most bytes that the tar may have; 20 GiB unless told otherwise. */
  maxBytes?: number;
  /** The most entries that it may have; a million unless told otherwise. */
  maxEntries?: number;
  /** Unpacks it, before it is named; without it, that is done when the image is run. */
  unpack?: UnpackLayer;
  /** Stops between two pieces when it fires. */
  signal?: AbortSignal;
}

/**
 * Stores a tar, compressed or not, as the one layer of a new image, and names it.
 *
 * @throws {TarError} {@linkcode DecompressError} if it is no tar, damaged, or cut short
 * @throws {LayerError} if it is refused when it is unpacked
 * @throws {ChangeError} if a change is not one
 */
export async function importRootfs(
  store: ImageStore,
  source: ArchiveSource,
  options: ImportOptions,
): Promise<LoadedImage> {
  const name = canonicalName(parseReference(options.name));
  const defaults = applyChanges({}, options.changes ?? []);
  const pieces = typeof source === "string" ? fileChunks(source) : source;
  return await bring(store, async () => {
    const blob = await store.writeBlob(streamOf(pieces, options.signal));
    const { mediaType, diffId } = await checkTar(store, blob.digest, options);
    const layer: Descriptor = { mediaType, ...blob };
    const config = await writeConfig(store, diffId, defaults, options.message ?? "imported");
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.OCI_MANIFEST,
      config,
      layers: [layer],
    };
    const descriptor = await writeJson(store, manifest.mediaType, manifest);
    const { unpack, signal } = options;
    if (unpack) await unpackBeforeNaming(store, [descriptor.digest], unpack, signal);
    await store.tag(name, descriptor);
    return { name, descriptor };
  });
}

/** Reads the tar to its end: what it is made of is checked before the image has a name. */
async function checkTar(
  store: ImageStore,
  digest: string,
  { maxBytes, maxEntries, signal }: ImportOptions,
): Promise<{ mediaType: string; diffId: string }> {
  const hash = await hasher();
  const reader = new TarReader({
    entry: (entry) => void pathInLayer(entry.name),
    data: () => {},
    close: () => {},
  }, { maxEntries });
  let first: Uint8Array | undefined;
  const watched = function* () {
    for (const piece of fileChunks(store.blobPath(digest))) {
      first ??= piece;
      yield piece;
    }
  };
  for await (const bytes of decompress(streamOf(watched(), signal), { maxBytes })) {
    hash.update(bytes);
    reader.write(bytes);
  }
  if (!reader.finish()) throw new TarError("it ends without its end mark, so it may be cut short");
  const mediaType = LAYER_TYPES[compressionOf(first ?? new Uint8Array())];
  return { mediaType, diffId: hash.digest() };
}

async function writeConfig(
  store: ImageStore,
  diffId: string,
  defaults: ImageDefaults,
  message: string,
): Promise<Descriptor> {
  const created = new Date().toISOString();
  return await writeJson(store, MEDIA_TYPE.OCI_CONFIG, {
    created,
    ...hostPlatform(),
    config: defaults,
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, created_by: "import", comment: message }],
  });
}
