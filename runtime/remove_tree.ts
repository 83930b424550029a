/**
 * A directory removed with all that is in it, whatever a container or an image has left there.
 *
 * A tree can be deeper than a stack, than a process has descriptors, and than the longest path: a
 * removal that goes down step by step falls over it. So nobody goes down. A directory that is not
 * empty is moved to the top, rename(2), where its turn comes again.
 *
 * @module
 */

import { AT, O } from "../ffi/constants.ts";
import { E, SyscallError } from "../ffi/errno.ts";
import { attempt } from "../ffi/libc.ts";
import { forEachEntry, type RawName } from "./directory_entries.ts";

/**
 * Removes a directory and everything below it; one that is not there is no error.
 *
 * Nobody else may be at work in it: the container has ended.
 *
 * @throws {SyscallError} `EACCES` or `EPERM` for what belongs to somebody else
 */
export function removeTree(path: string): void {
  let moved = 0;
  let result: number;
  do {
    const top = openDirectory(AT.FDCWD, path);
    if (top === -E.ENOENT) return;
    check("open", path, top);
    forEachEntry(top, (name, isDirectory) => {
      if (removeSimple(top, name, isDirectory)) return;
      attempt.fchmodat(top, name, 0o700, 0);
      const directory = check("openat", name, openDirectory(top, name));
      forEachEntry(directory, (inner, isDirectory) => {
        if (!removeSimple(directory, inner, isDirectory)) {
          moved = moveUp(directory, inner, top, moved);
        }
      });
      removeSimple(top, name, true);
    });
    result = attempt.rmdir(path);
    // what was moved to the top while it was read may not have been seen
  } while (result === -E.ENOTEMPTY);
  check("rmdir", path, result);
}

/** Removes what is not a directory, and an empty directory; false for one that is not empty. */
function removeSimple(parent: number, name: RawName, isDirectory: boolean): boolean {
  const result = attempt.unlinkat(parent, name, isDirectory ? AT.REMOVEDIR : 0);
  // a file system need not say in its lists what is a directory
  if (result === -E.EISDIR) return removeSimple(parent, name, true);
  if (result === -E.ENOTEMPTY) return false;
  if (result !== -E.ENOENT) check("unlinkat", name, result);
  return true;
}

/** Moves a directory to the top. @returns how many names have been tried there */
function moveUp(parent: number, name: RawName, top: number, moved: number): number {
  // its own entry `..` changes, which takes the right to write to it
  attempt.fchmodat(parent, name, 0o700, 0);
  for (;;) {
    const result = attempt.renameat(parent, name, top, `removed-${moved++}`);
    const isTaken = [-E.ENOTEMPTY, -E.EEXIST, -E.ENOTDIR].includes(result);
    if (!isTaken) {
      check("renameat", name, result);
      return moved;
    }
  }
}

function openDirectory(parent: number, name: string | RawName): number {
  return attempt.openat(parent, name, O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC, 0);
}

/** The result of a call. @throws {SyscallError} for one that is an error */
function check(call: string, name: string | RawName, result: number): number {
  if (result >= 0) return result;
  const text = typeof name === "string" ? name : new TextDecoder().decode(name.subarray(0, -1));
  throw new SyscallError(call, JSON.stringify(text), -result);
}
