/**
 * The image store: an OCI image layout, and beside it each layer unpacked.
 *
 * ```text
 * images/oci-layout              the layout's version
 * images/lock                    held by whoever changes index.json or removes blobs
 * images/index.json              names, each with the manifest it stands for
 * images/blobs/sha256/<hex>      manifests, configs, layers as they were sent
 * layers/<24 hex>/               a layer unpacked, by its diff ID: overlayfs stacks these
 * cache/downloads/<hex>          a blob of which only the beginning has come
 * tmp/blob-<uuid>                a blob that is being written
 * tmp/lease-<uuid>               blobs that somebody is at work with: lease.ts
 * ```
 *
 * Everything in `blobs/` was hashed before it got its name, and a name enters `index.json` only
 * after its manifest and config were found there and checked. So looking an image up needs no
 * hashing and no checking again, and a crash at any byte leaves a store with one image less, never
 * a wrong one. OCI image-spec v1.1, image-layout.md.
 *
 * @module
 */

import { attempt } from "../../ffi/libc.ts";
import { later } from "../later.ts";
import { hexOf } from "./digest.ts";
import type { Descriptor, Index, Manifest } from "./manifest.ts";
import type { ImageConfig } from "../image_config.ts";
import type { ExpectedBlob } from "./blob_writer.ts";
import type { Lease } from "./lease.ts";

/** The annotation of index.json that holds a manifest's name. */
const REF_NAME = "org.opencontainers.image.ref.name";
/** What a manifest is that does not say what it is. */
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** One layer of an image in the store. */
export interface ImageLayer {
  /** The layer as it was sent. */
  descriptor: Descriptor;
  /** The digest of the layer's tar, uncompressed. */
  diffId: string;
  /** Where it is, or will be, unpacked. */
  directory: string;
}

/** An image in the store. */
export interface Image {
  /** The canonical name that it was found by. */
  name: string;
  /** The manifest's digest. */
  digest: string;
  /** The config's digest, which Docker calls the image's ID. */
  id: string;
  /** What it is made of. */
  manifest: Manifest;
  /** What a container of it runs. */
  config: ImageConfig;
  /** From the lowest up. The same layer can be there twice. */
  layers: ImageLayer[];
}

/** Something in the store is not as it should be; the message says what, and what mends it. */
export class StoreError extends Error {
  /** The class's name, for messages. */
  override name = "StoreError";
}

/** An image store; making one touches nothing on the disk. */
export class ImageStore {
  /** The OCI image layout. */
  readonly layout: string;
  #lease?: Promise<Lease>;
  #leaseholders = 0;
  readonly #written = new Set<string>();

  /** The store below a data root. */
  constructor(readonly root: string) {
    this.layout = `${root}/images`;
  }

  /** Where the blob is, or would be. */
  blobPath(digest: string): string {
    return `${this.layout}/blobs/sha256/${hexOf(digest)}`;
  }

  /** Where the layer with this diff ID is, or would be, unpacked. */
  layerDirectory(diffId: string): string {
    return `${this.root}/layers/${hexOf(diffId).slice(0, 24)}`;
  }

  /** Where the beginning of a blob is kept while the rest is fetched. */
  downloadPath(digest: string): string {
    return `${this.root}/cache/downloads/${hexOf(digest)}`;
  }

