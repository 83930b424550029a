/**
 * The log of a monitor: a program that fills files and puts them behind each other, walked by a
 * child that is no container; and the same child killed at each of its calls.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { O, SIG_HOW } from "../../../ffi/constants.ts";
import { libc } from "../../../ffi/libc.ts";
import { Arena } from "../../../ffi/memory.ts";
import { Program, type Weave } from "../../../ffi/program.ts";
import { cloneArgs } from "../../../ffi/structs.ts";
import * as write from "../../../runtime/birth/monitor.ts";
import { Copier } from "../../../runtime/birth/output.ts";
import { logFile, rotate, setLimit } from "../../../runtime/birth/rotation.ts";
import type { LogRequest } from "../../../runtime/container_request.ts";
import { LogReader } from "../../../runtime/logs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { frame } from "../log_samples.ts";
import { assertOrder, calls } from "./calls.ts";

/** The calls of a birth whose container has a log of this kind. */
function monitorCalls(log?: LogRequest): string[] {
  const request = {
    directory: "/c",
    claim: "/claim",
    keepsInput: false,
    groups: [],
    maps: "",
    log,
  };
  return calls({}, { monitor: { request, write } });
}

Deno.test("a full file is put behind, oldest first, once the fresh one is there", () => {
  const all = monitorCalls({ size: 65536, files: 3 });
  assertOrder(
    all,
    'log = open("/c/log", O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0600)',
    "pid = clone3(",
    "prlimit(0, RLIMIT_FSIZE, {rlim_cur=65536, rlim_max=as before}, NULL)",
    "sent = writev(log, ",
    'fresh = open("/c/log.new", O_WRONLY|O_CREAT|O_TRUNC|O_APPEND|O_CLOEXEC, 0600)',
    'renameat(AT_FDCWD, "/c/log.1", AT_FDCWD, "/c/log.2")',
    'renameat(AT_FDCWD, "/c/log", AT_FDCWD, "/c/log.1")',
    'renameat(AT_FDCWD, "/c/log.new", AT_FDCWD, "/c/log")',
    "dup3(fresh, log, O_CLOEXEC)",
    "writev(log, ",
    "poll(",
  );
});

Deno.test("unless told otherwise there are 5 files of 20 MB; without a limit, or a log, no calls for it", () => {
  const usual = monitorCalls();
  assertEquals(usual.filter((call) => call.includes("rlim_cur=20971520")).length, 1);
  assertEquals(usual.filter((call) => call.startsWith('renameat(AT_FDCWD, "/c/log')).length, 5);
  const endless = monitorCalls({ size: -1 });
  assertEquals(endless.filter((call) => /RLIMIT_FSIZE|lseek|log\.new/.test(call)), []);
  const none = monitorCalls({ driver: "none" });
  assertEquals(none.filter((call) => call.includes("/c/log")), []);
  assertEquals(none.filter((call) => call.startsWith("writev(nothing, ")).length, 1);
});

/** Walks a program in a child, and waits for its end. */
function inChild(write: (program: Program) => void, weave?: Weave): void {
  const arena = new Arena(1 << 18);
  const program = new Program(arena, {}, 4);
  const inside = new Program(arena, weave, 512);
  write(inside);
  inside.call("the end")._exit(0);
  // the child walks on in the other program
  const first = program.label();
  first.address = inside.steps[0].address;
  const pid = program.call("a child", { name: "pid", fork: { parent: program.label() } })
    .clone3(cloneArgs(0), 88);
  program.call("its part", { onSuccess: first }).labs(0);
  program.walk();
  libc.waitpid(pid.value, null, 0);
  assertEquals(inside.failed && inside.format(inside.failed), undefined);
}

/** What a log has, as text. */
function textOf(directory: string, log: LogRequest): string {
  let missed = 0;
  const owner = { directory, record: { request: { log } } };
  using reader = new LogReader(owner, { onGap: () => missed++ });
  const chunks = Array.from(reader.read(), ({ bytes }) => new TextDecoder().decode(bytes));
  assertEquals(missed, 0);
  return chunks.join("");
}

