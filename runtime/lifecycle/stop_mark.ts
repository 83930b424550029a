/**
 * The mark of a container that somebody has stopped: its restart policy does not apply any more.
 *
 * @module
 */

import type { ContainerInfo } from "../containers.ts";

/** The file that is there from a `stop`, or a `kill` that ends it, until the next start. */
export function stopMark(directory: string): string {
  return `${directory}/stopped`;
}

/**
 * Says that somebody wants the container to end.
 *
 * Where there is no policy, nothing is written: a disk that has become read-only would be in the
 * way of a `stop` for no reason.
 */
export function markStopped({ directory, record }: ContainerInfo): void {
  if (record.request.restart) Deno.writeTextFileSync(stopMark(directory), "", { mode: 0o600 });
}

/** Whether somebody has stopped the container since it was started. */
export function isStopped(directory: string): boolean {
  try {
    Deno.lstatSync(stopMark(directory));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
