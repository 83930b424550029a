/**
 * `version`: of Tiffin, and of what it runs on.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

/** Tiffin's own version. */
export const VERSION: string = config.version;

const FLAGS = {
  format: { short: "f", value: "FORM", help: "text (the default) or json" },
} as const satisfies FlagTable;

/** The help of `version`. */
export const help: Help = {
  usage: "version [FLAGS]",
  summary: "print the versions of Tiffin, Deno and the kernel",
  flags: { Flags: FLAGS },
  examples: [{ command: "version", does: "one line, for a bug report" }],
};

/** Prints them. */
// deno-lint-ignore require-await
export async function version(args: string[]): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("version takes no words");
  const { version: { deno }, build: { arch } } = Deno;
  const linux = Deno.osRelease();
  const isJson = parseWord("format", flags.format ?? "text", ["text", "json"]) === "json";
  print(
    isJson
      ? `${JSON.stringify({ Version: VERSION, Deno: deno, KernelVersion: linux, Arch: arch })}\n`
      : `tiffin ${VERSION} (Deno ${deno}, Linux ${linux}, ${arch})\n`,
  );
  return 0;
}