/** Has a child copy a file into a log. */
function copyFile(path: string, directory: string, { size = 0, files = 1 }: LogRequest): void {
  inChild((program) => {
    program.call("as the monitor does").sigprocmask(
      SIG_HOW.SETMASK,
      { bytes: new Uint8Array(128).fill(0xff), text: "all" },
      null,
    );
    const from = program.call("the file", { name: "file" }).open(path, O.RDONLY | O.CLOEXEC, 0);
    const log = program.call("the log", { name: "log" })
      .open(logFile(directory), O.WRONLY | O.CREAT | O.APPEND | O.CLOEXEC, 0o600);
    setLimit(program, size);
    const copier = new Copier(program, { log, directory, size, files });
    const [next, end] = [program.label(), program.label()];
    program.place(next);
    const poll = program.arena.allocate(8, "poll");
    copier.copy({ from, number: 1, poll }, { next, end });
    program.place(end);
  });
}

for (const size of [1024, 1500, 64 * 1024, 100_000]) {
  Deno.test(`files of ${size} bytes: nothing is lost, nothing is twice, none is larger`, async () => {
    await using root = await tempRoot();
    const lines = Array.from({ length: size < 2000 ? 8000 : 60_000 }, (_, i) => `line ${i}\n`).join(
      "",
    );
    const path = `${root.path}/lines`;
    Deno.writeTextFileSync(path, lines);
    const log = { size, files: 100 };
    copyFile(path, root.path, log);
    const sizes = Array.from(Deno.readDirSync(root.path), ({ name }) => name)
      .filter((name) => name.startsWith("log"))
      .map((name) => Deno.statSync(`${root.path}/${name}`).size);
    assert(sizes.length > 4, `there are ${sizes.length} files`);
    assert(sizes.every((each) => each <= size), `they have ${sizes} bytes`);
    assertEquals(textOf(root.path, log) === lines, true);
    // one that is written into again goes on where it was
    copyFile(path, root.path, log);
    assertEquals(textOf(root.path, log).endsWith(lines), true);
  });
}

Deno.test("a limit keeps what was written last", async () => {
  await using root = await tempRoot();
  const path = `${root.path}/lines`;
  const lines = Array.from({ length: 60_000 }, (_, i) => `line ${i}\n`).join("");
  Deno.writeTextFileSync(path, lines);
  for (const files of [1, 3]) {
    const log = { size: 64 * 1024, files };
    copyFile(path, root.path, log);
    const names = Array.from(Deno.readDirSync(root.path), ({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith("log")).length, files);
    const text = textOf(root.path, log);
    assert(text.length > (files - 1) * 64_000 && lines.endsWith(text), `${text.length} bytes`);
  }
});

Deno.test("killed at any call of a rotation, the log is there, in order, and is written on", async () => {
  const files = 3;
  const texts = ["oldest\n", "older\n", "newest\n"];
  for (let at = 0, isOver = false; !isOver; at++) {
    await using root = await tempRoot();
    const directory = root.path;
    for (const [i, text] of texts.entries()) {
      const path = logFile(directory, files - 1 - i);
      Deno.writeFileSync(path, frame(text, { time: BigInt(i), file: i }));
    }
    let count = 0;
    isOver = true;
    const before = (program: Program) => {
      if (count++ !== at) return;
      isOver = false;
      program.call("killed")._exit(0);
    };
    const rotation = (program: Program) => {
      const log = program.call("the log", { name: "log" })
        .open(logFile(directory), O.WRONLY | O.APPEND | O.CLOEXEC, 0);
      const failed = program.label();
      rotate(program, { log, directory, files }, failed);
      program.place(failed);
    };
    inChild(rotation, { before });
    const expected = [texts.join(""), texts.slice(1).join("")];
    const found = textOf(directory, { files });
    assert(expected.includes(found), `killed at call ${at}: ${JSON.stringify(found)}`);
    // the next monitor does it once more
    inChild((program) => {
      program.call("as open(2) of a monitor does")
        .open(logFile(directory), O.WRONLY | O.CREAT | O.APPEND | O.CLOEXEC, 0o600);
      rotation(program);
    });
    Deno.writeFileSync(logFile(directory), frame("fresh\n", { time: 9n, file: 1 }), {
      append: true,
    });
    const after = textOf(directory, { files });
    assert(/^(older\n)?newest\nfresh\n$/.test(after), `then, after call ${at}: ${after}`);
  }
});
