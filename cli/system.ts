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
  prune: { file: "./system_prune.ts", name: "prune" },
  events: { file: "./events.ts", name: "events" },
  check: { file: "./system_check.ts", name: "check" },
};

/** The help of `system`. */
export const help: Help = {
  usage: "system df|prune|check|events …",
  summary: "how much disk is used, what could go, and whether all of it is right",
  about: ["events is there without system before it, too. system COMMAND --help shows the flags."],
  examples: [
    { command: "system df", does: "images, containers, volumes, cache" },
    { command: "system prune", does: "remove what nobody uses; it asks first" },
    { command: "system check --repair", does: "find what is broken, and take it away" },
  ],
};

/** Runs one of the commands. */
export async function system(args: string[], context: Context): Promise<number> {
  return await runSubcommand("system", COMMANDS, args, context);
}
