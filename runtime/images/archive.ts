/**
 * Loads images from archives: what `docker save` and `podman save` write, OCI image layouts as a
 * directory or in a tar, and plain root file systems.
 *
 * @module
 */

import {
  ArchiveError,
  type ArchiveFiles,
  type ArchiveSource,
  openArchive,
} from "./archive_files.ts";
import { loadDockerArchive } from "./docker_archive.ts";
import type { LoadedImage, UnnamedImage } from "./archive_blobs.ts";
import { bring, unpackBeforeNaming } from "./bring.ts";
import { loadOciLayout } from "./oci_archive.ts";
import type { UnpackLayer } from "./pull.ts";
import { canonicalName, ImageNameError, parseReference } from "./reference.ts";
import type { ImageStore } from "./store.ts";

export { ArchiveError, type ArchiveSource, type LoadedImage };
export { type ImportOptions, importRootfs } from "./import_rootfs.ts";

/** What {@linkcode loadArchive} may be told. */
export interface LoadOptions {
  /** The name of an image that the archive has no name for. */
  name?: string;
  /** The most bytes that the archive may have when decompressed; 20 GiB unless told otherwise. */
  maxBytes?: number;
  /** Unpacks the layers, before anything is named; without it, that is done when an image is run. */
  unpack?: UnpackLayer;
  /** Stops between two pieces when it fires. */
  signal?: AbortSignal;
}

/**
 * Loads every image of an archive into the store, and names them.
 *
 * An archive that names its image by a tag alone, or not at all, gives the image the name
 * `localhost/FILE:TAG`, after the archive's own file, unless another name is given.
 *
 * @throws {ArchiveError} if it is neither kind of archive, or lacks a file, or a name is wanted
 * @throws {ManifestError} if one of its documents is not what it should be
 * @throws {DigestMismatch} if a blob is not what its digest says
 * @throws {TarError} {@linkcode DecompressError} if it is damaged
 * @throws {LayerError} if a layer is refused when it is unpacked
 */
export async function loadArchive(
  store: ImageStore,
  source: ArchiveSource,
  options: LoadOptions = {},
): Promise<LoadedImage[]> {
  await store.prepare();
  using files = await openArchive(store.root, source, options);
  return await bring(store, async () => {
    const images = await readImages(store, files, options.signal);
    const loaded: LoadedImage[] = [];
    for (const { names, descriptor } of images) {
      for (const name of namesOf(names, source, options)) loaded.push({ name, descriptor });
    }
    const { unpack, signal } = options;
    const digests = images.map(({ descriptor }) => descriptor.digest);
    if (unpack) await unpackBeforeNaming(store, digests, unpack, signal);
    // Only when all is known to be well: an archive is loaded whole or not at all.
    for (const { name, descriptor } of loaded) await store.tag(name, descriptor);
    return loaded;
  });
}

async function readImages(
  store: ImageStore,
  files: ArchiveFiles,
  signal?: AbortSignal,
): Promise<UnnamedImage[]> {
  // A newer docker save writes both; the layout is the one that keeps the image's digest.
  if (files.has("index.json")) return await loadOciLayout(store, files, signal);
  if (files.has("manifest.json")) return await loadDockerArchive(store, files, signal);
  throw new ArchiveError(
    files.has("repositories")
      ? "the archive is of a format that Docker gave up in 2016: save the image again"
      : "no image archive: it has neither manifest.json nor index.json; `import` takes a plain root file system",
  );
}

function namesOf(names: string[], source: ArchiveSource, { name }: LoadOptions): string[] {
  const whole = names.filter(isWholeName);
  if (whole.length > 0) return whole.map((name) => canonicalName(parseReference(name)));
  if (name !== undefined) return [canonicalName(parseReference(name))];
  const file = typeof source === "string" ? source.replace(/\/+$/, "").split("/").at(-1)! : "";
  const path = file.replace(/(\.oci|\.docker)?(\.tar|\.tgz)?(\.gz|\.zst)?$/, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  if (path === "") throw new ArchiveError("the archive names no image: give it a name");
  const tag = names[0] ?? "latest";
  try {
    return [canonicalName(parseReference(`localhost/${path}:${tag}`))];
  } catch (error) {
    if (!(error instanceof ImageNameError)) throw error;
    throw new ArchiveError(`the archive names its image ${JSON.stringify(tag)}: give it a name`);
  }
}

/** Whether it is more than a tag, which is all that skopeo's layouts have. */
function isWholeName(name: string): boolean {
  if (!/[/:]/.test(name)) return false;
  parseReference(name);
  return true;
}
