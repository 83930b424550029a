/**
 * The lock of a container: whoever changes what a container is, or whether it runs, holds it.
 *
 * It is flock(2)'s, on the container's own directory, so it ends with its holder and goes with the
 * container; there is no file for it that could be left behind.
 *
 * @module
 */

import { containerDirectory } from "./records.ts";

/** A lock that is held; `using` lets go of it. */
export type Lock = Disposable;

/** How long somebody else's work on a container is waited for, in milliseconds. */
const PATIENCE = 30_000;

/** Somebody else works on the container, for longer than anybody should. */
export class ContainerBusyError extends Error {
  /** always `"ContainerBusyError"` */
  override name = "ContainerBusyError";
}

/**
 * Locks a container, and waits for whoever has locked it before.
 *
 * @returns `undefined` where there is no such container, or none any more
 * @throws {ContainerBusyError} after half a minute
 */
export async function lockContainer(dataRoot: string, id: string): Promise<Lock | undefined> {
  const end = performance.now() + PATIENCE;
  for (let pause = 2;; pause = Math.min(2 * pause, 100)) {
    const lock = tryLockContainer(dataRoot, id);
    if (lock !== "held") return lock;
    if (performance.now() > end) {
      throw new ContainerBusyError(
        `${id.slice(0, 12)}: another command has been working on this container for ` +
          `${PATIENCE / 1000} s: wait for it, or end it`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Locks a container unless it is `"held"`; `undefined` where there is no such container. */
export function tryLockContainer(dataRoot: string, id: string): Lock | "held" | undefined {
  const path = containerDirectory(dataRoot, id);
  let directory: Deno.FsFile;
  try {
    directory = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (!directory.tryLockSync(true)) {
    directory.close();
    return "held";
  }
  // it may have been removed while somebody else held it
  if (isGone(path)) {
    directory.close();
    return undefined;
  }
  return { [Symbol.dispose]: () => directory.close() };
}

/** Ids are never used twice: what has the name is the directory that was locked. */
function isGone(path: string): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch {
    return true;
  }
}
