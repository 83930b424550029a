/**
 * A program of libc calls: what is written down is what is done.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertGreater } from "@std/assert/greater";
import { assertThrows } from "@std/assert/throws";
import { CLOCK, MFD, O, SOCK } from "../../ffi/constants.ts";
import { SyscallError } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { Arena, type Memory } from "../../ffi/memory.ts";
import { type CallOptions, type Label, Program, type Step } from "../../ffi/program.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function make(capacity = 64): Program {
  return new Program(new Arena(1 << 16), {}, capacity);
}

/** Writes down a pipe; both ends are close-on-exec. */
function pipe(program: Program): Memory {
  const ends = program.arena.allocate(8, "pipe");
  program.call("a pipe").pipe2(ends, O.CLOEXEC);
  return ends;
}

Deno.test("calls are made in order, and a result is used by a later call", () => {
  const program = make();
  const file = program.call("a file", { name: "file" }).memfd_create("m", MFD.CLOEXEC);
  const written = program.call("say it").write(file, encode("hello"), 5);
  const buffer = program.arena.allocate(8, "buffer");
  program.call("read it again").pread(file, buffer, 8, 1);
  program.call("done").close(file);
  assertEquals(program.steps.map(({ name, why }) => `${name}: ${why}`), [
    ...["memfd_create: a file", "write: say it", "pread: read it again", "close: done"],
  ]);
  assertEquals(program.steps.map((step) => program.outcome(step).count), [0, 0, 0, 0]);
  program.walk();
  assertEquals(program.steps.map((step) => program.outcome(step).count), [1, 1, 1, 1]);
  assertEquals(program.outcome(program.steps[2]), { count: 1, result: 4, errno: 0 });
  assertEquals(written.value, 5);
  assertEquals(new TextDecoder().decode(buffer.bytes.subarray(0, 4)), "ello");
});

Deno.test("a step is written with its result's name, and with values once they are known", () => {
  const program = make();
  const file = program.call("a file", { name: "file" }).open("/dev/null", O.RDONLY | O.CLOEXEC, 0);
  program.call("it is not needed").close(file);
  const [open, close] = program.steps;
  assertEquals(program.format(open), 'file = open("/dev/null", O_RDONLY|O_CLOEXEC, 0)');
  assertEquals(program.format(close), "close(file)");
  program.walk();
  assertEquals(program.format(close, true), `close(${file.value})`);
  assertEquals(program.format(close), "close(file)");
});

Deno.test("a result without a name has its function's", () => {
  const program = make();
  const copy = program.call("copy it").dup(0);
  program.call("close it").close(copy);
  assertEquals(program.steps.map((step) => program.format(step)), ["dup(0)", "close(dup)"]);
  program.walk();
});

Deno.test("what a program is given is copied: later changes do not reach it", () => {
  const program = make();
  const ends = pipe(program);
  const bytes = encode("before");
  program.call("say it").write(ends.at(4), bytes, 6);
  bytes.set(encode("behind"));
  program.walk();
  const heard = new Uint8Array(6);
  libc.read(ends.at(0), heard, 6);
  assertEquals(heard, encode("before"));
  for (const end of [0, 4]) libc.close(ends.at(end));
});

Deno.test("steps belong to the phase in which they are written", () => {
  const program = make();
  program.call("first").getpid();
  program.phase("names", 2);
  program.call("second").getuid();
  program.call("third").geteuid();
  assertEquals(program.steps.map(({ phase }) => ({ ...phase })), [
    ...[{ title: "" }, { title: "names", lesson: 2 }, { title: "names", lesson: 2 }],
  ] as Step["phase"][]);
});

Deno.test("why comes first, for each call of its own", () => {
  const program = make();
  const call = program.call("once");
  call.getpid();
  assertThrows(() => call.getpid(), Error, 'call("why") comes before getpid(...)');
  // the options of the outer call would be lost otherwise
  assertThrows(
    () => program.call("outer").close(program.call("inner").dup(0)),
    Error,
    "close(...)",
  );
});

