/**
 * Unpacks a layer: from a compressed tar in the store to a directory that overlayfs can stack.
 *
 * The files are made below `tmp/` and moved to `layers/` in one rename(2), when every byte has been
 * checked: the blob against its digest, the tar inside against its diff ID. A directory in `layers/`
 * is therefore always whole. Two processes may unpack the same layer at the same time: the second
 * finds the place taken and throws its own copy away.
 *
 * @module
 */

import { AT, O } from "../../ffi/constants.ts";
import { E } from "../../ffi/errno.ts";
import { attempt, libc, offthread } from "../../ffi/libc.ts";
import { type Compression, compressionOf, DecompressError } from "./compression.ts";
import { decompress } from "./decompress.ts";
import { type Hasher, hasher } from "./digest.ts";
import type { Skipped } from "./file_metadata.ts";
import { delay } from "./file_lock.ts";
import { LayerError } from "./layer_error.ts";
import { failure } from "./layer_tree.ts";
import { LayerWriter } from "./layer_writer.ts";
import { release } from "./release.ts";
import { Scratch } from "./scratch.ts";
import { type ImageLayer, type ImageStore, StoreError } from "./store.ts";
import { isUnpacked } from "./store_files.ts";
import { TarError, TarReader } from "./tar.ts";

export { LayerError, type Skipped };

/** What {@linkcode unpackLayer} may be told. */
export interface UnpackOptions {
  /**
   * Writes overlayfs's attributes as `user.overlay.*`, for mounts with `userxattr`, instead of
   * `trusted.overlay.*`; unless told otherwise, so it is for everyone but root.
   */
  userxattr?: boolean;
  /** `keep` the owners that the layer names, or `ignore` them; root keeps, others ignore. */
  owners?: "keep" | "ignore";
  /** The most bytes that the layer's tar may have; 20 GiB unless told otherwise. */
  maxBytes?: number;
  /** The most entries that it may have; 1 million unless told otherwise. */
  maxEntries?: number;
  /** The blob is still being fetched: what there is of it is read at once, the rest as it comes. */
  arriving?: boolean;
  /** Stops between two pieces when it fires. */
  signal?: AbortSignal;
  /** Told how many bytes of the blob have been read, of how many. */
  onProgress?: (read: number, total: number) => void;
}

/** What {@linkcode unpackLayer} did. */
export interface UnpackResult {
  /** Where the layer is. */
  directory: string;
  /** Whether this call put it there; false where it was there before, or came from another process. */
  unpacked: boolean;
  /** What was left out, each with its reason: the first hundred. */
  skipped: Skipped[];
  /** How many things were left out. */
  skippedCount: number;
  /** Entries that belong to others than root and were given to this process's user all the same. */
  ownersIgnored: number;
}

/** Pieces that the blob is read in. */
const CHUNK = 256 * 1024;

/** A blob that is still being fetched is looked at this often, in milliseconds. */
const POLL = 5;

/**
 * Unpacks a layer to its directory in the store, unless it is there already.
 *
 * @throws {LayerError} naming the entry that is refused, or that the layer does not hash to its diff ID
 * @throws {StoreError} if the blob is missing or damaged
 * @throws {SyscallError} if the machine is at fault: no space, no permission
 */
export async function unpackLayer(
  store: ImageStore,
  layer: Pick<ImageLayer, "descriptor" | "diffId">,
  options: UnpackOptions = {},
): Promise<UnpackResult> {
  const directory = store.layerDirectory(layer.diffId);
  if (isUnpacked(directory)) {
    return { directory, unpacked: false, skipped: [], skippedCount: 0, ownersIgnored: 0 };
  }
  await store.prepare();
  using scratch = Scratch.make(store.root, "layer");
  const tree = `${scratch.path}/tree`;
  Deno.mkdirSync(tree, { mode: 0o700 });
  Deno.mkdirSync(`${scratch.path}/trash`, { mode: 0o700 });
  const isRoot = Deno.uid() === 0;
  using writer = new LayerWriter(tree, `${scratch.path}/trash`, {
    userxattr: options.userxattr ?? !isRoot,
    owners: options.owners ?? (isRoot ? "keep" : "ignore"),
  });
  await fill(writer, store, layer, options);
  await sync(tree);
  const unpacked = publish(tree, directory);
  const { list, count } = writer.skipped;
  const { ownersIgnored } = writer;
  return { directory, unpacked, skipped: list, skippedCount: count, ownersIgnored };
}

