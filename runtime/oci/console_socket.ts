/**
 * The console socket: where an engine waits for the master of a container's terminal, which comes
 * as a descriptor, SCM_RIGHTS (unix(7)).
 *
 * @module
 */

import { AF, SOCK } from "../../ffi/constants.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { sendBytes } from "../../ffi/messages.ts";
import { unixAddress } from "../unix_address.ts";
import { OciError } from "./container.ts";

/**
 * Refuses a terminal that nobody would get, and a socket for a process that has none.
 *
 * @param isDetached whether the process goes on when this one has ended
 */
export function checkConsole(
  terminal: boolean | undefined,
  socket: string | undefined,
  isDetached: boolean,
): void {
  if (terminal && isDetached && socket === undefined) {
    throw new OciError("a detached process with a terminal needs --console-socket to send it to");
  }
  if (!terminal && socket !== undefined) {
    throw new OciError("--console-socket is for a process with a terminal");
  }
}

/** Hands the master of a terminal over to whoever listens at a socket, and lets go of it. */
export function sendConsole(path: string, terminal: number): void {
  const socket = libc.socket(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0);
  try {
    const address = unixAddress(path);
    libc.connect(socket, address, address.length);
    sendBytes(socket, new TextEncoder().encode("/dev/ptmx"), terminal);
  } catch (error) {
    throw new OciError(`--console-socket ${path}: ${(error as Error).message}`, { cause: error });
  } finally {
    attempt.close(socket);
    attempt.close(terminal);
  }
}
