/**
 * A container's terminal shown on this one: keys go in, output comes out, the size follows.
 *
 * @module
 */

import { IOCTL } from "../ffi/constants.ts";
import { attempt, libc, offthread } from "../ffi/libc.ts";
import { isErrno } from "../ffi/errno.ts";
import { winsize } from "../ffi/structs.ts";

/** A terminal that is being shown; {@linkcode Relay.close} gives this terminal back as it was. */
export interface Relay {
  /** settles when everything that was written to the container's terminal has been shown */
  drained: Promise<void>;
  close(): void;
}

/** How large this terminal is; 24 by 80 where it does not say. */
export function windowSize(): { rows: number; columns: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return { rows: 24, columns: 80 };
  }
}

/**
 * Shows the container's terminal on this process's one, in raw mode.
 *
 * @param master the master of the container's terminal; it is closed in the end
 */
export function relay(master: number): Relay {
  const follow = () => {
    const { rows, columns } = windowSize();
    attempt.ioctl(master, IOCTL.TIOCSWINSZ, winsize(rows, columns));
  };
  Deno.stdin.setRaw(true);
  Deno.addSignalListener("SIGWINCH", follow);
  follow();
  keysIn(master);
  return {
    drained: outputOut(master),
    close() {
      Deno.removeSignalListener("SIGWINCH", follow);
      Deno.stdin.setRaw(false);
      attempt.close(master);
    },
  };
}

/** Passes keys on until this terminal is closed; a read that still waits ends with the process. */
async function keysIn(master: number): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let count; (count = await Deno.stdin.read(buffer)) !== null;) {
    for (let sent = 0; sent < count;) {
      const wrote = attempt.write(master, buffer.subarray(sent, count), count - sent);
      if (wrote < 0) return;
      sent += wrote;
    }
  }
}

/** Shows what is written until nobody has the other end open any more, which reads as EIO. */
async function outputOut(master: number): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    let count: number;
    try {
      count = await offthread.read(master, buffer, buffer.length);
    } catch (error) {
      if (isErrno(error, "EIO")) return;
      throw error;
    }
    if (count === 0) return;
    writeAll(buffer.subarray(0, count));
  }
}

function writeAll(bytes: Uint8Array): void {
  for (let sent = 0; sent < bytes.length;) {
    sent += libc.write(1, bytes.subarray(sent), bytes.length - sent);
  }
}
