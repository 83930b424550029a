/**
 * A container's output, copied into its log by a program of calls: no JavaScript is left to do it.
 *
 * The log is a row of frames: when, which stream, how many bytes, and the bytes, as they came
 * ({@linkcode FRAME}; log.ts reads them). One writev(2) writes a frame whole, and the calls in
 * front of it fill in what is not known before.
 *
 * @module
 */

import { CLOCK } from "../../ffi/constants.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Label, Program } from "../../ffi/program.ts";
import { jump } from "./jump.ts";

/** Byte offsets in the head of a frame; all numbers are little-endian. */
export const FRAME = {
  /** {@linkcode FRAME_MAGIC}: after a disk was full, a reader finds the next frame by it */
  magic: 0,
  /** 1: standard output, or a terminal; 2: standard error */
  stream: 4,
  /** when it was read, a `struct timespec` of the real-time clock */
  time: 8,
  /** how many bytes follow */
  length: 24,
  size: 32,
} as const;

/** What every frame begins with: `TIF` and a byte that is no text. */
export const FRAME_MAGIC = 0xf7464954;

/** As much as a pipe holds unless it is told otherwise, pipe(7). */
const CHUNK = 64 * 1024;

/** A stream that is copied. */
export interface Stream {
  /** where its bytes come from; reading never blocks */
  from: Ref;
  /** 1 or 2, as in the frame */
  number: number;
  /** its `struct pollfd`: a descriptor of −1 is passed over, poll(2) */
  poll: Memory;
}

/** What copying needs; one buffer serves all streams. */
export class Copier {
  private readonly buffer: Memory;

  /** Makes the buffer. @param log the log's descriptor, opened for appending */
  constructor(private readonly program: Program, private readonly log: Ref) {
    this.buffer = program.arena.allocate(CHUNK, "buffer");
  }

  /**
   * Copies what a stream has now, one chunk at most.
   *
   * @param next where to go on when the stream had something; when it had not, with what follows
   * @param end where to go on when it has ended
   */
  copy(stream: Stream, { next, end }: { next: Label; end: Label }): void {
    const { program } = this;
    const { arena } = program;
    const read = program.label();
    const some = program.label();
    const skip = program.label();
    // a terminal that nobody has open reads as EIO
    const count = program.call("what the container has written, if anything", {
      name: "count",
      allow: ["EAGAIN", "EIO"],
      onSuccess: read,
    }).read(stream.from, this.buffer, CHUNK);
    jump(program, skip, "nothing yet");
    program.place(read);
    program.call("something, or the end of the stream?", { onNonzero: some }).labs(count);
    program.call("the end: poll(2) need not look here any more").memset(stream.poll, 0xff, 4);
    jump(program, end, "on");
    program.place(some);
    const head = arena.allocate(FRAME.size, "frame");
    arena.setWord(head.address + FRAME.magic, FRAME_MAGIC + stream.number * 2 ** 32);
    const parts = arena.allocate(32, "parts");
    parts.text = `[{&frame, ${FRAME.size}}, {&buffer, count}]`;
    arena.setWord(parts.address, head.address);
    arena.setWord(parts.address + 8, FRAME.size);
    arena.setWord(parts.address + 16, this.buffer.address);
    program.call("when").clock_gettime(CLOCK.REALTIME, head.address + FRAME.time);
    program.call("how much: for the reader…")
      .memcpy(head.address + FRAME.length, count.address, 4);
    program.call("…and for writev(2)").memcpy(parts.address + 24, count.address, 8);
    program.call("one frame of the log; a full disk loses it, and not the container", {
      allow: ["ENOSPC", "EDQUOT", "EFBIG", "EIO"],
    }).writev(this.log, parts, 2);
    jump(program, next, "on");
    program.place(skip);
  }
}
