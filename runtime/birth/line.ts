/**
 * The line between parent and child: a pair of sockets that lasts until execve(2) cuts it.
 *
 * Over it the child says where it stands, one byte at a time, and waits where the parent has to do
 * something first. Its end without a word of failure is success.
 *
 * @module
 */

import { AF, MSG, O, PR, SIG, SOCK, W } from "../../ffi/constants.ts";
import { attempt, libc, offthread } from "../../ffi/libc.ts";
import type { Memory } from "../../ffi/memory.ts";
import { Program } from "../../ffi/program.ts";
import type { Chapters } from "./chapters.ts";
import { ownExecutable, walkAlone } from "./executable.ts";
import type { Kept } from "./keep.ts";

/** What the child says to the parent. */
export const SAYS = {
  waiting: "w",
  network: "n",
  scope: "s",
  hooks: "h",
  volumes: "v",
  listener: "l",
  terminal: "t",
  gate: "g",
  failed: "f",
} as const;

/** The line's number in the child: the first one after standard error. */
export const LINE = 3;

/** In a container that has a monitor: the number of the socket that its terminal is sent over. */
export const TERMINAL_LINE = 4;

/** As close_range(2) writes "to the end". */
const LAST_DESCRIPTOR = 0xffffffff;

/** Makes the line. @returns where socketpair(2) leaves its ends: the parent's, and at 4 the child's */
export function makeLine(program: Program): Memory {
  const line = program.arena.allocate(8, "line");
  program.call("a line between parent and child, which execve(2) will cut")
    .socketpair(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0, line);
  return line;
}

/** Makes a program's calls; where they come to no child, its line is closed. */
export function walkWithLine(program: Program, line: Memory): void {
  try {
    walkAlone(program, ownExecutable());
  } catch (error) {
    for (const { value } of [line.at(0), line.at(4)]) if (value > 0) attempt.close(value);
    throw error;
  }
}

/** What the child holds on to when it lets go of all that is its parent's. */
export interface Connection {
  /** descriptors that the program gets from whoever starts it */
  kept?: Kept;
  /** the gate that it will wait at */
  gate?: Chapters["gate"];
}

/** The child's first steps: nothing of the parent's stays open, and it cannot be left alone. */
export function connect(
  program: Program,
  line: Memory,
  dieWithParent: boolean,
  { kept, gate }: Connection = {},
): void {
  if (dieWithParent) tieToParent(program);
  const end = line.at(4, "child's end");
  const moved = kept?.putAside(end, gate?.fd);
  program.call("the line gets the number after standard error's", { allow: ["EINVAL"] })
    .dup3(moved?.line ?? end, LINE, O.CLOEXEC);
  if (gate) gate.write.takeGate(program, moved?.gate ?? gate.fd);
  closeFrom(program, kept?.firstToClose ?? (gate ? gate.write.GATE : LINE) + 1);
  checkParent(program, "is the parent still there? If not, this fails, and the child ends");
}

/** Closes every descriptor from a number on. */
export function closeFrom(program: Program, first: number): void {
  program.call("no descriptor of the host's may be within reach in the container, now or later")
    .close_range(first, LAST_DESCRIPTOR, 0);
}

/** Has the kernel kill the calling process when its parent dies. */
export function tieToParent(
  program: Program,
  why = "if the parent dies, the kernel kills this process, and with it the container",
): void {
  program.call(why)
    .prctl(PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0);
}

/**
 * Fails when the parent is gone: between the clone and the tie to it, nobody would have told.
 *
 * Nothing is sent, but a socket whose other end is closed refuses even that, with EPIPE.
 */
export function checkParent(program: Program, why: string): void {
  program.call(why).send(LINE, null, 0, MSG.NOSIGNAL);
}

/** Says one byte to the parent. */
export function say(program: Program, byte: string, why: string): void {
  const message = { bytes: new TextEncoder().encode(byte), text: JSON.stringify(byte) };
  program.call(why).send(LINE, message, 1, MSG.NOSIGNAL);
}

/** Says one byte to the parent, and waits until it has done its part and answers. */
export function waitForAnswer(program: Program, byte: string, why: string): void {
  say(program, byte, why);
  awaitAnswer(program);
}

/**
 * Says that there is a filter whose calls somebody else decides on, and waits until that one knows.
 *
 * No such filter may ask about write(2) (unsupported.ts): nobody could answer yet.
 */
export function announceListener(program: Program): void {
  writeWord(program, SAYS.listener, "the filter's descriptor is for the parent to fetch");
  awaitAnswer(program);
}

/** Says one byte to the parent by write(2), which filters of system calls hardly ever forbid. */
export function writeWord(program: Program, byte: string, why: string): void {
  const message = { bytes: new TextEncoder().encode(byte), text: JSON.stringify(byte) };
  program.call(why).write(LINE, message, 1);
}

function awaitAnswer(program: Program): void {
  const answered = program.label();
  program.call("wait until it is done", { onNonzero: answered })
    .read(LINE, program.arena.allocate(8, "answer"), 1);
  program.call("the parent is gone")._exit(1);
  program.place(answered);
}

/** In a new user namespace the child is nobody until the parent has written who it is. */
export function waitForMaps(program: Program): void {
  program.phase("user namespace", 13);
  waitForAnswer(program, SAYS.waiting, "the user and group maps are for the parent to write");
  program.call("the namespace's own root group...").setresgid(0, 0, 0);
  program.call("...and user: every right in its own namespaces, and none outside").setresuid(
    0,
    0,
    0,
  );
}

/** What a child that failed does: it says so, and waits until the parent has looked at it. */
export function writeFailure(
  program: Program,
  status: number,
  { kept, gate }: Connection = {},
): void {
  const { arena } = program;
  const line = kept?.line ?? LINE;
  const tail = new Program(arena, {}, 12);
  const told = tail.label();
  tail.call("tell the parent", gate && { allow: ["EPIPE"], onSuccess: told })
    .send(line, new TextEncoder().encode(SAYS.failed), 1, MSG.NOSIGNAL);
  gate?.write.tellReaders(tail, program);
  tail.place(told);
  tail.call("be looked at").read(line, arena.allocate(8, "answer"), 1);
  program.onFailure(tail, status);
}

/** waitid(2): the id is a process's. */
const P_PID = 1;

/**
 * Waits for the end of a child.
 *
 * @param onEnd called while the process id is still the child's own: a signal that is sent later
 * could find somebody else
 * @returns what waitpid(2) says of its end
 */
export async function waitFor(pid: number, onEnd: () => void): Promise<number> {
  await offthread.waitid(P_PID, pid, new Uint8Array(128), W.EXITED | W.NOWAIT);
  onEnd();
  const bytes = new Uint8Array(4);
  libc.waitpid(pid, bytes, 0);
  return new DataView(bytes.buffer).getInt32(0, true);
}
