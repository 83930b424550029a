/**
 * Writes tar headers, for the images that Tiffin makes itself.
 *
 * What fits a ustar header goes there; a long name, a large number, a part of a second or an
 * extended attribute goes into a PAX header before it. See tar.ts for the format.
 *
 * @module
 */

import { concatenate } from "../../ffi/structs.ts";
import { encodeName } from "./names.ts";
import { encodePax } from "./pax.ts";
import { BLOCK, type EntryType, type TarEntry } from "./tar_entry.ts";
import { FIELD } from "./tar_header.ts";

const TYPEFLAGS: Record<EntryType, string> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  chardev: "3",
  blockdev: "4",
  directory: "5",
  fifo: "6",
};

/** What is written of an entry: name and type, and everything else where it is not 0, 0644 or 0755, or empty. */
export type NewEntry = Pick<TarEntry, "name" | "type"> & Partial<TarEntry>;

/** The two blocks of zeros that end an archive. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK);

/** The blocks that stand before the entry's content; the content is padded with {@linkcode padding}. */
export function encodeHeader(entry: NewEntry): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const records: [string, Uint8Array][] = [];
  const text = (field: "name" | "linkname", key: string, value: string) => {
    const bytes = encodeName(value);
    const [start, length] = FIELD[field];
    block.set(bytes.subarray(0, length), start);
    if (bytes.length <= length) return;
    if (!value.isWellFormed()) records.push(["hdrcharset", encodeName("BINARY")]);
    records.push([key, bytes]);
  };
  const number = (field: "uid" | "gid" | "size" | "mtime", value: number) => {
    const digits = FIELD[field][1] - 1;
    const fits = value >= 0 && value < 8 ** digits;
    octal(block, field, fits ? value : 0);
    return fits || void records.push([field, encodeName(String(value))]);
  };
  text("name", "path", entry.name);
  text("linkname", "linkpath", entry.linkname ?? "");
  octal(block, "mode", entry.mode ?? (entry.type === "directory" ? 0o755 : 0o644));
  number("uid", entry.uid ?? 0);
  number("gid", entry.gid ?? 0);
  number("size", entry.size ?? 0);
  const { mtime = 0, mtimeNanoseconds = 0 } = entry;
  if (mtimeNanoseconds === 0) number("mtime", mtime);
  else records.push(["mtime", encodeName(decimalTime(mtime, mtimeNanoseconds))]);
  block[FIELD.typeflag[0]] = TYPEFLAGS[entry.type].charCodeAt(0);
  block.set(encodeName("ustar\x0000"), FIELD.magic[0]);
  octal(block, "major", entry.major ?? 0);
  octal(block, "minor", entry.minor ?? 0);
  for (const [name, value] of entry.xattrs ?? []) records.push([`SCHILY.xattr.${name}`, value]);
  sign(block);
  return records.length === 0 ? block : concatenate([...paxHeader(records), block]);
}

/** The zeros that fill the last block of so many bytes of content. */
export function padding(size: number): Uint8Array {
  return END_OF_ARCHIVE.subarray(0, (BLOCK - size % BLOCK) % BLOCK);
}

function paxHeader(records: [string, Uint8Array][]): Uint8Array[] {
  const content = encodePax(records);
  const block = new Uint8Array(BLOCK);
  block.set(encodeName("PaxHeader"), FIELD.name[0]);
  octal(block, "mode", 0o644);
  octal(block, "uid", 0);
  octal(block, "gid", 0);
  octal(block, "size", content.length);
  octal(block, "mtime", 0);
  block[FIELD.typeflag[0]] = "x".charCodeAt(0);
  block.set(encodeName("ustar\x0000"), FIELD.magic[0]);
  sign(block);
  return [block, content, padding(content.length)];
}

function octal(block: Uint8Array, field: keyof typeof FIELD, value: number): void {
  const [start, length] = FIELD[field];
  block.set(encodeName(value.toString(8).padStart(length - 1, "0")), start);
}

/** Writes the checksum: of the finished header, the field itself taken as spaces. */
function sign(block: Uint8Array): void {
  const [start, length] = FIELD.checksum;
  block.fill(0x20, start, start + length);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(encodeName(`${sum.toString(8).padStart(6, "0")}\0 `), start);
}

function decimalTime(seconds: number, nanoseconds: number): string {
  const negative = seconds < 0;
  const whole = negative ? -seconds - 1 : seconds;
  const rest = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${negative ? "-" : ""}${whole}.${String(rest).padStart(9, "0")}`;
}
