/**
 * A pid file: the number of a process in a file of an engine's, digits and nothing else.
 *
 * @module
 */

/** Writes it under another name first, so that whoever waits for the file reads it whole. */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/") + 1;
  const other = `${path.slice(0, slash)}.${path.slice(slash)}`;
  Deno.writeTextFileSync(other, String(pid), { mode: 0o666 });
  Deno.renameSync(other, path);
}
