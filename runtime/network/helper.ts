/**
 * A program of the host's that is run in the course of a walk, with a text as its input.
 *
 * @module
 */

import { MFD, SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import { resetSignals } from "../birth/process.ts";

/** A program that was run, and what came of it. */
export interface TextRun {
  /** its path and arguments */
  command: string[];
  /** where its wait status is once it has ended */
  status: Memory;
  /** a file in memory that has what it said on its standard error */
  errors: Ref;
}

/** A text in a file in memory, which has no name. */
export function textFile(program: Program, name: string, text: string): Ref {
  const bytes = new TextEncoder().encode(text);
  const file = program.call("a file in memory, without a name", { name })
    .memfd_create(name, MFD.CLOEXEC);
  program.call("to be read from its beginning")
    .pwrite(file, { bytes, text: JSON.stringify(text) }, bytes.length, 0);
  return file;
}

/**
 * Writes down how a program is run to its end, with a text as its standard input.
 *
 * @param why one line for the reader
 */
export function runWithText(
  program: Program,
  command: string[],
  text: string,
  why: string,
): TextRun {
  const input = textFile(program, "input", text);
  const errors = program.call("what it says goes into another one", { name: "errors" })
    .memfd_create("errors", MFD.CLOEXEC);
  const parent = program.label();
  const child = program.call(why, { name: "helper", fork: { parent } }).clone3(cloneArgs(0), 88);
  // Deno ignores SIGPIPE; pasta(1) takes that for a failure
  resetSignals(program, [SIG.PIPE]);
  program.call("the text is its standard input").dup3(input, 0, 0);
  program.call("and its words are not for the terminal").dup3(errors, 2, 0);
  program.call("it becomes the program").execve(command[0], command, ["PATH=/usr/sbin:/usr/bin"]);
  program.place(parent);
  const status = program.arena.allocate(8, "status");
  program.call("wait until it has ended").waitpid(child, status, 0);
  program.call("it has been read").close(input);
  return { command, status, errors };
}

/**
 * Looks at how a program has ended.
 *
 * @throws {Error} with the program's own words, where it failed
 */
export function checkRun({ command, status, errors }: TextRun): void {
  const said = readErrors(errors);
  const wait = status.at(0).value;
  if (wait === 0) return;
  const end = wait & 0x7f ? `killed by signal ${wait & 0x7f}` : `exit status ${wait >> 8}`;
  throw new Error(`${command.join(" ")}: ${end}${said ? `: ${said}` : ""}`);
}

/** What a program has said into a file in memory, in one line; the file is closed. */
export function readErrors(errors: Ref): string {
  const bytes = new Uint8Array(2000);
  const length = Math.max(attempt.pread(errors.value, bytes, bytes.length, 0), 0);
  attempt.close(errors.value);
  return new TextDecoder().decode(bytes.subarray(0, length)).trim().split("\n").join("; ");
}
