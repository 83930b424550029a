/**
 * A log, read: frames in whatever pieces they come, frames that lack their end, and files that are
 * put behind each other under the reader.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { concatenate } from "../../ffi/structs.ts";
import { CHUNK, FRAME } from "../../runtime/birth/output.ts";
import { logFile } from "../../runtime/birth/rotation.ts";
import { FrameParser } from "../../runtime/log_frames.ts";
import { hasLog, LogReader } from "../../runtime/logs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { frame } from "./log_samples.ts";

/** What comes out of these pieces. */
function texts(...pieces: Uint8Array[]): string[] {
  const parser = new FrameParser();
  return pieces.flatMap((piece) =>
    Array.from(parser.take(piece), ({ bytes }) => new TextDecoder().decode(bytes))
  );
}

/** A time as a log has it: so a number of seconds is no number of nanoseconds. */
const NOW = 1_800_000_000_123_456_789n;

const [A, B, C] = ["one\n", "two\n", "three\n"]
  .map((text, i) => frame(text, { time: NOW + BigInt(i) }));

Deno.test("frames come out whole, in whatever pieces they come in", () => {
  const all = concatenate([A, B, C]);
  for (let size = 1; size <= all.length; size++) {
    const pieces = Array.from(
      { length: Math.ceil(all.length / size) },
      (_, i) => all.subarray(i * size, (i + 1) * size),
    );
    assertEquals(texts(...pieces), ["one\n", "two\n", "three\n"], `pieces of ${size}`);
  }
});

Deno.test("a frame that was cut short anywhere costs no other one", () => {
  const long = frame("x".repeat(100), { time: NOW + 1n });
  for (let length = 0; length < long.length; length++) {
    // the next frame fits exactly into what is missing: nobody can see that
    if (long.length - length === B.length) continue;
    const cut = long.subarray(0, length);
    const found = texts(concatenate([A, cut, B]), C);
    assertEquals(found, ["one\n", "two\n", "three\n"], `cut after ${length} bytes`);
  }
});

Deno.test("a head that a container has written does not swallow what comes after it", () => {
  // the beginning of the frame that these bytes were in was lost
  const forged = frame("forged");
  new DataView(forged.buffer).setUint32(FRAME.length, 0xffff_fff0, true);
  assertEquals(texts(concatenate([forged, frame("true")])), ["true"]);
});

Deno.test("what is being written is waited for, also where it prints another log", () => {
  const print = concatenate([
    frame("inner\n", { time: NOW + 5n }),
    frame("more\n", { time: NOW + 6n }),
  ]);
  const outer = frame("", { time: NOW + 7n });
  new DataView(outer.buffer).setUint32(FRAME.length, print.length, true);
  const whole = concatenate([outer, print]);
  const text = new TextDecoder().decode(print);
  for (let length = 0; length <= whole.length; length++) {
    assertEquals(texts(whole.subarray(0, length), whole.subarray(length), B), [text, "two\n"]);
  }
});

Deno.test("the longest frame is read", () => {
  assertEquals(texts(frame("y".repeat(CHUNK)), B), ["y".repeat(CHUNK), "two\n"]);
});

/** A log in a directory of its own, written by hand. */
class Log implements AsyncDisposable {
  #file = 0;
  #time = 1n;

  private constructor(
    private readonly root: AsyncDisposable & { path: string },
    private readonly files: number,
  ) {}

  static async make(files: number): Promise<Log> {
    return new Log(await tempRoot(), files);
  }

  get owner() {
    return { directory: this.root.path, record: { request: { log: { files: this.files } } } };
  }

