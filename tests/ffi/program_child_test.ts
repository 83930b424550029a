/**
 * Programs that make children: branches, gates, and a failed child that is held.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { O, SIG, W } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { Arena, type Memory, type Ref } from "../../ffi/memory.ts";
import { type Label, Program } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function make(): Program {
  return new Program(new Arena(1 << 16), {}, 64);
}

/** Writes down the birth of a child, which goes on with the next step. */
function clone(program: Program, parent?: Label): Ref {
  return program.call("a child", { name: "pid", fork: { parent } }).clone3(cloneArgs(0), 88);
}

/** Writes down a pipe; both ends are close-on-exec. */
function pipe(program: Program): Memory {
  const ends = program.arena.allocate(8, "pipe");
  program.call("a pipe").pipe2(ends, O.CLOEXEC);
  return ends;
}

/** Waits for a child's end: its exit status, or a signal's number below 0. */
async function exitOf(pid: number): Promise<number> {
  const status = new Uint8Array(4);
  for (let turns = 0; libc.waitpid(pid, status, W.NOHANG) === 0; turns++) {
    if (turns > 5000) {
      libc.kill(pid, SIG.KILL);
      throw new Error("the child does not end");
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const signal = status[0] & 0x7f;
  return signal ? -signal : status[1];
}

/** The letter that proc(5) has for a process: R runs, S sleeps, Z has ended. */
function stateOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "")[0];
}

/** Waits until a process sleeps. */
async function asleep(pid: number): Promise<void> {
  while (stateOf(pid) !== "S") await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("a child makes its calls, and the parent sees what came of them", async () => {
  const program = make();
  const pid = clone(program);
  const own = program.call("who it is", { name: "own" }).getpid();
  const buffer = program.arena.allocate(8);
  const zero = program.call("zeros").open("/dev/zero", O.RDONLY | O.CLOEXEC, 0);
  buffer.bytes.fill(7);
  program.call("into memory that both have").read(zero, buffer, 4);
  program.walk();
  assertEquals(await exitOf(pid.value), 0);
  assertEquals(own.value, pid.value);
  assertEquals([...buffer.bytes], [0, 0, 0, 0, 7, 7, 7, 7]);
});

Deno.test("the parent of a fork goes on at its label, the child with the next step", () => {
  const program = make();
  const parent = program.label();
  const pid = clone(program, parent);
  program.call("the child's own way to end")._exit(9);
  program.place(parent);
  const status = program.arena.allocate(8);
  program.call("wait for it").waitpid(pid, status, 0);
  program.call("who is here", { name: "own" }).getpid();
  program.walk();
  assertEquals(status.bytes[1], 9);
  assertEquals(program.outcome(program.steps[program.steps.length - 1]), {
    count: 1,
    result: Deno.pid,
    errno: 0,
  });
});

Deno.test("a child's child has a branch of its own, and its status is written down", async () => {
  const program = make();
  const ends = pipe(program);
  const monitor = program.label();
  const pid = clone(program);
  const inner = clone(program, monitor);
  program.call("the inner child")._exit(7);
  program.place(monitor);
  const status = program.arena.allocate(8, "status");
  program.call("wait for it", { name: "waited" }).waitpid(inner, status, 0);
  program.call("the status record").write(ends.at(4), status, 4);
  program.call("the middle one ends in its own way")._exit(3);
  program.walk();
  assertEquals(await exitOf(pid.value), 3);
  const record = new Uint8Array(4);
  assertEquals(libc.read(ends.at(0), record, 4), 4);
  assertEquals([...record], [0, 7, 0, 0]);
  assertEquals(inner.value > 0 && inner.value !== pid.value, true);
  for (const end of [0, 4]) libc.close(ends.at(end));
});

/** A child that waits for a byte on a pipe before it goes on. */
function gate(): { program: Program; pid: number; ends: Memory } {
  const program = make();
  const ends = pipe(program);
  const pid = clone(program);
  const open = program.label();
  program.call("the other end is the parent's alone").close(ends.at(4));
  program.call("wait", { onNonzero: open }).read(ends.at(0), program.arena.allocate(8), 1);
  program.call("the parent is gone")._exit(1);
  program.place(open);
  program.call("on")._exit(42);
  program.walk();
  return { program, pid: pid.value, ends };
}

Deno.test("a child waits at a gate until it is let through", async () => {
  const { program, pid, ends } = gate();
  await asleep(pid);
  assertEquals(program.current?.name, "read");
  assertEquals(program.current?.why, "wait");
  libc.write(ends.at(4), encode("x"), 1);
  assertEquals(await exitOf(pid), 42);
  for (const end of [0, 4]) libc.close(ends.at(end));
});

Deno.test("a gate whose other side is gone is not passed", async () => {
  const { pid, ends } = gate();
  await asleep(pid);
  for (const end of [0, 4]) libc.close(ends.at(end));
  assertEquals(await exitOf(pid), 1);
});

Deno.test("a child that fails is held until the parent has looked at it", async () => {
  await using root = await tempRoot();
  const program = make();
  const [said, answer] = [pipe(program), pipe(program)];
  const pid = clone(program);
  program.call("the other end is the parent's alone").close(answer.at(4));
  program.call("somewhere").chdir(root.path);
  program.call("nowhere").chdir("no/such/directory");
  program.call("not reached")._exit(0);
  const tail = new Program(program.arena, {}, 4);
  tail.call("tell the parent").write(said.at(4), encode("f"), 1);
  tail.call("be looked at").read(answer.at(0), program.arena.allocate(8), 1);
  program.onFailure(tail, 125);
  program.walk();

  const byte = new Uint8Array(1);
  libc.read(said.at(0), byte, 1);
  assertEquals(byte, encode("f"));
  await asleep(pid.value);
  assertEquals(Deno.readLinkSync(`/proc/${pid.value}/cwd`), root.path);
  assertEquals(program.failed?.why, "nowhere");
  assertEquals(
    program.error(program.failed!).message,
    'chdir("no/such/directory"): ENOENT (no such file or directory)',
  );
  // where it stands is in the tail, which is not a step of this program
  assertEquals(program.current, undefined);
  assertEquals(stateOf(pid.value), "S");

  for (const end of [...[0, 4].map((at) => said.at(at)), ...[0, 4].map((at) => answer.at(at))]) {
    libc.close(end);
  }
  assertEquals(await exitOf(pid.value), 125);
});

Deno.test("a child that fails without a tail exits at once", async () => {
  const program = make();
  const pid = clone(program);
  program.call("nowhere").chdir("/no/such/directory");
  program.walk();
  assertEquals(await exitOf(pid.value), 127);
  assertEquals(program.failed?.name, "chdir");
});

Deno.test("a child can be killed where it waits", async () => {
  const { pid, ends } = gate();
  await asleep(pid);
  libc.kill(pid, SIG.KILL);
  assertEquals(await exitOf(pid), -SIG.KILL);
  for (const end of [0, 4]) libc.close(ends.at(end));
});
