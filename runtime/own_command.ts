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
  // as a URL: in its path, a space of the directory's name would be %20
  const main = new URL("../mod.ts", import.meta.url).href;
  const env = Object.entries(Deno.env.toObject()).map(([name, value]) => `${name}=${value}`);
  return { path, args: [path, "run", "--quiet", "-A", main, "--root", dataRoot, ...words], env };
}
