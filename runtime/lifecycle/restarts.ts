/**
 * How often a container was started by its restart policy since somebody started it.
 *
 * @module
 */

import { removeFile } from "../remove_directory.ts";

/** The file that counts how often a container was started by its policy since somebody did. */
function restartsFile(directory: string): string {
  return `${directory}/restarts`;
}

/** How often a container was started again by its policy. */
export function restartsOf(directory: string): number {
  try {
    return Number(Deno.readTextFileSync(restartsFile(directory)));
  } catch {
    return 0;
  }
}

/** Says how often it was. */
export function noteRestarts(directory: string, count: number): void {
  Deno.writeTextFileSync(restartsFile(directory), String(count), { mode: 0o600 });
}

/** Forgets how often; somebody has started it. */
export function forgetRestarts(directory: string): void {
  removeFile(restartsFile(directory));
}
