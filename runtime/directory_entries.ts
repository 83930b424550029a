/**
 * The entries of a directory as the kernel lists them: names of bytes, which need not be text.
 *
 * @module
 */

import { SyscallError } from "../ffi/errno.ts";
import { attempt } from "../ffi/libc.ts";

/** A name as the kernel has it: bytes that need not be UTF-8, and a NUL. */
export type RawName = Uint8Array<ArrayBuffer>;

const DT_DIR = 4;

/**
 * Calls `visit` for every name in a directory but `.` and `..`, getdents64(2).
 *
 * @param directory a descriptor of it, open for reading, which is closed in the end
 * @param visit may give `false`: then it has seen enough
 * @throws {SyscallError} if it cannot be read
 */
export function forEachEntry(
  directory: number,
  visit: (name: RawName, isDirectory: boolean) => void | boolean,
): void {
  const buffer = new Uint8Array(8192);
  const view = new DataView(buffer.buffer);
  try {
    for (let length; (length = attempt.getdents64(directory, buffer, buffer.length)) !== 0;) {
      if (length < 0) throw new SyscallError("getdents64", String(directory), -length);
      // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name
      for (let at = 0; at < length; at += view.getUint16(at + 16, true)) {
        const name = buffer.slice(at + 19, buffer.indexOf(0, at + 19) + 1);
        if (!isDots(name) && visit(name, buffer[at + 18] === DT_DIR) === false) return;
      }
    }
  } finally {
    attempt.close(directory);
  }
}

/** Whether a name is `.` or `..`. */
function isDots(name: RawName): boolean {
  const dot = 0x2e;
  return name[0] === dot && (name[1] === 0 || name[1] === dot && name[2] === 0);
}