/** Writes the layer's files, and checks every byte that they were made from. */
async function fill(
  writer: LayerWriter,
  store: ImageStore,
  { descriptor, diffId }: Pick<ImageLayer, "descriptor" | "diffId">,
  options: UnpackOptions,
): Promise<void> {
  const { digest } = descriptor;
  const { maxBytes, maxEntries } = options;
  const arriving = options.arriving ? openDownload(store, digest) : undefined;
  using file = arriving ?? await store.openBlob(digest);
  const size = arriving ? descriptor.size : (await file.stat()).size;
  const blob = new BlobReader(file, size, await hasher(), { ...options, arriving: !!arriving });
  const diff = await hasher();
  const reader = new TarReader(writer, { maxEntries });
  try {
    for await (const bytes of decompress(blob.chunks(), { maxBytes })) {
      if (blob.compression !== "none") diff.update(bytes);
      reader.write(bytes);
      release(bytes);
    }
    reader.finish();
    writer.finish();
  } catch (error) {
    if (!(error instanceof TarError || error instanceof DecompressError)) throw error;
    await blob.check(digest, store);
    throw new LayerError(digest, error.message, error);
  }
  await blob.check(digest, store);
  // What is not compressed is its own tar, and was hashed once already.
  const actual = blob.compression === "none" ? digest : diff.digest();
  if (actual !== diffId) {
    throw new LayerError(
      digest,
      `its tar hashes to ${actual}, and the image's config says ${diffId}`,
    );
  }
}

/** Puts the files on the disk: a name in `layers/` must stand for whole files after a power cut too. */
async function sync(tree: string): Promise<void> {
  const fd = libc.open(tree, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
  try {
    await offthread.syncfs(fd);
  } finally {
    libc.close(fd);
  }
}

/** Moves the finished tree to its place. Says whether the place was free. */
function publish(tree: string, directory: string): boolean {
  const rename = () => attempt.renameat(AT.FDCWD, tree, AT.FDCWD, directory);
  let result = rename();
  if (result === -E.EACCES) {
    // An ordinary user must be able to write to a directory that changes its parent: its `..` does.
    const mode = Deno.statSync(tree).mode! & 0o7777;
    Deno.chmodSync(tree, mode | 0o700);
    result = rename();
    if (result === 0) Deno.chmodSync(directory, mode);
  }
  if (result === -E.ENOTEMPTY || result === -E.EEXIST) return false;
  if (result < 0) throw failure("rename", `"${tree}", "${directory}"`, result);
  return true;
}

/** What there is of a blob that is being fetched; nothing once it is in its place. */
function openDownload(store: ImageStore, digest: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(store.downloadPath(digest));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads a blob to its end, wherever the file ends at the moment, and hashes what it reads. */
class BlobReader {
  /** Told by the first bytes, once they have been read. */
  compression: Compression = "none";
  #read = 0;
  #digest?: string;

  constructor(
    private readonly file: Deno.FsFile,
    private readonly size: number,
    private readonly hash: Hasher,
    private readonly options: Pick<UnpackOptions, "signal" | "onProgress" | "arriving">,
  ) {}

  async *chunks(): AsyncGenerator<Uint8Array> {
    const { signal, onProgress, arriving } = this.options;
    while (this.#read < this.size) {
      signal?.throwIfAborted();
      // Not the same one again: zlib may still be at work on the last.
      const buffer = new Uint8Array(Math.min(CHUNK, this.size - this.#read));
      const length = await this.file.read(buffer);
      if (length === null) {
        if (!arriving) return;
        await delay(POLL, signal);
        continue;
      }
      const bytes = buffer.subarray(0, length);
      const isFirst = this.#read === 0;
      this.hash.update(bytes);
      this.#read += length;
      if (isFirst) this.compression = compressionOf(bytes);
      onProgress?.(this.#read, this.size);
      yield bytes;
    }
  }

  /**
   * Reads what is left and compares the digest. What went wrong before may have gone wrong because
   * the disk has not kept the blob as it was.
   */
  async check(digest: string, store: ImageStore): Promise<void> {
    for await (const _ of this.chunks());
    this.#digest ??= this.hash.digest();
    if (this.#digest === digest) return;
    throw new StoreError(
      `blob ${digest} is damaged: remove ${store.blobPath(digest)} and pull the image again`,
    );
  }
}
