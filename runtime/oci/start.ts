/**
 * A created container started: its gate is opened, and its first process becomes its program.
 *
 * An engine waits for this, so it makes do with what Deno has: loading ffi/ would take longer.
 *
 * @module
 */

import { later } from "../later.ts";
import { gateFile, isThere, type OciContainer, OciError, stateOf } from "./container.ts";

/**
 * Opens the gate, and waits until the first process has gone through.
 *
 * @returns what went wrong in hooks that only have to be told of
 * @throws {OciError} for a container that is not waiting
 */
export async function startContainer(container: OciContainer): Promise<Error[]> {
  const { directory, record, status } = container;
  if (status === "stopped") throw new OciError("cannot start a container that has stopped");
  if (status !== "created") throw running();
  open(gateFile(directory));
  const { poststart = [] } = record.spec.hooks ?? {};
  if (!poststart.length) return [];
  const { runAllHooks } = await later<typeof import("../hooks.ts")>(import.meta, "../hooks.ts");
  return await runAllHooks("poststart", poststart, { ...stateOf(container), status: "running" });
}

function running(): OciError {
  return new OciError("cannot start an already running container");
}

function open(path: string): void {
  using gate = take(path);
  gate.writeSync(new TextEncoder().encode("s"));
  // the first process has it locked until execve(2) has closed it, or it is dead
  gate.lockSync(true);
  // of two that start it at once, the second one gets the lock when there is no gate any more
  if (!isThere(path)) throw running();
  Deno.removeSync(path);
}

/** The gate, open for both: to open a FIFO for writing alone is to wait for a reader, fifo(7). */
function take(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    throw error instanceof Deno.errors.NotFound ? running() : error;
  }
}
