/**
 * Another program, run to its end by a program of calls: a hook, or a tool of the host's.
 *
 * @module
 */

import { CLONE, POLL, SIG } from "../../ffi/constants.ts";
import type { Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import { jump } from "./jump.ts";
import { resetSignals } from "./process.ts";

/** waitpid(2)'s `__WALL`: also for a child that sends no signal when it ends. */
const ANY_CHILD = 0x40000000;

/** What is run, and how. */
export interface Run {
  /** where the program may be, the first that is there is taken */
  paths: string[];
  /** its arguments, `argv[0]` among them */
  args: string[];
  /** its whole environment */
  env: string[];
  /** its working directory, unless it is the caller's */
  directory?: string;
  /** its first descriptors, by number; the caller's own unless given */
  descriptors?: Ref[];
  /** seconds after which it is killed */
  timeout?: number;
  /** what it is run for, one line for the reader */
  why: string;
  /** what it is, for the error of a run that did not end well */
  subject: string;
}

/**
 * Runs a program, and fails unless it ends with status 0.
 *
 * The call that fails then is the last one, a waitpid(2) that has nobody left to wait for; it is
 * there to fail, and what really happened stands in the status of the one before it. The child
 * sends no SIGCHLD: a handler that was inherited from Deno must not run in a forked copy of it.
 *
 * @returns its wait status, once it has ended
 */
export function runProgram(program: Program, run: Run): Ref {
  const { arena } = program;
  const pidfd = arena.allocate(8, "pidfd");
  const parent = program.label();
  const pid = program.call(run.why, { name: "helper", fork: { parent } })
    .clone(CLONE.PIDFD, 0, pidfd, 0, 0);
  for (const [number, descriptor] of (run.descriptors ?? []).entries()) {
    program.call("one of its first descriptors").dup3(descriptor, number, 0);
  }
  if (run.directory !== undefined) program.call("where it begins").chdir(run.directory);
  // what Deno ignores for itself, and a thread of its may have blocked
  resetSignals(program, [SIG.PIPE]);
  for (const [i, path] of run.paths.entries()) {
    const allow = i < run.paths.length - 1 ? ["ENOENT"] : [];
    program.call("the helper becomes the program", { allow }).execve(path, run.args, run.env);
  }
  program.place(parent);

  if (run.timeout !== undefined) {
    const table = arena.allocate(8, "table");
    table.text = "[{fd=pidfd, events=POLLIN}]";
    new DataView(table.bytes.buffer, table.bytes.byteOffset).setInt16(4, POLL.IN, true);
    program.call("for poll(2)").memcpy(table.address, pidfd.address, 4);
    const ended = program.label();
    program.call("it has so much time, in milliseconds", { onNonzero: ended })
      .poll(table, 1, run.timeout * 1000);
    program.call("and no more").kill(pid, SIG.KILL);
    program.place(ended);
  }
  const status = arena.allocate(8, "status");
  program.call("wait for its end").waitpid(pid, status, ANY_CHILD);
  program.call("its descriptor").close(pidfd.at(0, "pidfd"));
  const [failed, good] = [program.label(), program.label()];
  program.call("did it end well?", { onNonzero: failed }).labs(status.at(0, "status"));
  jump(program, good, "yes");
  program.place(failed);
  program.call(`${run.subject} did not end well`).waitpid(pid, null, ANY_CHILD);
  program.place(good);
  return status.at(0, "status");
}
