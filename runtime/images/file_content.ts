/**
 * Writes a file's content where it must all arrive.
 *
 * @module
 */

import { E } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { failure } from "./layer_tree.ts";
import { showName } from "./names.ts";

/**
 * Writes all of the bytes, however few of them the kernel takes at a time.
 *
 * @param name the file's, for the message
 * @throws {SyscallError} if write(2) fails
 */
export function writeContent(fd: number, bytes: Uint8Array, name: string): void {
  for (let at = 0; at < bytes.length;) {
    const rest = at === 0 ? bytes : bytes.subarray(at);
    const written = attempt.write(fd, rest, rest.length);
    if (written >= 0) at += written;
    else if (written !== -E.EINTR) throw failure("write", showName(name), written);
  }
}
