/**
 * A child that walks calls of a lesson's: born as a container's first process is, and held at the
 * end, or where it failed, so that it can be looked at.
 *
 * It is made of the parts that `run` makes a container of (runtime/birth/).
 *
 * @module
 */

import { CLONE, SIG } from "../ffi/constants.ts";
import { errnoMeaning, errnoName } from "../ffi/errno.ts";
import { attempt, libc, offthread } from "../ffi/libc.ts";
import { Arena } from "../ffi/memory.ts";
import { receive, send } from "../ffi/messages.ts";
import { Program, type Step } from "../ffi/program.ts";
import { cloneArgs } from "../ffi/structs.ts";
import {
  connect,
  LINE,
  makeLine,
  say,
  SAYS,
  waitForMaps,
  writeFailure,
} from "../runtime/birth/line.ts";
import { writeMaps } from "../runtime/birth/maps.ts";
import type { Workshop } from "./workshop.ts";

/** A child that has walked its calls, or failed at one, and waits. */
export interface Child {
  /** its process id, as this process counts */
  readonly pid: number;
  /** the program, for the outcomes of its calls */
  readonly program: Program;
  /** the lesson's calls, without those that make and hold the child */
  readonly steps: readonly Step[];
  /** the call that failed */
  readonly failed?: Step;
  /** the calls that were reached, each with its result as strace(1) shows it */
  readonly lines: string[];
  /** lets it go on, to its end; what comes back is waitpid(2)'s status */
  release(): Promise<number>;
}

/** How a child is made. */
export interface ChildOptions {
  /** its new namespaces, `CLONE` flags; an ordinary user's child gets a user namespace as well */
  flags?: number;
  /** with a user namespace: whom its root is outside, a host's id; unless given, the user itself */
  root?: number;
}

/**
 * Makes a child and has it walk calls.
 *
 * @param workshop whose end is the child's end, too
 * @param write writes the calls down; a call that fails, and is not allowed to, is the last one
 */
export async function makeChild(
  workshop: Workshop,
  { flags = 0, root }: ChildOptions,
  write: (program: Program) => void,
): Promise<Child> {
  const own = Deno.uid() === 0 || flags === 0 ? flags : flags | CLONE.NEWUSER;
  const program = new Program(new Arena(1 << 18), {}, 256);
  const line = makeLine(program);
  const clone = program.call("the child", { name: "pid", fork: {} }).clone3(cloneArgs(own), 88);
  connect(program, line, true);
  if (own & CLONE.NEWUSER) waitForMaps(program);
  const first = program.steps.length;
  write(program);
  const steps = program.steps.slice(first);
  say(program, DONE, "tell the parent");
  program.call("be looked at").read(LINE, program.arena.allocate(8, "answer"), 1);
  program.call("the end")._exit(0);
  writeFailure(program, 125);
  program.walk();

  const pid = clone.value;
  const ours = line.at(0).value;
  libc.close(line.at(4).value);
  let isOver = false;
  const end = async (isForced: boolean) => {
    if (isOver) return 0;
    isOver = true;
    if (isForced) attempt.kill(pid, SIG.KILL);
    else send(ours, SAYS.waiting);
    const status = new Uint8Array(4);
    await offthread.waitpid(pid, status, 0);
    attempt.close(ours);
    return new DataView(status.buffer).getInt32(0, true);
  };
  workshop.defer(() => end(true));
  await converse(pid, ours, root);
  return {
    pid,
    program,
    steps,
    failed: program.failed,
    lines: steps.flatMap((step) => outcome(program, step) ?? []),
    release: () => end(false),
  };
}

/** What a child says that has made all of its calls. */
const DONE = "d";

/** Answers the child until it waits to be looked at, or has become a program. */
async function converse(pid: number, line: number, root?: number): Promise<void> {
  for (;;) {
    const { byte } = await receive(line);
    if (byte !== SAYS.waiting) return;
    const maps = new Program(new Arena(1 << 16), {}, 64);
    const one = (id: number) => [{ containerID: 0, hostID: id, size: 1 }];
    writeMaps(maps, pid, {
      ociVersion: "1.2.1",
      linux: { uidMappings: one(root ?? Deno.uid()!), gidMappings: one(root ?? Deno.gid()!) },
    }, { denySetgroups: true });
    maps.walk();
    send(line, SAYS.waiting);
  }
}

/** The command that looks through a process's blinkers, nsenter(1), as somebody would type it. */
export function enter(pid: number, ...kinds: ("ipc" | "mount" | "net" | "pid" | "uts")[]): string {
  // an ordinary user has the right to it in the user namespace that it has made
  const first = Deno.uid() === 0 ? [] : ["--user", "--preserve-credentials"];
  return ["nsenter", "-t", pid, ...first, ...kinds.map((kind) => `--${kind}`)].join(" ");
}

/** A call with its result, as strace(1) shows it; `undefined` for one that was not reached. */
function outcome(program: Program, step: Step): string | undefined {
  const { count, result, errno } = program.outcome(step);
  if (count === 0) return undefined;
  const call = program.format(step, true);
  return errno
    ? `${call} = -1 ${errnoName(errno)} (${errnoMeaning(errno)})`
    : `${call} = ${result}`;
}
