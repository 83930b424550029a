/**
 * The names in a directory that may be a hostile one: a bounded number of them.
 *
 * @module
 */

import { O } from "../../ffi/constants.ts";
import { SyscallError } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { forEachEntry } from "../directory_entries.ts";

/**
 * The names, but for `.` and `..`; those before the first that cannot be read.
 *
 * @param fd the directory, open for O_PATH
 * @param most how many names at most
 */
export function listDirectory(fd: number, most: number): string[] {
  const directory = attempt.open(`/proc/self/fd/${fd}`, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
  if (directory < 0) return [];
  const names: string[] = [];
  const decoder = new TextDecoder();
  try {
    forEachEntry(
      directory,
      (name) => names.push(decoder.decode(name.subarray(0, -1))) < most,
    );
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
  return names;
}
