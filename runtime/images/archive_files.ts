/**
 * The files of an archive, to be read by name in any order: a directory, or a tar file.
 *
 * Nothing is unpacked, so the names in a stranger's tar never become names on this machine: they are
 * looked up in a list of where each file's bytes are.
 *
 * @module
 */

import { compressionOf, LONGEST_MAGIC } from "./compression.ts";
import { decompress, type DecompressOptions } from "./decompress.ts";
import { pathInLayer, splitPath } from "./layer_tree.ts";
import { showName } from "./names.ts";
import { Scratch } from "./scratch.ts";
import { type TarEntry, TarError, TarReader } from "./tar.ts";

/** Where an archive comes from: a path, or its bytes. */
export type ArchiveSource = string | AsyncIterable<Uint8Array>;

/** Files that can be read by their names. */
export interface ArchiveFiles extends Disposable {
  /** Whether there is such a file. */
  has(name: string): boolean;
  /** All of a file; an error if it has more than `limit` bytes. */
  read(name: string, limit: number): Uint8Array;
  /** A file's size and its bytes in pieces. */
  open(name: string): { size: number; bytes: Generator<Uint8Array> };
}

/** An archive that is not one, or lacks a file that it names. */
export class ArchiveError extends Error {
  /** The class's name, for messages. */
  override name = "ArchiveError";
}

/** Where the bytes of an archived file are: in that archive, or at another name. */
type Place = { offset: number; size: number } | { link: string };

const CHUNK = 256 * 1024;
/** An archive of images has a few files for each; one with more is no such archive. */
const MAX_ENTRIES = 100_000;
/** `docker save` writes a layer that occurs twice as a link to the first; links to links are not made. */
const MAX_LINKS = 8;

/**
 * Opens an archive's files.
 *
 * @param root the data root; what comes compressed or through a pipe is kept in its `tmp/` meanwhile
 * @throws {TarError} if it is a tar, and damaged
 * @throws {DecompressError} if it is compressed, and damaged
 */
export async function openArchive(
  root: string,
  source: ArchiveSource,
  options?: DecompressOptions,
): Promise<ArchiveFiles> {
  if (typeof source === "string") {
    if ((await Deno.stat(source)).isDirectory) return new DirectoryFiles(source);
    const file = await Deno.open(source);
    if (isPlain(file)) return new TarFiles(file, await indexTar(chunksOf(file, 0)));
    file.close();
  }
  return await spool(root, typeof source === "string" ? fileChunks(source) : source, options);
}

/** The bytes of a file in pieces. */
export function* fileChunks(path: string): Generator<Uint8Array> {
  using file = Deno.openSync(path);
  yield* chunksOf(file, 0);
}

/** Decompresses an archive into a file of our own, and indexes it on the way. */
async function spool(
  root: string,
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options?: DecompressOptions,
): Promise<ArchiveFiles> {
  const scratch = Scratch.make(root, "archive");
  try {
    const file = await Deno.open(`${scratch.path}/tar`, {
      createNew: true,
      read: true,
      write: true,
    });
    const copied = async function* () {
      for await (const bytes of decompress(source, options)) {
        for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
        yield bytes;
      }
    };
    try {
      return new TarFiles(file, await indexTar(copied()), scratch);
    } catch (error) {
      file.close();
      throw error;
    }
  } catch (error) {
    scratch[Symbol.dispose]();
    throw error;
  }
}

/** Where each file of a tar is. */
async function indexTar(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const reader = new TarReader({
    entry: (entry) => {
      const place = placeOf(entry, reader.contentOffset);
      if (place) places.set(pathInLayer(entry.name), place);
    },
    data: () => {},
    close: () => {},
  }, { maxEntries: MAX_ENTRIES });
  for await (const chunk of chunks) reader.write(chunk);
  if (!reader.finish()) throw new TarError("it ends without its end mark, so it may be cut short");
  return places;
}

function placeOf(entry: TarEntry, offset: number): Place | undefined {
  if (entry.type === "file") return { offset, size: entry.size };
  if (entry.type === "hardlink") return { link: pathInLayer(entry.linkname, entry.name) };
  if (entry.type !== "symlink") return undefined;
  const from = entry.linkname.startsWith("/") ? "" : splitPath(entry.name).parent;
  return { link: pathInLayer(`${from}/${entry.linkname}`, entry.name) };
}

/** The files of a tar. */
class TarFiles implements ArchiveFiles {
  constructor(
    private readonly file: Deno.FsFile,
    private readonly places: Map<string, Place>,
    private readonly scratch?: Scratch,
  ) {}

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  read(name: string, limit: number): Uint8Array {
    return readAll(this.open(name), name, limit);
  }

  open(name: string): { size: number; bytes: Generator<Uint8Array> } {
    const place = this.#find(name);
    if (!place) throw new ArchiveError(`the archive has no file ${showName(name)}`);
    return { size: place.size, bytes: chunksOf(this.file, place.offset, place.size) };
  }

  [Symbol.dispose](): void {
    this.file.close();
    this.scratch?.[Symbol.dispose]();
  }

  #find(name: string): { offset: number; size: number } | undefined {
    let path = pathInLayer(name);
    for (let links = 0; links < MAX_LINKS; links++) {
      const place = this.places.get(path);
      if (place === undefined || "offset" in place) return place;
      path = place.link;
    }
  }
}

/** The files of a directory, which belongs to whoever names it. */
class DirectoryFiles implements ArchiveFiles {
  constructor(private readonly path: string) {}

  has(name: string): boolean {
    try {
      return Deno.statSync(this.#pathOf(name)).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  read(name: string, limit: number): Uint8Array {
    return readAll(this.open(name), name, limit);
  }

  open(name: string): { size: number; bytes: Generator<Uint8Array> } {
    if (!this.has(name)) throw new ArchiveError(`${this.path} has no file ${showName(name)}`);
    const path = this.#pathOf(name);
    return { size: Deno.statSync(path).size, bytes: fileChunks(path) };
  }

  [Symbol.dispose](): void {}

  #pathOf(name: string): string {
    return `${this.path}/${pathInLayer(name)}`;
  }
}

function readAll(
  { size, bytes }: { size: number; bytes: Generator<Uint8Array> },
  name: string,
  limit: number,
): Uint8Array {
  if (size > limit) {
    throw new ArchiveError(
      `${showName(name)} has ${size} bytes, more than the ${limit} allowed here`,
    );
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of bytes) {
    whole.set(piece.subarray(0, size - at), at);
    at += piece.length;
  }
  return whole.subarray(0, Math.min(at, size));
}

/** A stretch of an open file in pieces, each a buffer of its own; to its end if no size is given. */
function* chunksOf(file: Deno.FsFile, offset: number, size = Infinity): Generator<Uint8Array> {
  while (size > 0) {
    const buffer = new Uint8Array(Math.min(CHUNK, size));
    file.seekSync(offset, Deno.SeekMode.Start);
    const length = file.readSync(buffer);
    if (length === null) return;
    yield buffer.subarray(0, length);
    offset += length;
    size -= length;
  }
}

function isPlain(file: Deno.FsFile): boolean {
  if (!file.statSync().isFile) return false;
  const start = new Uint8Array(LONGEST_MAGIC);
  return compressionOf(start.subarray(0, file.readSync(start) ?? 0)) === "none";
}
