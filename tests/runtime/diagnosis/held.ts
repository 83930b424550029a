/**
 * A child that is made to fail on purpose, by whatever calls a test writes down, and is diagnosed
 * while it is held.
 *
 * @module
 */

import { CLONE, MS, SIG } from "../../../ffi/constants.ts";
import { E } from "../../../ffi/errno.ts";
import { attempt, libc } from "../../../ffi/libc.ts";
import { Arena, type Ref } from "../../../ffi/memory.ts";
import { receive, send } from "../../../ffi/messages.ts";
import { Program } from "../../../ffi/program.ts";
import { cloneArgs } from "../../../ffi/structs.ts";
import type { BirthRequest } from "../../../runtime/birth/birth.ts";
import { connect, makeLine, SAYS, waitForMaps, writeFailure } from "../../../runtime/birth/line.ts";
import { installFilter } from "../../../runtime/birth/process.ts";
import { examine, type StartError } from "../../../runtime/diagnosis.ts";
import { requestFor, type Trial } from "../birth/trial.ts";

/** What the child is born into. */
export interface Ground {
  /** the sum of CLONE flags; a mount namespace of its own unless told otherwise */
  flags?: number;
  /** the maps of a new user namespace; root alone unless told otherwise */
  maps?: { uid: string; gid: string; setgroups?: "deny" };
  /** what the request has beside the small one */
  trial?: Trial;
  /** the request itself */
  request?: Partial<BirthRequest>;
  /** another machine's files */
  read?: (path: string) => string | undefined;
  /** where the program writes the pid of the child's child, if that one is to fail */
  pid?: () => Ref;
}

/** Writes a program into a child, walks it, and gives the diagnosis of the call that fails. */
export async function provoke(
  write: (program: Program) => void,
  ground: Ground = {},
): Promise<StartError> {
  const { flags = CLONE.NEWNS, maps = { uid: "0 0 1", gid: "0 0 1" } } = ground;
  const program = new Program(new Arena(1 << 20), {}, 600);
  const line = makeLine(program);
  const child = program.call("a child", { fork: {} }).clone3(cloneArgs(flags), 88);
  connect(program, line, true);
  if (flags & CLONE.NEWUSER) waitForMaps(program);
  // on most systems mounts are shared, and what a test mounts would be the host's as well
  if (flags & CLONE.NEWNS) program.call("").mount(null, "/", null, MS.REC | MS.PRIVATE, null);
  program.phase("the test");
  write(program);
  program.end();
  writeFailure(program, 125);
  program.walk();
  const [pid, ours] = [child.value, line.at(0).value];
  libc.close(line.at(4).value);
  try {
    for (;;) {
      const { byte } = await receive(ours);
      if (byte === "") throw new Error("every call of the child succeeded");
      if (byte === SAYS.waiting) {
        if (maps.setgroups) Deno.writeTextFileSync(`/proc/${pid}/setgroups`, maps.setgroups);
        Deno.writeTextFileSync(`/proc/${pid}/gid_map`, maps.gid);
        Deno.writeTextFileSync(`/proc/${pid}/uid_map`, maps.uid);
        send(ours, SAYS.waiting);
      }
      if (byte === SAYS.failed) {
        const request = { ...requestFor("/", ground.trial), ...ground.request };
        const held = ground.pid ? await stored(ground.pid()) : pid;
        return await examine({ request, program, step: program.failed!, pid: held }, ground.read);
      }
    }
  } finally {
    attempt.kill(pid, SIG.KILL);
    attempt.waitpid(pid, null, 0);
    attempt.close(ours);
  }
}

/** Fails in this process, with no child: as the parent's part of a start can. */
export async function provokeHere(
  write: (program: Program) => void,
  ground: Ground = {},
): Promise<StartError> {
  const program = new Program(new Arena(1 << 20), {}, 64);
  program.phase("the test");
  write(program);
  try {
    program.walk();
  } catch {
    const request = { ...requestFor("/", ground.trial), ...ground.request };
    return await examine({ request, program, step: program.failed! }, ground.read);
  }
  throw new Error("every call succeeded");
}

/** Has a system call fail from here on, by a filter; ENOSYS is what an old kernel, or Docker, says. */
export function forbidCall(program: Program, number: number, errno: number = E.ENOSYS): void {
  const filter = bpf([[0x20, 0, 0, 0], [0x15, 0, 1, number], [6, 0, 0, 0x50000 | errno], [
    6,
    0,
    0,
    0x7fff0000,
  ]]);
  installFilter(program, { filter, flags: 0 });
}

/** Instructions of classic BPF, `struct sock_filter`: code, jump if true, if false, value. */
export function bpf(instructions: [number, number, number, number][]): Uint8Array {
  const filter = new Uint8Array(instructions.length * 8);
  const view = new DataView(filter.buffer);
  instructions.forEach(([code, yes, no, value], i) => {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, yes);
    view.setUint8(i * 8 + 3, no);
    view.setUint32(i * 8 + 4, value, true);
  });
  return filter;
}

/**
 * A controller that a new group gets, and with processes in it cannot hand on: threads may be divided
 * by the others. Nothing where the hierarchy hands none on, as on a hybrid host at rest.
 */
export function domainController(mount: string): string | undefined {
  const all = Deno.readTextFileSync(`${mount}/cgroup.subtree_control`).trim().split(" ");
  return all.find((name) => name && !["cpu", "cpuset", "perf_event", "pids"].includes(name));
}

/** The host's files but for some: as another machine has them. */
export function elsewhere(files: Record<string, string>): (path: string) => string | undefined {
  return (path) => {
    if (path in files) return files[path];
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return undefined;
    }
  };
}

/** A process id that another process is about to store: the child it is of may be the quicker one. */
async function stored(pid: Ref): Promise<number> {
  while (pid.value === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  return pid.value;
}
