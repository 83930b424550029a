/**
 * Reads a tar archive, which is what an image layer is: chunks of bytes go in, entries and their
 * contents come out.
 *
 * An archive is a row of 512-byte blocks: a header, then the entry's content, padded to whole
 * blocks, then the next header; two blocks of zeros are the end. What does not fit a header stands
 * before it as an entry of its own: PAX records (`x`, or `g` for all that follow), a long name
 * (GNU's `L`), a long link target (`K`). The reader applies those, so its sink sees only files.
 *
 * It is synchronous and copies no content: what a sink is given is a window of the chunk that was
 * written. Archives are hostile: every length is checked against a limit before it is used.
 *
 * @module
 */

import { applyPax, joinPax, parsePax, type PaxRecords } from "./pax.ts";
import { BLOCK, type EntryType, MAX_NAME, type TarEntry, TarError } from "./tar_entry.ts";
import {
  FIELD,
  hasChecksum,
  isZeroBlock,
  nameOf,
  numberOf,
  textOf,
  typeflagOf,
} from "./tar_header.ts";

export { type EntryType, type TarEntry, TarError };

/** Receives what an archive holds: an entry, its content in pieces, and its end. */
export interface TarSink {
  /** A new entry. */
  entry(entry: TarEntry): void;
  /** The next bytes of its content; they are valid only until the call returns. */
  data(bytes: Uint8Array): void;
  /** The entry is complete. */
  close(): void;
}

/** How much a {@linkcode TarReader} takes. */
export interface TarLimits {
  /** Headers in all; 1 million unless told otherwise. */
  maxEntries?: number;
}

/** Room for one extended attribute of the kernel's largest size and some more; Go's limit as well. */
const MAX_EXTENDED = 1024 * 1024;
const MAX_ENTRIES = 1_000_000;

const TYPES: Record<string, EntryType> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "chardev",
  "4": "blockdev",
  "5": "directory",
  "6": "fifo",
  "7": "file", // "contiguous", which no system cares for any more
};

/** An entry that describes the next one: its kind and as much of it as has come. */
interface Extended {
  typeflag: string;
  bytes: Uint8Array;
  filled: number;
}

/** A reader that is fed with an archive, chunk by chunk. */
export class TarReader {
  #block = new Uint8Array(BLOCK);
  #blockFilled = 0;
  /** Bytes of the current entry's content, and of padding behind it, that are still to come. */
  #content = 0;
  #padding = 0;
  #current?: TarEntry;
  #extended?: Extended;
  #undecidedLink?: TarEntry;
  #global: PaxRecords = new Map();
  #local: PaxRecords = new Map();
  #longName?: string;
  #longLink?: string;
  #entries = 0;
  /** Bytes of the chunks before this one, and of the archive up to the last header's end. */
  #written = 0;
  #headerEnd = 0;
  #zeroBlocks = 0;

  /**
   * Begins at the beginning of an archive.
   *
   * @param sink what the entries are given to
   * @param limits how much is taken
   */
  constructor(private readonly sink: TarSink, private readonly limits: TarLimits = {}) {}

  /**
   * Reads the next bytes of the archive.
   *
   * @throws {TarError} naming the entry that is wrong, and whatever the sink throws
   */
  write(chunk: Uint8Array): void {
    this.#consume(chunk);
    this.#written += chunk.length;
  }

  #consume(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#content > 0) at = this.#takeContent(chunk, at);
      else if (this.#padding > 0) at = this.#takePadding(chunk, at);
      else if (this.#zeroBlocks === 2) return; // what is behind the end is filler of the tape's record
      else at = this.#takeBlock(chunk, at);
    }
  }

  /** Where in the archive the content of the entry that the sink was given last begins. */
  get contentOffset(): number {
    return this.#headerEnd;
  }

  /**
   * Says that no more bytes will come.
   *
   * @returns whether the archive had its end mark; one cut between two entries has not
   * @throws {TarError} if it ends in the middle of an entry
   */
  finish(): boolean {
    if (this.#undecidedLink) this.#open(this.#undecidedLink, 0);
    const inside = this.#current?.name;
    if (this.#content > 0) {
      throw new TarError(`the archive is cut short, ${this.#content} bytes are missing`, inside);
    }
    if (this.#padding > 0 || this.#blockFilled > 0 || this.#local.size > 0 || this.#longName) {
      throw new TarError("it is cut short");
    }
    return this.#zeroBlocks > 0;
  }

  #takeContent(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#content);
    const bytes = at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end);
    this.#content -= bytes.length;
    if (this.#extended) {
      this.#extended.bytes.set(bytes, this.#extended.filled);
      this.#extended.filled += bytes.length;
    } else if (this.#current) {
      this.sink.data(bytes);
    }
    if (this.#content === 0) this.#close();
    return end;
  }

  #takePadding(chunk: Uint8Array, at: number): number {
    const length = Math.min(chunk.length - at, this.#padding);
    this.#padding -= length;
    return at + length;
  }