  write(text: string): void {
    const bytes = frame(text, { time: this.#time++, file: this.#file });
    Deno.writeFileSync(logFile(this.root.path), bytes, { append: true });
  }

  /** Puts the files behind each other; `until` stops in the middle. */
  rotate(until?: "open"): void {
    for (let age = this.files - 1; age > 0; age--) this.#move(age - 1, age);
    this.#file++;
    if (until === "open") return;
    Deno.writeFileSync(`${logFile(this.root.path)}.new`, new Uint8Array());
    Deno.renameSync(`${logFile(this.root.path)}.new`, logFile(this.root.path));
  }

  #move(from: number, to: number): void {
    try {
      Deno.renameSync(logFile(this.root.path, from), logFile(this.root.path, to));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.root[Symbol.asyncDispose]();
  }
}

/** Reads on: what is new by now, and where something is missing. */
function follow(log: Log, fromEnd = false): { next(): string[] } & Disposable {
  const seen: string[] = [];
  const reader = new LogReader(log.owner, { fromEnd, onGap: () => seen.push("GAP") });
  return {
    next() {
      for (const { bytes } of reader.read()) seen.push(new TextDecoder().decode(bytes));
      return seen.splice(0);
    },
    [Symbol.dispose]: () => reader[Symbol.dispose](),
  };
}

Deno.test("a reader goes over rotations: what was written before, between, and after", async () => {
  await using log = await Log.make(4);
  log.write("1");
  using reader = follow(log);
  assertEquals(reader.next(), ["1"]);
  log.write("2");
  log.rotate();
  assertEquals(reader.next(), ["2"]);
  log.write("3");
  log.rotate();
  log.write("4");
  log.rotate();
  log.write("5");
  assertEquals(reader.next(), ["3", "4", "5"]);
  log.rotate("open");
  assertEquals(reader.next(), []);
  log.write("6");
  assertEquals(reader.next(), ["6"]);
});

Deno.test("more rotations than there are files: it goes on with the oldest, and a gap is said", async () => {
  await using log = await Log.make(2);
  log.write("1");
  using reader = follow(log);
  assertEquals(reader.next(), ["1"]);
  log.write("2");
  for (const text of ["3", "4", "5"]) {
    log.rotate();
    log.write(text);
  }
  // the file that is open is read to its end, though it has no name any more
  assertEquals(reader.next(), ["2", "GAP", "4", "5"]);
});

Deno.test("the one file that is begun anew is no gap, unless another one was between", async () => {
  await using log = await Log.make(1);
  log.write("1");
  using reader = follow(log, true);
  assertEquals(reader.next(), []);
  log.write("2");
  log.rotate();
  log.write("3");
  assertEquals(reader.next(), ["2", "3"]);
  log.rotate();
  log.write("4");
  log.rotate();
  log.write("5");
  assertEquals(reader.next(), ["GAP", "5"]);
});

Deno.test("up to now is no further, however much is written meanwhile; the rest comes after", async () => {
  await using log = await Log.make(3);
  for (const text of ["1", "2", "3"]) {
    if (text !== "1") log.rotate();
    log.write(text);
  }
  using reader = new LogReader(log.owner);
  const seen: string[] = [];
  let turns = 0;
  for (const { bytes } of reader.read(true)) {
    seen.push(new TextDecoder().decode(bytes));
    assert(turns++ < 50, "it goes on for ever");
    log.write("more");
    if (turns % 3 === 0) log.rotate();
  }
  const rest = Array.from(reader.read(), ({ bytes }) => new TextDecoder().decode(bytes));
  assertEquals(rest.at(-1), "more");
  assertEquals(seen.slice(0, 2), ["1", "2"]);
});

Deno.test("a log that is not there yet is read from its beginning; a missing name is passed over", async () => {
  await using log = await Log.make(5);
  assertEquals(hasLog(log.owner), false);
  using reader = follow(log, true);
  assertEquals(reader.next(), []);
  log.write("1");
  assertEquals(hasLog(log.owner), true);
  assertEquals(reader.next(), ["1"]);
  log.rotate();
  log.write("2");
  log.rotate();
  log.write("3");
  const { directory } = log.owner;
  Deno.renameSync(logFile(directory, 2), logFile(directory, 4));
  using other = follow(log);
  assertEquals(other.next(), ["1", "2", "3"]);
  assertEquals(reader.next(), ["2", "3"]);
});
