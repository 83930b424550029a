/**
 * `system`: the commands for all that is kept below the data root.
 *
 * @module
 */

import type { CommandEntry, Context } from "./main.ts";
import { runSubcommand } from "./subcommands.ts";
import type { Help } from "./usage.ts";

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  df: { file: "./system_df.ts", name: "df" },
  check: { file: "./system_check.ts", name: "check" },
};

/** The help of `system`. */
export const help: Help = {
  usage: "system df|check …",
  summary: "how much disk is used; and whether all that is kept is right",
  about: ["system COMMAND --help shows the flags of each."],
  examples: [
    { command: "system df", does: "images, containers, volumes, cache" },
    { command: "system check --repair", does: "find what is broken, and take it away" },
  ],
};

/** Runs one of the commands. */
export async function system(args: string[], context: Context): Promise<number> {
  return await runSubcommand("system", COMMANDS, args, context);
}
