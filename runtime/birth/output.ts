/**
 * A container's output, copied into its log by a program of calls: no JavaScript is left to do it.
 *
 * The log is a row of frames: when, which stream, how many bytes, and the bytes, as they came
 * ({@linkcode FRAME}; log_frames.ts reads them). One writev(2) writes a frame whole, and the calls
 * in front of it fill in what is not known before. A frame that a file has no room for is written
 * into the next one, whole again: rotation.ts.
 *
 * @module
 */

import { CLOCK } from "../../ffi/constants.ts";
import { E } from "../../ffi/errno.ts";
import { STEP } from "../../ffi/machine.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Label, Program } from "../../ffi/program.ts";
import { jump } from "./jump.ts";
import { type LogLimits, LOSSES, rotate } from "./rotation.ts";

/** Byte offsets in the head of a frame; all numbers are little-endian. */
export const FRAME = {
  /** {@linkcode FRAME_MAGIC}: after a frame that was cut short, a reader finds the next one by it */
  magic: 0,
  /** 1: standard output, or a terminal; 2: standard error */
  stream: 4,
  /** when it was read, a `struct timespec` of the real-time clock */
  time: 8,
  /** how many bytes follow */
  length: 24,
  /** how many files the monitor has begun before: so a reader sees that it has missed one */
  file: 28,
  size: 32,
} as const;

/** What every frame begins with: `TIF` and a byte that is no text. */
export const FRAME_MAGIC = 0xf7464954;

/** As much as a pipe holds unless it is told otherwise, pipe(7). No frame has more bytes. */
export const CHUNK = 64 * 1024;

/** lseek(2): from the beginning, and from where it stands. */
const [SEEK_SET, SEEK_CUR] = [0, 1];

/** A stream that is copied. */
export interface Stream {
  /** where its bytes come from; reading never blocks */
  from: Ref;
  /** 1 or 2, as in the frame */
  number: number;
  /** its `struct pollfd`: a descriptor of −1 is passed over, poll(2) */
  poll: Memory;
}

/** Where frames are written, and how much of them is kept. */
export interface LogFile extends LogLimits {
  /** its descriptor, opened for appending */
  log: Ref;
  /** the directory that it is in */
  directory: string;
}

/** What copying needs; one buffer and one frame serve all streams. */
export class Copier {
  readonly #program: Program;
  readonly #chunk: number;
  readonly #buffer: Memory;
  readonly #head: Memory;
  /** the `struct iovec`s of the head and of the bytes, whose number is the last of their words */
  readonly #parts: Memory;
  readonly #count: Ref;
  /** where a frame is written, for all streams */
  readonly #put: Label;
  /** where the step that goes back from there has its target */
  readonly #back: number;

  /** Writes down how a frame is written; it is reached from {@linkcode Copier.copy} alone. */
  constructor(program: Program, file: LogFile) {
    const { arena } = program;
    this.#program = program;
    // a file has room for one frame at least
    this.#chunk = Math.min(CHUNK, (file.size ?? Infinity) - FRAME.size);
    this.#buffer = arena.allocate(this.#chunk, "buffer");
    this.#head = arena.allocate(FRAME.size, "frame");
    arena.setWord(this.#head.address + FRAME.magic, FRAME_MAGIC);
    this.#parts = arena.allocate(32, "parts");
    this.#parts.text = `[{&frame, ${FRAME.size}}, {&buffer, count}]`;
    arena.setWord(this.#parts.address, this.#head.address);
    arena.setWord(this.#parts.address + 8, FRAME.size);
    arena.setWord(this.#parts.address + 16, this.#buffer.address);
    this.#count = this.#parts.at(24, "count");
    const over = program.label();
    jump(program, over, "how a frame is written stands here once, for all streams");
    this.#put = program.label();
    program.place(this.#put);
    const done = program.label();
    this.#write(file, done);
    program.place(done);
    program.call("back to whoever has put the place to go on into this step", {
      onSuccess: program.label(),
    }).labs(0);
    this.#back = program.steps.at(-1)!.address + STEP.jump;
    program.place(over);
  }

  #write({ log, directory, size, files }: LogFile, done: Label): void {
    const program = this.#program;
    const head = this.#head;
    program.call("when").clock_gettime(CLOCK.REALTIME, head.address + FRAME.time);
    program.call("how much, for the reader").memcpy(
      head.address + FRAME.length,
      this.#count.address,
      4,
    );
    if (size === undefined) {
      program.call("one frame of the log; a full disk loses it, and not the container", {
        allow: LOSSES,
      }).writev(log, this.#parts, 2);
      return;
    }
    const [write, written, full] = [program.label(), program.label(), program.label()];
    program.call("lseek(2) can add, and what is appended does not care: a head…")
      .lseek(log, FRAME.size, SEEK_SET);
    const whole = program.call("…and its bytes", { name: "whole" })
      .lseek(log, this.#count, SEEK_CUR);
    program.place(write);
    const sent = program.call("one frame of the log; a full disk loses it, and not the container", {
      name: "sent",
      allow: LOSSES,
      onSuccess: written,
    }).writev(log, this.#parts, 2);
    const error = program.errnoOf(program.steps.at(-1)!);
    const tooBig = { bytes: Uint8Array.of(E.EFBIG, 0, 0, 0), text: "EFBIG" };
    program.call("is it the disk?", { onNonzero: done }).memcmp(error.address, tooBig, 4);
    jump(program, full, "it is the limit");
    program.place(written);
    program.call("a part of it only: the next try says why", { onNonzero: write })
      .memcmp(sent.address, whole.address, 8);
    jump(program, done, "all of it");
    program.place(full);
    rotate(program, { log, directory, files }, done);
    const begun = program.steps.at(-1)!.address + STEP.count;
    program.call("how many files were begun").memcpy(head.address + FRAME.file, begun, 4);
    program.call("the frame once more, whole: who reads passes over what is in the old file", {
      allow: LOSSES,
    }).writev(log, this.#parts, 2);
  }

  /**
   * Copies what a stream has now, one chunk at most.
   *
   * @param next where to go on when the stream had something; when it had not, with what follows
   * @param end where to go on when it has ended
   */
  copy(stream: Stream, { next, end }: { next: Label; end: Label }): void {
    const program = this.#program;
    const { arena } = program;
    const [read, done, some, skip] = Array.from({ length: 4 }, () => program.label());
    // a terminal that nobody has open reads as EIO
    const count = program.call("what the container has written, if anything", {
      name: "count",
      allow: ["EAGAIN", "EIO"],
      onSuccess: read,
    }).read(stream.from, this.#buffer, this.#chunk);
    jump(program, skip, "nothing yet");
    program.place(read);
    program.call("something, or the end of the stream?", { onNonzero: some }).labs(count);
    program.call("the end: poll(2) need not look here any more").memset(stream.poll, 0xff, 4);
    jump(program, end, "on");
    program.place(done);
    jump(program, next, "it is written");
    program.place(some);
    program.call("how much").memcpy(this.#count.address, count.address, 8);
    program.call("from which stream")
      .memset(this.#head.address + FRAME.stream, stream.number, 1);
    const place = arena.allocate(8, "here");
    arena.setWord(place.address, done.address!);
    program.call("where to go on when it is written").memcpy(this.#back, place, 8);
    jump(program, this.#put, "it is written");
    program.place(skip);
  }
}
