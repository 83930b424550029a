/**
 * The names in a directory that may be a hostile one: a bounded number of them.
 *
 * @module
 */

import { O } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";

/** No directory of programs comes near this; a hostile one could have millions. */
const MOST_NAMES = 20_000;

/** The names, but for `.` and `..`, getdents64(2). @param fd the directory, open for O_PATH */
export function listDirectory(fd: number): string[] {
  const directory = attempt.open(`/proc/self/fd/${fd}`, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
  if (directory < 0) return [];
  try {
    return names(directory);
  } finally {
    attempt.close(directory);
  }
}

function names(directory: number): string[] {
  const found: string[] = [];
  const buffer = new Uint8Array(65536);
  const view = new DataView(buffer.buffer);
  const decoder = new TextDecoder();
  while (found.length < MOST_NAMES) {
    const length = attempt.getdents64(directory, buffer, buffer.length);
    if (length <= 0) break;
    // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
      const name = buffer.subarray(at + 19, buffer.indexOf(0, at + 19));
      found.push(decoder.decode(name));
    }
  }
  return found.filter((name) => name !== "." && name !== "..");
}
