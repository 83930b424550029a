/**
 * `container`: the commands for containers under Docker's longer names, and `prune`.
 *
 * @module
 */

import type { CommandEntry, Context } from "./main.ts";
import { COMMANDS } from "./main.ts";
import { runSubcommand } from "./subcommands.ts";
import type { Help } from "./usage.ts";

/** The commands that are about containers, as they are without `container` before them. */
const SAME = [
  ...["run", "create", "start", "stop", "restart", "kill", "rm", "wait", "pause", "unpause"],
  ...["rename", "update", "inspect", "exec", "attach", "logs", "top", "stats", "diff", "cp"],
  ...["port", "commit", "export"],
];

const TABLE: Readonly<Record<string, CommandEntry>> = {
  prune: { file: "./container_prune.ts", name: "prune" },
  ls: COMMANDS.ps,
  ...Object.fromEntries(
    SAME.filter((name) => Object.hasOwn(COMMANDS, name)).map((name) => [name, COMMANDS[name]]),
  ),
};

/** The help of `container`. */
export const help: Help = {
  usage: "container prune|ls|run|create|start|stop|… …",
  summary: "prune containers; and the other commands for them",
  about: [
    "ls is ps; the others have the same name without container before it. container COMMAND " +
    "--help shows the flags of each.",
  ],
  examples: [{ command: "container prune", does: "remove all containers that do not run" }],
};

/** Runs one of the commands for containers. */
export async function container(args: string[], context: Context): Promise<number> {
  return await runSubcommand("container", TABLE, args, context);
}
