/**
 * `service`: several containers that are alike, behind one name and one port.
 *
 * @module
 */

import type { CommandEntry, Context } from "./main.ts";
import { runSubcommand } from "./subcommands.ts";
import type { Help } from "./usage.ts";

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  create: { file: "./service_create.ts", name: "create" },
  ls: { file: "./service_ls.ts", name: "list" },
  ps: { file: "./service_ps.ts", name: "ps" },
  scale: { file: "./service_scale.ts", name: "scale" },
  rm: { file: "./service_rm.ts", name: "rm" },
};

/** The help of `service`. */
export const help: Help = {
  usage: "service create|ls|ps|scale|rm …",
  summary: "run several containers that are alike, behind one name and one port",
  about: [
    "Each connection to a published port goes to the next container that is well. In a network " +
    "that you made, the service's name stands for all of them. service COMMAND --help shows the " +
    "flags of each.",
  ],
  examples: [
    {
      command: "service create --name web --replicas 3 --publish 8080:80 nginx",
      does: "three of them behind port 8080",
    },
    { command: "service scale web=5", does: "two more" },
    { command: "service rm web", does: "the service, and all of its containers" },
  ],
};

/** Runs one of the commands for services. */
export async function service(args: string[], context: Context): Promise<number> {
  return await runSubcommand("service", COMMANDS, args, context);
}
