/**
 * Frames as birth/output.ts writes them, found in the bytes of a log.
 *
 * @module
 */

import { concatenate } from "../ffi/structs.ts";
import { CHUNK, FRAME, FRAME_MAGIC } from "./birth/output.ts";

/** One chunk of output, as the container wrote it. */
export interface LogChunk {
  /** when it was read from the container, in nanoseconds since 1970 */
  time: bigint;
  /** 1: standard output, or a terminal; 2: standard error */
  stream: 1 | 2;
  /** what was written */
  bytes: Uint8Array;
}

/** A chunk, and the file that it was written into. */
export interface LogFrame extends LogChunk {
  /** how many files the same monitor had begun before */
  file: number;
}

/** {@linkcode FRAME_MAGIC} as it stands in a file; its last byte is in no text. */
const MAGIC = new Uint8Array(Uint32Array.of(FRAME_MAGIC).buffer);
const RARE_AT = MAGIC.length - 1;

/**
 * Takes the bytes of a file apart, piece by piece.
 *
 * A frame can lack its end: the monitor was killed, the disk or the file was full. The next one
 * begins where nobody would expect it then, and is found by its head. Output that only looks like
 * a head, a log that somebody has printed, is older than the frame that it is in.
 */
export class FrameParser {
  #rest = new Uint8Array(0);

  /** The frames that are whole by now. @param piece what follows what was given before */
  *take(piece: Uint8Array): Generator<LogFrame> {
    const bytes = concatenate([this.#rest, piece]);
    for (let at = 0; (at = findHead(bytes, at, 0n)) < bytes.length;) {
      const head = readHead(bytes, at);
      if (!head) return this.#keep(bytes, at);
      const begin = at + FRAME.size;
      const end = begin + head.length;
      if (!isFollowed(bytes, end)) {
        const inner = findHead(bytes, at + 1, head.time);
        if (inner < end && readHead(bytes, inner)) {
          at = inner;
          continue;
        }
        if (end > bytes.length) return this.#keep(bytes, at);
      }
      const { time, stream, file } = head;
      at = end;
      this.#keep(bytes, at);
      yield { time, stream, file, bytes: bytes.subarray(begin, end) };
    }
    this.#keep(bytes, bytes.length);
  }

  #keep(bytes: Uint8Array<ArrayBuffer>, from: number): void {
    this.#rest = bytes.subarray(from);
  }
}

/** Whether a frame that ends there is whole, and another one follows it, or nothing. */
function isFollowed(bytes: Uint8Array, end: number): boolean {
  return end <= bytes.length && isMagic(bytes, end);
}

/** Whether a frame begins there, as far as can be seen. */
function isMagic(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < MAGIC.length && at + i < bytes.length; i++) {
    if (bytes[at + i] !== MAGIC[i]) return false;
  }
  return true;
}

/**
 * Where the next head is that is not older; where there is none, the place at the end at which the
 * beginning of one may be.
 */
function findHead(bytes: Uint8Array, from: number, notBefore: bigint): number {
  for (let at = from;; at++) {
    const rare = bytes.indexOf(MAGIC[RARE_AT], at + RARE_AT);
    if (rare < 0) return Math.max(at, bytes.length - RARE_AT);
    at = rare - RARE_AT;
    if (!isMagic(bytes, at)) continue;
    if (at + FRAME.size > bytes.length) return at;
    const head = readHead(bytes, at);
    if (head && head.time >= notBefore) return at;
  }
}

interface Head extends Omit<LogFrame, "bytes"> {
  length: number;
}

/** A frame's head; `undefined` where none can be. */
function readHead(bytes: Uint8Array, at: number): Head | undefined {
  if (at + FRAME.size > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME.size);
  const stream = view.getUint32(FRAME.stream, true);
  const length = view.getUint32(FRAME.length, true);
  const nanoseconds = view.getBigInt64(FRAME.time + 8, true);
  if (stream !== 1 && stream !== 2 || length > CHUNK || length === 0) return undefined;
  if (nanoseconds < 0n || nanoseconds >= 1_000_000_000n) return undefined;
  return {
    time: view.getBigInt64(FRAME.time, true) * 1_000_000_000n + nanoseconds,
    stream,
    length,
    file: view.getUint32(FRAME.file, true),
  };
}
