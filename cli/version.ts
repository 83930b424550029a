/**
 * `version`: of Tiffin, and of what it runs on.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { parseFlags, UsageError } from "./flags/grammar.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

/** Tiffin's own version. */
export const VERSION: string = config.version;

/** The help of `version`. */
export const help: Help = {
  usage: "version",
  summary: "print the versions of Tiffin, Deno and the kernel",
  examples: [{ command: "version", does: "one line, for a bug report" }],
};

/** Prints one line. */
// deno-lint-ignore require-await
export async function version(args: string[]): Promise<number> {
  if (parseFlags(args, {}).operands.length > 0) throw new UsageError("version takes no words");
  const { version, build } = Deno;
  print(
    `tiffin ${VERSION} (Deno ${version.deno}, Linux ${Deno.osRelease()}, ${build.arch})\n`,
  );
  return 0;
}
