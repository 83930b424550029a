/**
 * `network`: networks made, shown and removed, and containers put into them.
 *
 * @module
 */

import type { CommandEntry, Context } from "./main.ts";
import { runSubcommand } from "./subcommands.ts";
import type { Help } from "./usage.ts";

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  create: { file: "./network_create.ts", name: "create" },
  ls: { file: "./network_ls.ts", name: "list" },
  inspect: { file: "./network_inspect.ts", name: "inspect" },
  rm: { file: "./network_rm.ts", name: "rm" },
  prune: { file: "./network_prune.ts", name: "prune" },
  connect: { file: "./network_connect.ts", name: "connect" },
  disconnect: { file: "./network_disconnect.ts", name: "disconnect" },
};

/** The help of `network`. */
export const help: Help = {
  usage: "network create|ls|inspect|rm|prune|connect|disconnect …",
  summary: "make networks, and put containers into them",
  about: [
    "A container is in the network bridge unless told otherwise. In one that you make, containers " +
    "know each other by name, and nobody in another network reaches them but by published ports. " +
    "network COMMAND --help shows the flags of each.",
  ],
  examples: [
    { command: "network create front", does: "a network for run --network front" },
    { command: "network ls", does: "all of them" },
    { command: "network connect --alias db front mine", does: "a container that runs joins it" },
  ],
};

/** Runs one of the commands for networks. */
export async function network(args: string[], context: Context): Promise<number> {
  return await runSubcommand("network", COMMANDS, args, context);
}
