/**
 * A file written by a program of calls: open, write, close.
 *
 * @module
 */

import { O } from "../../ffi/constants.ts";
import type { Memory } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";

/** How a file is written. */
export interface WriteOptions {
  /** open(2) flags beside O_WRONLY and O_CLOEXEC; O_CREAT for a new file */
  flags?: number;
  /** the mode of a new file */
  mode?: number;
  /** errno names of open and write that are no failure */
  allow?: readonly string[];
}

/** One value for a file, and why it is written. */
export interface Value {
  /** the file's new content, in UTF-8 */
  value: string;
  /** one line for the reader */
  why: string;
}

/**
 * Writes a whole value into a file in one write(2), as files of the kernel's want it.
 *
 * @param path the file's name, or where an earlier call puts it
 * @param why one line for the reader
 */
export function writeFile(
  program: Program,
  path: string | Memory,
  value: string,
  why: string,
  options?: WriteOptions,
): void {
  writeValues(program, path, [{ value, why }], options);
}

const encoder = new TextEncoder();

/** Writes several values into a file that takes one at a time, each in a write(2) of its own. */
export function writeValues(
  program: Program,
  path: string | Memory,
  values: readonly Value[],
  { flags = 0, mode = 0, allow }: WriteOptions = {},
): void {
  // where the file may be missing, what follows gets -1 for a descriptor, and says EBADF
  const writing = allow && { allow: [...allow, "EBADF"] };
  const closing = allow && { allow: ["EBADF"] };
  const file = program.call(values[0].why, { name: "file", allow })
    .open(path, O.WRONLY | O.CLOEXEC | flags, mode);
  for (const { value, why } of values) {
    const bytes = encoder.encode(value);
    const content = {
      bytes,
      get text() {
        return JSON.stringify(value);
      },
    };
    program.call(values.length > 1 ? why : "the value, in one piece", writing)
      .write(file, content, bytes.length);
  }
  program.call("written", closing).close(file);
}
