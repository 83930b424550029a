/**
 * What a layer holds, read from its blob and not unpacked: its files as they are in the end, and
 * what it takes away.
 *
 * The same rules as for unpacking (layer_writer.ts): a later entry replaces an earlier one,
 * directories are joined, a path that leads over a link of the layer's own goes where that leads.
 *
 * @module
 */

import { fileChunks } from "./archive_files.ts";
import { decompress } from "./decompress.ts";
import { hashers } from "./digest.ts";
import { pathInLayer, splitPath } from "./layer_tree.ts";
import type { Descriptor } from "./manifest.ts";
import type { ImageStore } from "./store.ts";
import { TarReader } from "./tar.ts";
import type { TarEntry } from "./tar_entry.ts";

/** A file of a layer. */
export interface ListedFile extends TarEntry {
  /** Of a regular file, the digest of its content, where it was asked for. */
  digest?: string;
  /** Of a second name, the file that it is; its size is counted there. */
  target?: ListedFile;
}

/** A layer's files, by their paths without a slash at either end; "" is the root. */
export interface LayerListing {
  /** What it adds or changes. */
  files: Map<string, ListedFile>;
  /** Paths that it takes away. */
  whiteouts: Set<string>;
  /** Directories of which it hides all that lower layers have there. */
  opaque: Set<string>;
  /** The digest of the tar. */
  diffId: string;
}

/** What {@linkcode listLayer} may be told. */
export interface ListOptions {
  /** Hashes the files too. */
  contents?: boolean;
  /** Stops between two pieces when it fires. */
  signal?: AbortSignal;
}

/** `.wh.` before a name: it is gone. Such names with another `.wh.` are of AUFS's own. */
const WHITEOUT = ".wh.";
const AUFS = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** More links than this on one way lead nowhere, path_resolution(7). */
const MOST_LINKS = 40;

/**
 * Reads a layer to its end.
 *
 * @throws {TarError} {@linkcode DecompressError} if it is damaged, or refused by the reader
 * @throws {StoreError} if it is not in the store
 */
export async function listLayer(
  store: ImageStore,
  { digest }: Pick<Descriptor, "digest">,
  options: ListOptions = {},
): Promise<LayerListing> {
  // For its error, where there is none.
  (await store.openBlob(digest)).close();
  return await listTar(decompress(fileChunks(store.blobPath(digest))), options);
}

/** The same for a layer's tar. @throws {TarError} if it is damaged, or refused by the reader */
export async function listTar(
  tar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { contents = false, signal }: ListOptions = {},
): Promise<LayerListing> {
  const newHash = await hashers();
  const hash = newHash();
  const list = new Lister(contents ? newHash : undefined);
  const reader = new TarReader(list);
  for await (const bytes of tar) {
    signal?.throwIfAborted();
    hash.update(bytes);
    reader.write(bytes);
  }
  reader.finish();
  const { files, whiteouts, opaque } = list;
  return { files, whiteouts, opaque, diffId: hash.digest() };
}

/** Receives a layer's entries. */
class Lister {
  readonly files = new Map<string, ListedFile>();
  readonly whiteouts = new Set<string>();
  readonly opaque = new Set<string>();
  #current?: ListedFile;
  #hash?: ReturnType<Awaited<ReturnType<typeof hashers>>>;

  constructor(private readonly newHash: Awaited<ReturnType<typeof hashers>> | undefined) {}

  entry(entry: TarEntry): void {
    this.#current = undefined;
    const typed = pathInLayer(entry.name, entry.name);
    const { parent: above, name } = splitPath(typed);
    const parent = this.#resolve(above);
    if (name === OPAQUE) return void this.opaque.add(parent);
    if (`/${typed}`.includes(`/${AUFS}`)) return;
    if (name.startsWith(WHITEOUT)) {
      return this.#whiteOut(inside(parent, name.slice(WHITEOUT.length)));
    }
    const path = inside(parent, name);
    this.#imply(parent);
    const before = this.files.get(path);
    const file: ListedFile = { ...entry };
    if (entry.type === "hardlink") this.#link(file);
    if (before?.type === "directory" && file.type !== "directory") this.#drop(path);
    // The whiteout that a directory replaces goes on hiding what lower layers have in there.
    if (this.whiteouts.delete(path) && file.type === "directory") this.opaque.add(path);
    this.files.set(path, file);
    this.#current = file;
    this.#hash = entry.type === "file" ? this.newHash?.() : undefined;
  }

  data(bytes: Uint8Array): void {
    this.#hash?.update(bytes);
  }

  close(): void {
    if (this.#current && this.#hash) this.#current.digest = this.#hash.digest();
    this.#hash = undefined;
  }

  /** Where a directory's path leads over the layer's own links. */
  #resolve(path: string): string {
    let left = path === "" ? [] : path.split("/");
    const at: string[] = [];
    for (let links = 0; left.length > 0;) {
      const part = left.shift()!;
      if (part === "..") at.pop();
      else if (part !== "" && part !== ".") {
        const file = this.files.get([...at, part].join("/"));
        if (file?.type !== "symlink" || ++links > MOST_LINKS) at.push(part);
        else {
          if (file.linkname.startsWith("/")) at.length = 0;
          left = [...file.linkname.split("/"), ...left];
        }
      }
    }
    return at.join("/");
  }

  #imply(path: string): void {
    if (this.files.has(path)) return;
    if (path !== "") this.#imply(splitPath(path).parent);
    const nothing = { size: 0, uid: 0, gid: 0, mtime: 0, mtimeNanoseconds: 0, major: 0, minor: 0 };
    this.files.set(path, { ...nothing, name: path, type: "directory", mode: 0o755, linkname: "" });
  }

  #whiteOut(path: string): void {
    const there = this.files.get(path);
    // What the layer itself has there stays; of a directory, only that.
    if (!there) this.whiteouts.add(path);
    else if (there.type === "directory") this.opaque.add(path);
  }

  #link(file: ListedFile): void {
    const { parent, name } = splitPath(pathInLayer(file.linkname, file.name));
    const target = this.files.get(inside(this.#resolve(parent), name));
    file.size = 0;
    if (target) file.target = target.target ?? target;
  }

  #drop(path: string): void {
    for (const each of this.files.keys()) if (each.startsWith(`${path}/`)) this.files.delete(each);
  }
}

function inside(path: string, name: string): string {
  return path === "" || name === "" ? path + name : `${path}/${name}`;
}
