/**
 * The lines of a log: the last of them, and each with its time.
 *
 * A container writes chunks, and a chunk is no line: it may hold several, or a part of one.
 *
 * @module
 */

import { concatenate } from "../ffi/structs.ts";
import type { LogChunk } from "./logs.ts";

const NEWLINE = 10;

/**
 * The last lines of what was written, both streams together; what is kept meanwhile is no more than
 * these lines.
 */
export function lastLines(chunks: Iterable<LogChunk>, count: number): LogChunk[] {
  if (count <= 0) return [];
  const kept: { chunk: LogChunk; ends: number }[] = [];
  let ends = 0;
  for (const chunk of chunks) {
    const own = endsIn(chunk.bytes);
    // its bytes may be a part of a buffer that is large
    kept.push({ chunk: { ...chunk, bytes: chunk.bytes.slice() }, ends: own });
    ends += own;
    // the last line may lack its end, so one more is kept than is asked for
    while (kept.length > 1 && ends - kept[0].ends > count) ends -= kept.shift()!.ends;
  }
  if (kept.length === 0) return [];
  const isWhole = kept.at(-1)!.chunk.bytes.at(-1) === NEWLINE;
  let surplus = ends + (isWhole ? 0 : 1) - count;
  const rest = kept.map(({ chunk }) => chunk);
  while (surplus > 0) {
    const [first] = rest;
    const at = first.bytes.indexOf(NEWLINE);
    if (at >= 0) surplus--;
    if (at < 0 || at === first.bytes.length - 1) rest.shift();
    else rest[0] = { ...first, bytes: first.bytes.subarray(at + 1) };
  }
  return rest;
}

function endsIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/** Puts the time in front of each line, as Docker writes it: RFC 3339 with nanoseconds. */
export class LineStamps {
  readonly #isInside = { 1: false, 2: false };

  /** A chunk with the times; one that goes on in the middle of a line gets none for that. */
  stamp({ time, stream, bytes }: LogChunk): Uint8Array {
    const stamp = new TextEncoder().encode(`${formatNanoseconds(time)} `);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, at);
      const next = end < 0 ? bytes.length : end + 1;
      if (!this.#isInside[stream]) parts.push(stamp);
      parts.push(bytes.subarray(at, next));
      this.#isInside[stream] = end < 0;
      at = next;
    }
    return concatenate(parts);
  }
}

/** A time in nanoseconds since 1970 as text: `2026-11-26T11:05:00.123456789Z`. */
function formatNanoseconds(time: bigint): string {
  const seconds = new Date(Number(time / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(time % 1_000_000_000n).padStart(9, "0")}Z`;
}
