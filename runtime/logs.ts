/**
 * The log of a detached container, read: frames as birth/output.ts writes them.
 *
 * @module
 */

import { FRAME, FRAME_MAGIC } from "./birth/output.ts";

/** One chunk of output, as the container wrote it. */
export interface LogChunk {
  /** when it was read from the container, in nanoseconds since 1970 */
  time: bigint;
  /** 1: standard output, or a terminal; 2: standard error */
  stream: 1 | 2;
  /** what was written */
  bytes: Uint8Array;
}

/** Where a container keeps what it has written. */
export function logFile(directory: string): string {
  return `${directory}/log`;
}

/** Bytes that are read at once: more than any frame has. */
const BLOCK = 128 * 1024;

/**
 * Takes a log apart, piece by piece, as it grows.
 *
 * What a full disk has cut short is passed over: the next frame is found by its first bytes.
 */
export class LogReader implements Disposable {
  private readonly file: Deno.FsFile;
  private rest = new Uint8Array(0);
  private taken: number;

  /**
   * Opens a log.
   *
   * @param from the byte to begin at: the beginning of a frame
   * @throws {Deno.errors.NotFound} where the container was never detached
   */
  constructor(path: string, from = 0) {
    this.file = Deno.openSync(path);
    this.taken = from;
    if (from > 0) this.file.seekSync(from, Deno.SeekMode.Start);
  }

  /** The byte up to which everything was given out. */
  get position(): number {
    return this.taken;
  }

  /** The frames that are whole by now and have not been read yet. */
  *read(): Generator<LogChunk> {
    const block = new Uint8Array(BLOCK);
    for (;;) {
      const count = this.file.readSync(block) ?? 0;
      if (count === 0) return;
      const bytes = new Uint8Array(this.rest.length + count);
      bytes.set(this.rest);
      bytes.set(block.subarray(0, count), this.rest.length);
      yield* this.#take(bytes);
    }
  }

  *#take(bytes: Uint8Array<ArrayBuffer>): Generator<LogChunk> {
    const view = new DataView(bytes.buffer);
    let at = 0;
    while (at + FRAME.size <= bytes.length) {
      const length = view.getUint32(at + FRAME.length, true);
      // what the container has written may look like a head, where a frame was cut short
      if (view.getUint32(at, true) !== FRAME_MAGIC || length > BLOCK) {
        at++;
        continue;
      }
      if (at + FRAME.size + length > bytes.length) break;
      yield {
        time: view.getBigInt64(at + FRAME.time, true) * 1_000_000_000n +
          view.getBigInt64(at + FRAME.time + 8, true),
        stream: view.getUint32(at + FRAME.stream, true) === 2 ? 2 : 1,
        bytes: bytes.subarray(at + FRAME.size, at + FRAME.size + length),
      };
      at += FRAME.size + length;
    }
    this.rest = bytes.slice(at);
    this.taken += at;
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.file.close();
  }
}
