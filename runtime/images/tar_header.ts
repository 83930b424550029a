/**
 * One tar header: 512 bytes that say what the next entry is.
 *
 * Understood are the three forms that layers come in: the original one of Unix version 7, POSIX
 * ustar (with a prefix for longer names), and GNU's (with binary numbers where octal digits do not
 * suffice). POSIX pax(1), "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format".
 *
 * @module
 */

import { decodeName } from "./names.ts";
import { TarError } from "./tar_entry.ts";

/** Where a field is in the header: its offset and its length. */
export type Field = readonly [offset: number, length: number];

/** The header's fields; ustar has them all, version 7 those before `magic`. */
export const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  typeflag: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, Field>;

const SPACE = 0x20;
const ZERO = 0x30;

/** Whether the block is all zeros, of which two end an archive. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** Whether the header's checksum is the sum of its bytes. */
export function hasChecksum(block: Uint8Array): boolean {
  const [start, length] = FIELD.checksum;
  const stored = parseOctal(block, FIELD.checksum);
  let sum = SPACE * length; // the field itself counts as spaces
  let negative = 0;
  for (let i = 0; i < block.length; i++) {
    if (i === start) i += length;
    sum += block[i];
    negative += block[i] >> 7;
  }
  // Some old tars summed their bytes as signed ones.
  return stored === sum || stored === sum - 256 * negative;
}

/** The entry's kind as the header has it: one character. */
export function typeflagOf(block: Uint8Array): string {
  return String.fromCharCode(block[FIELD.typeflag[0]]);
}

/** The entry's name, with ustar's prefix where there is one. */
export function nameOf(block: Uint8Array): string {
  const name = textOf(block, FIELD.name);
  // GNU's magic ends in two spaces, and what stands in the prefix's place then is something else.
  const ustar = block[262] === 0 && textOf(block, FIELD.magic) === "ustar";
  const prefix = ustar ? textOf(block, FIELD.prefix) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A field's text, up to the first NUL. */
export function textOf(block: Uint8Array, [start, length]: Field): string {
  const nul = block.indexOf(0, start);
  const end = nul < 0 ? start + length : Math.min(nul, start + length);
  return decodeName(block.subarray(start, end));
}

/**
 * A field's number: octal digits, or, where its first bit is set, GNU's big-endian binary.
 *
 * @throws {TarError} if it is neither, negative where it must not be, or larger than 2^53 - 1
 */
export function numberOf(block: Uint8Array, field: keyof typeof FIELD, signed = false): number {
  const where = FIELD[field];
  const value = (block[where[0]] & 0x80) === 0
    ? parseOctal(block, where)
    : parseBinary(block, where);
  if (value !== undefined && Number.isSafeInteger(value) && (signed || value >= 0)) return value;
  throw new TarError(`its ${field} is not a number that can be right`, nameOf(block));
}

/** Octal digits with any spaces and NULs around them; none at all are 0. */
function parseOctal(block: Uint8Array, [start, length]: Field): number | undefined {
  const end = start + length;
  let at = start;
  while (at < end && (block[at] === SPACE || block[at] === 0)) at++;
  let value = 0;
  for (; at < end && block[at] >= ZERO && block[at] < ZERO + 8; at++) {
    value = value * 8 + block[at] - ZERO;
  }
  for (; at < end; at++) if (block[at] !== SPACE && block[at] !== 0) return undefined;
  return value;
}

/** Two's complement in 7 bits of the first byte and 8 of each that follows. */
function parseBinary(block: Uint8Array, [start, length]: Field): number {
  const negative = (block[start] & 0x40) !== 0;
  const flip = negative ? 0xff : 0;
  let value = (block[start] ^ flip) & 0x3f;
  for (let i = start + 1; i < start + length; i++) value = value * 256 + (block[i] ^ flip);
  return negative ? -1 - value : value;
}