Deno.test("two programs are written side by side", () => {
  const [one, two] = [make(), make()];
  one.call("1").getpid();
  two.call("2").getuid();
  one.call("3").geteuid();
  assertEquals([one, two].map(({ steps }) => steps.map(({ why }) => why)), [["1", "3"], ["2"]]);
});

Deno.test("a failure stops the walk and says which call it was", () => {
  const program = make();
  const file = program.call("a file", { name: "file" }).open("/dev/null", O.RDONLY, 0);
  program.call("it cannot be written").write(file, encode("x"), 1);
  program.call("not reached").getpid();
  const error = assertThrows(() => program.walk(), SyscallError);
  assertEquals(error.message, `write(${file.value}, [1 bytes], 1): EBADF (bad file descriptor)`);
  assertEquals(program.failed, program.steps[1]);
  assertEquals(program.current, program.steps[1]);
  assertEquals(program.steps.map((step) => program.outcome(step)), [
    { count: 1, result: file.value, errno: 0 },
    { count: 1, result: -1, errno: 9 },
    { count: 0, result: 0, errno: 0 },
  ]);
  assertEquals(
    program.error(program.steps[1], "it is open for reading").message,
    `write(${file.value}, [1 bytes], 1): EBADF (bad file descriptor): it is open for reading`,
  );
  libc.close(file.value);
});

Deno.test("an errno can be allowed, also one beyond 63", () => {
  const program = make();
  const file = program.call("no socket").memfd_create("m", MFD.CLOEXEC);
  program.call("ENOENT is 2", { allow: ["EEXIST", "ENOENT"] }).rmdir("/no/such/directory");
  program.call("ENOTSOCK is 88", { allow: ["ENOTSOCK"] }).send(file, encode("x"), 1, 0);
  program.call("EPROTONOSUPPORT is 93", { allow: ["EPROTONOSUPPORT"] }).socket(2, SOCK.STREAM, 250);
  program.call("done").close(file);
  program.walk();
  assertEquals(program.steps.map((step) => program.outcome(step).errno), [0, 2, 88, 93, 0]);
  assertEquals(program.failed, undefined);
});

Deno.test("an errno that is not allowed is a failure", () => {
  const program = make();
  program.call("ENOENT is 2", { allow: ["EEXIST", "ENOTSOCK"] }).rmdir("/no/such/directory");
  assertThrows(() => program.walk(), SyscallError, "ENOENT");
  assertThrows(
    () => make().call("?", { allow: ["ENOSUCH"] }).getpid(),
    RangeError,
    "ENOSUCH is not the name of an errno",
  );
});

/** Walks a program whose first step has this option with a label behind the second. */
function jump(option: (label: Label) => CallOptions, path: string): number[] {
  const program = make();
  const label = program.label();
  program.call("try", { allow: ["ENOENT"], ...option(label) }).access(path, 0);
  program.call("passed over").getpid();
  program.place(label);
  program.call("always").getuid();
  program.walk();
  return program.steps.map((step) => program.outcome(step).count);
}

Deno.test("a success can jump forwards, a failure goes on", () => {
  assertEquals(jump((onSuccess) => ({ onSuccess }), "/"), [1, 0, 1]);
  assertEquals(jump((onSuccess) => ({ onSuccess }), "/no/such/file"), [1, 1, 1]);
  // 0 is a success, but not something other than 0
  assertEquals(jump((onNonzero) => ({ onNonzero }), "/"), [1, 1, 1]);
});

Deno.test("many steps can jump to one place, which may be behind them", () => {
  const program = make();
  const [again, done] = [program.label(), program.label()];
  const ends = pipe(program);
  program.call("three bytes").write(ends.at(4), encode("abc"), 3);
  program.call("no more will come").close(ends.at(4));
  program.place(again);
  const buffer = program.arena.allocate(8);
  program.call("a byte, until there is none", { onNonzero: again }).read(ends.at(0), buffer, 1);
  const read = program.steps[program.steps.length - 1];
  program.call("out", { onSuccess: done }).getpid();
  program.call("passed over").getuid();
  program.place(done);
  program.call("done").close(ends.at(0));
  program.walk();
  assertEquals(program.outcome(read), { count: 4, result: 0, errno: 0 });
  assertEquals(program.steps.map((step) => program.outcome(step).count), [1, 1, 1, 4, 1, 0, 1]);
});

