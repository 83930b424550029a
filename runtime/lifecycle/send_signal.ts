/**
 * A signal sent to a process that cannot be mistaken for another one.
 *
 * @module
 */

import { E, SyscallError } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { isAlive, type ProcessIdentity } from "../processes.ts";

/** Sends a signal to a process by descriptor; whether it was there to get it. */
export function sendSignal(process: ProcessIdentity, signal: number): boolean {
  const fd = attempt.pidfd_open(process.pid, 0);
  if (fd < 0) return false;
  try {
    if (!isAlive(process)) return false;
    const result = attempt.pidfd_send_signal(fd, signal, null, 0);
    if (result === -E.ESRCH) return false;
    if (result < 0) {
      throw new SyscallError("pidfd_send_signal", `${process.pid}, ${signal}`, -result);
    }
    return true;
  } finally {
    attempt.close(fd);
  }
}
