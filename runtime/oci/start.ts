/**
 * A created container started: its gate is opened, and its first process becomes its program.
 *
 * @module
 */

import { LOCK, O } from "../../ffi/constants.ts";
import { isErrno } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { pollfd } from "../../ffi/structs.ts";
import { later } from "../later.ts";
import { gateFile, type OciContainer, OciError, stateOf } from "./container.ts";

/**
 * Opens the gate, and waits until the first process has gone through.
 *
 * @returns what went wrong in hooks that only have to be told of
 * @throws {OciError} for a container that is not waiting
 */
export async function startContainer(container: OciContainer): Promise<Error[]> {
  const { directory, record, status } = container;
  if (status === "stopped") throw stopped();
  if (status !== "created") throw new OciError("cannot start an already running container");
  open(gateFile(directory));
  const { poststart = [] } = record.spec.hooks ?? {};
  if (!poststart.length) return [];
  const { runAllHooks } = await later<typeof import("../hooks.ts")>(import.meta, "../hooks.ts");
  return await runAllHooks("poststart", poststart, { ...stateOf(container), status: "running" });
}

function stopped(): OciError {
  return new OciError("cannot start a container that has stopped");
}

function open(path: string): void {
  const gate = take(path);
  try {
    // of two that start it at once, one comes here while the gate is still there
    libc.flock(gate, LOCK.EX);
    if (attempt.access(path, 0) !== 0) {
      throw new OciError("cannot start an already running container");
    }
    libc.write(gate, new TextEncoder().encode("s"), 1);
    // nobody holds the other end any more when execve(2) has closed it, or its holder is dead
    attempt.poll(pollfd(gate, 0), 1, -1);
    Deno.removeSync(path);
  } finally {
    attempt.close(gate);
  }
}

/** The writing end; without a reader there is nobody who waits. */
function take(path: string): number {
  try {
    return libc.open(path, O.WRONLY | O.NONBLOCK | O.CLOEXEC, 0);
  } catch (error) {
    if (isErrno(error, "ENXIO")) throw stopped();
    if (isErrno(error, "ENOENT")) {
      throw new OciError("cannot start an already running container");
    }
    throw error;
  }
}