  /**
   * From now on the blobs that are asked for and written by this object are not removed, until
   * what is returned is disposed of: `using`. Whoever is about to {@linkcode tag} an image that it
   * brings begins with this. `written` is what was written since.
   */
  async lease(): Promise<Disposable & { written: ReadonlySet<string> }> {
    await this.prepare();
    const [{ Lease }, { lockPath }] = await Promise.all([
      later<typeof import("./lease.ts")>(import.meta, "./lease.ts"),
      later<typeof import("./store_files.ts")>(import.meta, "./store_files.ts"),
    ]);
    if (this.#leaseholders++ === 0) this.#written.clear();
    this.#lease ??= Lease.open(this.root, lockPath(this));
    const lease = await this.#lease.catch((error) => {
      if (--this.#leaseholders === 0) this.#lease = undefined;
      throw error;
    });
    const written = this.#written;
    return {
      written,
      [Symbol.dispose]: () => {
        if (--this.#leaseholders > 0) return;
        this.#lease = undefined;
        lease[Symbol.dispose]();
      },
    };
  }

  /** Whether the blob is there, whole. */
  async hasBlob(digest: string): Promise<boolean> {
    await (await this.#lease)?.add(digest);
    return (await ifFound(() => Deno.stat(this.blobPath(digest))))?.isFile ?? false;
  }

  /**
   * Writes a blob, hashing it on the way. It is there for others only when it is whole and checked.
   *
   * @param expected what it must be, where that is known
   * @throws {DigestMismatch} if it is not
   */
  async writeBlob(
    source: ReadableStream<Uint8Array> | Uint8Array,
    expected?: ExpectedBlob,
  ): Promise<{ digest: string; size: number }> {
    await this.prepare();
    const { BlobWriter } = await later<typeof import("./blob_writer.ts")>(
      import.meta,
      "./blob_writer.ts",
    );
    using writer = await BlobWriter.open(`${this.root}/tmp/blob-${crypto.randomUUID()}`);
    try {
      if (source instanceof Uint8Array) writer.append(source, expected?.size);
      else for await (const bytes of source) writer.append(bytes, expected?.size);
      const digest = await writer.finish(async (digest) => {
        await (await this.#lease)?.add(digest);
        this.#written.add(digest);
        return this.blobPath(digest);
      }, expected);
      return { digest, size: writer.received };
    } catch (error) {
      writer.discard();
      throw error;
    }
  }

  /**
   * Reads a blob into memory and hashes it again, for those that will act on what it says.
   *
   * @param limit the most bytes to take
   * @throws {StoreError} if it is missing, longer, or not what its name says
   */
  async readBlob(digest: string, limit: number): Promise<Uint8Array> {
    const { digestOf } = await later<typeof import("./digest.ts")>(import.meta, "./digest.ts");
    using file = await this.openBlob(digest);
    const { size } = await file.stat();
    if (size > limit) {
      throw new StoreError(`blob ${digest} has ${size} bytes, more than the ${limit} allowed here`);
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (let n; at < size && (n = await file.read(bytes.subarray(at))) !== null;) at += n;
    if (at === size && await digestOf(bytes) === digest) return bytes;
    throw new StoreError(
      `blob ${digest} is damaged: remove ${this.blobPath(digest)} and pull the image again`,
    );
  }

  /** Opens a blob for reading. Its bytes are as they were when they were hashed on the way in. */
  async openBlob(digest: string): Promise<Deno.FsFile> {
    const file = await ifFound(() => Deno.open(this.blobPath(digest)));
    if (file) return file;
    throw new StoreError(`blob ${digest} is not in the store: pull or load its image again`);
  }

  /**
   * Gives a name to the manifest, which must be in the store with its config; the name's earlier
   * manifest loses it. Safe between processes, and done whole or not at all.
   *
   * @param name canonical, as reference.ts prints it
   * @throws {ManifestError} if manifest or config are not an image's
   * @throws {StoreError} if one of them is missing or damaged, or a layer could be taken for another
   */
  async tag(name: string, descriptor: Descriptor): Promise<void> {
    const { isIndex, MAX_DOCUMENT, ManifestError, parseConfig, parseManifest } = await later<
      typeof import("./manifest.ts")
    >(import.meta, "./manifest.ts");
    const bytes = await this.readBlob(descriptor.digest, MAX_DOCUMENT);
    const manifest = parseManifest(bytes, descriptor.mediaType);
    if (isIndex(manifest)) throw new ManifestError("", "is an index: name one of its manifests");
    const config = await this.readBlob(manifest.config.digest, MAX_DOCUMENT);
    await (await twins()).refuseTwins(this, parseConfig(config, manifest).rootfs.diff_ids);
    const named: Descriptor = {
      ...descriptor,
      mediaType: manifest.mediaType,
      size: bytes.length,
      annotations: { ...descriptor.annotations, [REF_NAME]: name },
    };
    await this.#changeNames((
      entries,
    ) => [...entries.filter((each) => nameOf(each) !== name), named]);
  }

  /** Takes the name away; blobs and layers stay. Says whether there was such a name. */
  async untag(name: string): Promise<boolean> {
    let found = false;
    await this.#changeNames((entries) => {
      const rest = entries.filter((each) => nameOf(each) !== name);
      found = rest.length < entries.length;
      return rest;
    });
    return found;
  }

