/**
 * The gate of a container that is created and not yet started: its first process, which is all that
 * it will be but for its program, waits in read(2) until somebody opens.
 *
 * The gate is a FIFO in the container's directory. The process holds both of its ends, so it waits
 * while nobody is there, and a lock on it, flock(2): whoever opens the gate gets the lock when
 * execve(2) has closed it here. A read is also the one call that every filter lets through.
 *
 * @module
 */

import { O } from "../../ffi/constants.ts";
import type { Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import type { Process } from "../spec.ts";
import { SAYS, writeWord } from "./line.ts";
import { candidates, LOOK_FURTHER } from "./process.ts";

/** The gate's number in the child: the first one after the line's. */
export const GATE = 4;

/** Keeps the gate within reach, under its own number. */
export function takeGate(program: Program, gate: number | Ref): void {
  program.call("the gate gets the number after the line's", { allow: ["EINVAL"] })
    .dup3(gate, GATE, O.CLOEXEC);
}

/** access(2)'s question: may this user execute it? */
const X_OK = 1;

/**
 * Fails where there is no program to become, which an engine wants to hear from `create`: `start` is
 * too late to choose another exit code.
 */
export function lookForProgram(program: Program, process: Process): void {
  program.phase("the program", 7);
  const found = program.label();
  const paths = candidates(process);
  paths.forEach((path, i) => {
    const allow = i === paths.length - 1 ? [] : LOOK_FURTHER;
    program.call("is there a program to become, once the gate is open?", {
      allow,
      onSuccess: found,
    }).access(path, X_OK);
  });
  program.place(found);
}

/** Says that everything is ready, and waits until the gate is opened. */
export function waitAtGate(program: Program): void {
  program.phase("the gate", 15);
  writeWord(program, SAYS.gate, "created: all that is left to do is to become the program");
  const open = program.label();
  program.call("nothing else runs for the container while it waits here", { onNonzero: open })
    .read(GATE, program.arena.allocate(8, "go"), 1);
  program.call("both of the gate's ends are this process's own: it does not end by itself")
    ._exit(1);
  program.place(open);
}

/** The exit status of a container whose gate was opened and whose program could not be executed. */
const NOT_EXECUTED = 126;
/** And of one whose own last hook failed. */
const HOOK_FAILED = 125;

/**
 * Tells of a failure where nobody is at the line any more: whoever reads the container's output.
 *
 * @param tail what a failed child goes on with, where the line has nobody at its other end
 * @param program the birth, of which all but the last call has been done
 */
export function tellReaders(tail: Program, program: Program): void {
  const execve = program.steps.findLast(({ name }) => name === "execve")!;
  const write = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    tail.call("to standard error").write(2, bytes, bytes.length);
  };
  const isProgram = tail.label();
  const errno = program.errnoOf(execve);
  tail.call("was it the program?", { onNonzero: isProgram }).labs(errno);
  write("tiffin: a startContainer hook has failed\n");
  tail.call("the container has ended")._exit(HOOK_FAILED);
  tail.place(isProgram);
  write(`tiffin: exec ${execve.args[0]}: `);
  const text = tail.call("what that means", { name: "text" }).strerrordesc_np(errno);
  const length = tail.call("how long it is", { name: "length" }).strlen(text);
  tail.call("to standard error").write(2, text, length);
  write("\n");
  tail.call("the container has ended")._exit(NOT_EXECUTED);
}
