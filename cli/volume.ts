/**
 * `volume`: named volumes made, shown and removed.
 *
 * @module
 */

import type { CommandEntry, Context } from "./main.ts";
import { runSubcommand } from "./subcommands.ts";
import type { Help } from "./usage.ts";

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  create: { file: "./volume_create.ts", name: "create" },
  ls: { file: "./volume_ls.ts", name: "list" },
  inspect: { file: "./volume_inspect.ts", name: "inspect" },
  rm: { file: "./volume_rm.ts", name: "rm" },
  prune: { file: "./volume_prune.ts", name: "prune" },
};

/** The help of `volume`. */
export const help: Help = {
  usage: "volume create|ls|inspect|rm|prune …",
  summary: "make volumes, list and remove them",
  about: [
    "A volume is a directory that containers share, and that outlives them: run -v NAME:DEST uses " +
    "one, and makes it where it is missing. volume COMMAND --help shows the flags of each.",
  ],
  examples: [
    { command: "volume ls", does: "all of them" },
    { command: "volume inspect data", does: "where its files are on the host" },
    { command: "volume rm data", does: "its files go with it" },
  ],
};

/** Runs one of the commands for volumes. */
export async function volume(args: string[], context: Context): Promise<number> {
  return await runSubcommand("volume", COMMANDS, args, context);
}
