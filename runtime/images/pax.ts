/**
 * PAX extended headers: what a tar header has no room for, as `length key=value` lines.
 *
 * POSIX pax(1), "pax Extended Header": `30 mtime=1350244992.023960108\n` is one record, 30 bytes
 * long with its own length and newline. Extended attributes are not in POSIX: star's
 * `SCHILY.xattr.NAME=bytes` is what Docker, Podman and GNU tar write, and libarchive adds
 * `LIBARCHIVE.xattr.NAME=base64`.
 *
 * @module
 */

import { concatenate } from "../../ffi/structs.ts";
import { decodeName, encodeName, showName } from "./names.ts";
import { MAX_NAME, type TarEntry, TarError } from "./tar_entry.ts";

/** What a `x` or `g` header says; an empty value takes back what an earlier header said. */
export type PaxRecords = Map<string, Uint8Array>;

/** The most that several headers may say together, about one entry or about all. */
const MAX_RECORDS = 1000;
const MAX_RECORDS_LENGTH = 1024 * 1024;

/**
 * Reads the records of a header.
 *
 * @throws {TarError} if they are malformed
 */
export function parsePax(bytes: Uint8Array): PaxRecords {
  const records: PaxRecords = new Map();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const digits = decodeAscii(bytes, at, space);
    // A length of more than 7 digits is longer than any header that the reader collects.
    if (space < 0 || !/^[0-9]{1,7}$/.test(digits)) throw new TarError("a PAX record has no length");
    const end = at + Number(digits);
    const equals = bytes.indexOf(0x3d, space);
    if (end > bytes.length || equals < 0 || equals >= end || bytes[end - 1] !== 0x0a) {
      throw new TarError("a PAX record is not as long as it says");
    }
    const key = decodeName(bytes.subarray(space + 1, equals));
    if (key === "" || key.includes("\0")) throw new TarError("a PAX record has no key");
    records.set(key, bytes.slice(equals + 1, end - 1));
    if (records.size > MAX_RECORDS) {
      throw new TarError(`a PAX header has more than ${MAX_RECORDS} records`);
    }
    at = end;
  }
  return records;
}

/**
 * All records of both, the later ones in place of the earlier.
 *
 * @throws {TarError} if they are more than describe an entry: each header has its limit, but an
 *   archive may have a million headers
 */
export function joinPax(earlier: PaxRecords, later: PaxRecords): PaxRecords {
  if (earlier.size === 0) return later;
  if (later.size === 0) return earlier;
  const all = new Map([...earlier, ...later]);
  let length = 0;
  for (const [key, value] of all) length += key.length + value.length;
  if (all.size <= MAX_RECORDS && length <= MAX_RECORDS_LENGTH) return all;
  throw new TarError(
    `its PAX headers have ${all.size} records of ${length} bytes, ` +
      `${MAX_RECORDS} of ${MAX_RECORDS_LENGTH} are allowed`,
  );
}

/** Writes the records one after the other. */
export function encodePax(
  records: Iterable<readonly [key: string, value: Uint8Array]>,
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [key, value] of records) {
    const keyBytes = encodeName(key);
    const rest = keyBytes.length + value.length + 3; // " ", "=" and the newline
    // The length counts its own digits: one more digit can be needed for having one more.
    let length = rest + String(rest).length;
    length = rest + String(length).length;
    parts.push(
      encodeName(`${length} `),
      keyBytes,
      encodeName("="),
      value,
      encodeName("\n"),
    );
  }
  return concatenate(parts);
}

/**
 * Applies the records to the entry that follows them. Says whether they gave its size.
 *
 * @throws {TarError} if one of them is malformed
 */
export function applyPax(entry: TarEntry, records: PaxRecords): boolean {
  const text = (key: string) => {
    const value = records.get(key);
    if (value === undefined || value.length === 0) return undefined;
    if (value.length > MAX_NAME || value.includes(0)) {
      throw new TarError(`its PAX ${key} is too long or has a NUL in it`, entry.name);
    }
    return decodeName(value);
  };
  const number = (key: "size" | "uid" | "gid") => {
    const digits = text(key);
    if (digits === undefined) return;
    entry[key] = Number(digits);
    if (/^[0-9]+$/.test(digits) && Number.isSafeInteger(entry[key])) return;
    throw new TarError(`its PAX ${key} is not a number that can be right`, entry.name);
  };
  entry.name = text("path") ?? entry.name;
  entry.linkname = text("linkpath") ?? entry.linkname;
  number("size");
  number("uid");
  number("gid");
  applyTime(entry, text("mtime"));
  entry.xattrs = xattrsOf(records);
  return text("size") !== undefined;
}

function applyTime(entry: TarEntry, text: string | undefined): void {
  if (text === undefined) return;
  const [, sign, whole, fraction = ""] = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text) ?? [];
  if (whole === undefined) throw new TarError("its PAX mtime is not a time", entry.name);
  const nanoseconds = Number(fraction.padEnd(9, "0").slice(0, 9));
  const borrow = sign === "-" && nanoseconds > 0;
  entry.mtime = sign === "-" ? -Number(whole) - (borrow ? 1 : 0) : Number(whole);
  entry.mtimeNanoseconds = borrow ? 1_000_000_000 - nanoseconds : nanoseconds;
}

function xattrsOf(records: PaxRecords): Map<string, Uint8Array> | undefined {
  let found: Map<string, Uint8Array> | undefined;
  for (const [key, value] of records) {
    if (key.startsWith("SCHILY.xattr.")) {
      (found ??= new Map()).set(key.slice("SCHILY.xattr.".length), value);
    } else if (key.startsWith("LIBARCHIVE.xattr.")) {
      const name = unescapePercent(key.slice("LIBARCHIVE.xattr.".length));
      // A key cannot hold a NUL, an escaped one could.
      if (name.includes("\0")) {
        throw new TarError(`the PAX record ${showName(key)} has a NUL in it`);
      }
      // bsdtar writes both; star's needs no decoding, so it is the one to believe.
      if (records.has(`SCHILY.xattr.${name}`)) continue;
      (found ??= new Map()).set(name, decodeBase64(key, value));
    }
  }
  return found;
}

function decodeAscii(bytes: Uint8Array, start: number, end: number): string {
  return end < start || end > start + 16 ? "" : String.fromCharCode(...bytes.subarray(start, end));
}

function unescapePercent(text: string): string {
  // Runs of them, since a character can be several bytes.
  return text.replace(
    /(?:%[0-9a-f]{2})+/gi,
    (run) => decodeName(Uint8Array.fromHex(run.replaceAll("%", ""))),
  );
}

function decodeBase64(key: string, value: Uint8Array): Uint8Array {
  try {
    return Uint8Array.fromBase64(decodeName(value));
  } catch {
    throw new TarError(`the PAX record ${showName(key)} is not base64`);
  }
}