Deno.test("what comes after the end is reached by a jump only", () => {
  const program = make();
  const aside = program.label();
  program.call("always").getpid();
  program.end();
  program.place(aside);
  program.call("aside").getuid();
  program.walk();
  assertEquals(program.steps.map((step) => program.outcome(step).count), [1, 0]);
});

Deno.test("a program that does not fit is refused while it is written: nothing has run", async () => {
  await using root = await tempRoot();
  const write = (program: Program, count: number) => {
    for (let i = 0; i < count; i++) program.call("one more").mkdir(`${root.path}/${i}`, 0o700);
  };
  assertThrows(() => write(make(3), 4), RangeError, "a program of 3 steps is full");
  const ended = make(3);
  write(ended, 2);
  ended.end();
  assertThrows(() => ended.end(), RangeError, "a program of 3 steps is full");
  assertThrows(() => new Program(new Arena(4096)), RangeError, "the arena of 4096 bytes is full");
  const small = () => new Program(new Arena(4096), {}, 8);
  assertThrows(() => small().call("long").chdir("x".repeat(4096)), RangeError, "is full");
  assertThrows(() => small().call("big").bpf(5, new Uint8Array(4096), 4096), RangeError, "is full");
  assertEquals([...Deno.readDirSync(root.path)], []);
  // as many as there is room for do run
  const full = make(3);
  write(full, 3);
  full.walk();
  assertEquals([...Deno.readDirSync(root.path)].length, 3);
});

Deno.test("woven steps run, and are not among the program's own", () => {
  const times = new Map<Step, [before: Memory, after?: Memory]>();
  const read = (program: Program) => {
    const time = program.arena.allocate(16, "time");
    program.call("the time").clock_gettime(CLOCK.MONOTONIC, time);
    return time;
  };
  const program = new Program(new Arena(1 << 16), {
    before: (program, step) => void times.set(step, [read(program)]),
    after: (program, step) => void times.get(step)!.push(read(program)),
  }, 16);
  const label = program.label();
  const file = program.call("a file", { name: "file" }).open("/dev/null", O.RDONLY, 0);
  program.call("close it", { onSuccess: label }).close(file);
  program.call("passed over").getpid();
  program.place(label);
  program.call("the end").getuid();
  assertEquals(program.steps.map(({ name, why }) => [name, why]), [
    ["open", "a file"],
    ["close", "close it"],
    ["getpid", "passed over"],
    ["getuid", "the end"],
  ]);
  program.walk();
  const nanoseconds = (memory?: Memory) => {
    const words = new BigInt64Array(memory!.bytes.slice().buffer);
    return Number(words[0]) * 1e9 + Number(words[1]);
  };
  const [open, close, passed, end] = program.steps.map((step) =>
    times.get(step)!.map((memory) => nanoseconds(memory))
  );
  assertGreater(open[0], 0);
  assertGreater(open[1], open[0]);
  assertGreater(close[0], open[0]);
  // what follows a call is not reached when the call jumps
  assertEquals(close[1], 0);
  assertEquals(passed, [0, 0]);
  assertGreater(end[0], close[0]);
  assertGreater(end[1], end[0]);
});

Deno.test("a failing call is told from the woven ones around it", () => {
  const before = (program: Program) => void program.call("woven").getpid();
  const program = new Program(new Arena(1 << 16), { before, after: before }, 16);
  program.call("first").getpid();
  program.call("second").chdir("/no/such/directory");
  assertThrows(() => program.walk(), SyscallError, 'chdir("/no/such/directory"): ENOENT');
  assertEquals(program.failed?.why, "second");
});
