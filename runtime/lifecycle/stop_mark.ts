/**
 * The mark of a container that somebody has stopped: its restart policy does not apply any more.
 *
 * @module
 */

/** The file that is there from a `stop`, or a `kill` that ends it, until the next start. */
export function stopMark(directory: string): string {
  return `${directory}/stopped`;
}

/** Says that somebody wants the container to end. */
export function markStopped(directory: string): void {
  Deno.writeTextFileSync(stopMark(directory), "", { mode: 0o600 });
}

/** Whether somebody has stopped the container since it was started. */
export function isStopped(directory: string): boolean {
  try {
    Deno.lstatSync(stopMark(directory));
    return true;
  } catch {
    return false;
  }
}
