/**
 * The names in a directory that may be a hostile one: a bounded number of them.
 *
 * @module
 */

import { O } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";

/**
 * The names, but for `.` and `..`, getdents64(2).
 *
 * @param fd the directory, open for O_PATH
 * @param most how many names at most
 */
export function listDirectory(fd: number, most: number): string[] {
  const directory = attempt.open(`/proc/self/fd/${fd}`, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
  if (directory < 0) return [];
  try {
    return names(directory, most).slice(0, most);
  } finally {
    attempt.close(directory);
  }
}

function names(directory: number, most: number): string[] {
  const found: string[] = [];
  const buffer = new Uint8Array(65536);
  const view = new DataView(buffer.buffer);
  const decoder = new TextDecoder();
  while (found.length < most) {
    const length = attempt.getdents64(directory, buffer, buffer.length);
    if (length <= 0) break;
    // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
      const name = decoder.decode(buffer.subarray(at + 19, buffer.indexOf(0, at + 19)));
      if (name !== "." && name !== "..") found.push(name);
    }
  }
  return found;
}