  /** Every name in the store with its manifest's descriptor. */
  // deno-lint-ignore require-await
  async list(): Promise<{ name: string; descriptor: Descriptor }[]> {
    return this.#names().map((descriptor) => ({ name: nameOf(descriptor) ?? "", descriptor }));
  }

  /** The descriptor of the manifest that the name stands for. */
  // deno-lint-ignore require-await
  async find(name: string): Promise<Descriptor | undefined> {
    return this.#names().find((each) => nameOf(each) === name);
  }

  /**
   * The image that the name stands for. Every `run` begins here: three small files are read, and
   * nothing is checked that was checked when the name was given.
   *
   * @throws {StoreError} if the name is there and its blobs are not
   */
  async image(name: string): Promise<Image | undefined> {
    const descriptor = await this.find(name);
    return descriptor && this.#open(name, descriptor.digest, descriptor.mediaType);
  }

  /**
   * The image with this manifest, whatever names it has.
   *
   * @throws {StoreError} if one of its documents is not there
   */
  // deno-lint-ignore require-await
  async imageOf(digest: string): Promise<Image> {
    return this.#open(digest, digest);
  }

  #open(name: string, digest: string, mediaType?: string): Image {
    const manifest: Manifest = this.#readJson(digest, name);
    // An OCI manifest may leave its own media type out; its descriptor may not.
    manifest.mediaType = mediaType ?? manifest.mediaType ?? OCI_MANIFEST;
    const config: ImageConfig = this.#readJson(manifest.config.digest, name);
    const diffIds = config.rootfs?.diff_ids ?? [];
    const layers = manifest.layers.map((descriptor, i) => {
      return { descriptor, diffId: diffIds[i], directory: this.layerDirectory(diffIds[i]) };
    });
    return { name, digest, id: manifest.config.digest, manifest, config, layers };
  }

  /**
   * Makes the store's directories and the layout's two files where they are missing, and removes
   * what writers that died left in `tmp/`.
   */
  async prepare(): Promise<void> {
    const { prepareStore } = await later<typeof import("./store_files.ts")>(
      import.meta,
      "./store_files.ts",
    );
    await prepareStore(this);
  }

  /** The entries of index.json. */
  #names(): Descriptor[] {
    const path = `${this.layout}/index.json`;
    try {
      return (JSON.parse(Deno.readTextFileSync(path)) as Index).manifests;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      if (!(error instanceof SyntaxError)) throw error;
      throw new StoreError(`${path} is not JSON (${error.message}): move it away and pull again`);
    }
  }

  async #changeNames(change: (entries: Descriptor[]) => Descriptor[]): Promise<void> {
    await this.prepare();
    const { replaceIndex } = await later<typeof import("./store_files.ts")>(
      import.meta,
      "./store_files.ts",
    );
    await replaceIndex(this, () => change(this.#names()));
  }

  #readJson<T>(digest: string, name: string): T {
    try {
      return JSON.parse(Deno.readTextFileSync(this.blobPath(digest)));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError)) throw error;
      throw new StoreError(`${name}: blob ${digest} is missing or damaged: pull the image again`);
    }
  }
}

/** The directories that overlayfs stacks for an image, topmost first, as its `lowerdir` wants them. */
export function lowerDirectories(image: Pick<Image, "layers">): string[] {
  // overlayfs refuses a directory twice; what is under the upper of two equal layers, the upper one
  // covers anyway.
  const directories = [...new Set(image.layers.map((layer) => layer.directory).reverse())];
  // A layer can hide all that is below it, and overlayfs does not look for that mark at its top.
  const last = directories.findIndex(isOpaque);
  return last < 0 ? directories : directories.slice(0, last + 1);
}

/** Whether the layer's root has the mark that layer_writer.ts makes of `.wh..wh..opq`. */
function isOpaque(directory: string): boolean {
  const name = `${Deno.uid() === 0 ? "trusted" : "user"}.overlay.opaque`;
  return attempt.lgetxattr(directory, name, new Uint8Array(1), 1) === 1;
}

function twins() {
  return later<typeof import("./layer_twins.ts")>(import.meta, "./layer_twins.ts");
}

function nameOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[REF_NAME];
}

async function ifFound<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
