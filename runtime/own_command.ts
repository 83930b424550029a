/**
 * Tiffin's own command line, for a process that is left to do something when this one has ended.
 *
 * @module
 */

/** What execve(2) takes. */
export interface OwnCommand {
  /** the program's path */
  path: string;
  /** its arguments, `argv[0]` among them */
  args: string[];
  /** its whole environment */
  env: string[];
}

/** What starts `tiffin` with some words, on the same data root and in this process's environment. */
export function ownCommand(dataRoot: string, ...words: string[]): OwnCommand {
  const path = Deno.execPath();
  const main = new URL("../mod.ts", import.meta.url).pathname;
  const env = Object.entries(Deno.env.toObject()).map(([name, value]) => `${name}=${value}`);
  return { path, args: [path, "run", "--quiet", "-A", main, "--root", dataRoot, ...words], env };
}