  /** Takes a header block, from two chunks where it lies across them. */
  #takeBlock(chunk: Uint8Array, at: number): number {
    const missing = BLOCK - this.#blockFilled;
    this.#headerEnd = this.#written + at + missing;
    if (missing === BLOCK && chunk.length - at >= BLOCK) {
      this.#header(chunk.subarray(at, at + BLOCK));
      return at + BLOCK;
    }
    const piece = chunk.subarray(at, at + missing);
    this.#block.set(piece, this.#blockFilled);
    this.#blockFilled += piece.length;
    if (this.#blockFilled === BLOCK) {
      this.#blockFilled = 0;
      this.#header(this.#block);
    }
    return at + piece.length;
  }

  #header(block: Uint8Array): void {
    const zero = block[0] === 0 && isZeroBlock(block);
    const valid = zero || hasChecksum(block);
    if (this.#undecidedLink) {
      const link = this.#undecidedLink;
      this.#undecidedLink = undefined;
      this.#open(link, valid ? 0 : link.size);
      if (!valid) return this.#consume(block);
    }
    if (zero) {
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) throw new TarError("an entry follows what should be the end");
    if (!valid) {
      throw new TarError(
        this.#entries === 0
          ? "this is not one: its first header has a wrong checksum"
          : `the header after ${this.#entries} others has a wrong checksum`,
      );
    }
    if (++this.#entries > (this.limits.maxEntries ?? MAX_ENTRIES)) {
      throw new TarError(
        `the archive has ${this.#entries - 1} entries already, no more are taken`,
        nameOf(block),
        "entries",
      );
    }
    const typeflag = typeflagOf(block);
    if ("xgLKV".includes(typeflag)) this.#openExtended(typeflag, block);
    else this.#openEntry(typeflag, block);
  }

  #openExtended(typeflag: string, block: Uint8Array): void {
    const size = numberOf(block, "size");
    const limit = typeflag === "x" || typeflag === "g" ? MAX_EXTENDED : MAX_NAME + 1;
    if (size > limit) {
      throw new TarError(
        `a header of type ${typeflag} has ${size} bytes, ${limit} are allowed`,
        this.#longName ?? nameOf(block),
      );
    }
    this.#extended = { typeflag, bytes: new Uint8Array(size), filled: 0 };
    this.#expect(size);
  }

  #openEntry(typeflag: string, block: Uint8Array): void {
    const type = TYPES[typeflag];
    const entry: TarEntry = {
      name: nameOf(block),
      type,
      mode: numberOf(block, "mode") & 0o7777,
      uid: numberOf(block, "uid"),
      gid: numberOf(block, "gid"),
      size: 0,
      mtime: numberOf(block, "mtime", true),
      mtimeNanoseconds: 0,
      linkname: textOf(block, FIELD.linkname),
      major: 0,
      minor: 0,
    };
    const sizeIsSure = this.#applyExtended(entry);
    if (type === undefined) throw new TarError(describeType(typeflag), entry.name);
    // Version 7 had no directories of its own, only names that end in a slash.
    if (type === "file" && entry.name.endsWith("/")) entry.type = "directory";
    if (entry.type === "chardev" || entry.type === "blockdev") {
      entry.major = numberOf(block, "major");
      entry.minor = numberOf(block, "minor");
    }
    if (entry.type !== "file" && entry.type !== "hardlink") {
      entry.size = 0; // where there is one, it is a hint of old systems; no content follows
    } else if (!sizeIsSure) {
      entry.size = numberOf(block, "size");
    }
    if (entry.type === "hardlink" && entry.size > 0 && !sizeIsSure) {
      // POSIX lets a hard link repeat the file's content; many tars give the size and no content.
      // Only the next block tells: a header, or not.
      this.#undecidedLink = entry;
    } else {
      this.#open(entry, entry.size);
    }
  }

  #open(entry: TarEntry, size: number): void {
    this.#undecidedLink = undefined;
    entry.size = size;
    this.#current = entry;
    this.sink.entry(entry);
    this.#expect(size);
  }

  #expect(size: number): void {
    this.#content = size;
    this.#padding = (BLOCK - size % BLOCK) % BLOCK;
    if (size === 0) this.#close();
  }

  /** The content is complete. */
  #close(): void {
    const extended = this.#extended;
    this.#extended = undefined;
    if (!extended) {
      this.#current = undefined;
      return this.sink.close();
    }
    const { typeflag, bytes } = extended;
    if (typeflag === "g") this.#global = joinPax(this.#global, parsePax(bytes));
    if (typeflag === "x") this.#local = joinPax(this.#local, parsePax(bytes));
    if (typeflag === "L") this.#longName = textOf(bytes, [0, bytes.length]);
    if (typeflag === "K") this.#longLink = textOf(bytes, [0, bytes.length]);
  }

  /** Applies what the headers before this one said. Says whether they gave its size. */
  #applyExtended(entry: TarEntry): boolean {
    let sizeIsSure = false;
    if (this.#local.size > 0 || this.#global.size > 0) {
      const records = joinPax(this.#global, this.#local);
      for (const key of records.keys()) {
        if (key.startsWith("GNU.sparse.")) throw new TarError(describeType("S"), entry.name);
      }
      sizeIsSure = applyPax(entry, records);
    }
    // Where an archive has both, GNU's names win: Go's archive/tar, and so Docker, decides alike.
    entry.name = this.#longName ?? entry.name;
    entry.linkname = this.#longLink ?? entry.linkname;
    this.#local = new Map();
    this.#longName = this.#longLink = undefined;
    if (entry.name === "") throw new TarError("an entry has no name");
    return sizeIsSure;
  }
}

function describeType(typeflag: string): string {
  if (typeflag === "S") {
    return "it is a sparse file, which image layers do not have; make the archive without --sparse";
  }
  return `its type ${JSON.stringify(typeflag)} is not one that a layer may have`;
}
