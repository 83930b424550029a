/**
 * `service create`: containers that are alike, started behind one name and one port.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError, wrongFlag, wrongValue } from "./flags/grammar.ts";
import { RUN_FLAG_GROUPS, RUN_FLAGS, RUN_HIDDEN } from "./flags/run_table.ts";
import { parseWhole } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  replicas: { value: "NUMBER", help: "how many containers (1)" },
  "restart-condition": { value: "WHEN", help: "start again: any (the default), on-failure, none" },
  mode: { value: "replicated", help: "replicated, the only one: there is one machine" },
} as const satisfies FlagTable;

const { "Watching it start": _, ...groups } = RUN_FLAG_GROUPS;

/** The help of `service create`. */
export const help: Help = {
  usage: "service create --name NAME [FLAGS] IMAGE [COMMAND [ARGUMENT…]]",
  summary: "start containers that are alike, behind one name and one port",
  about: [
    "It takes the flags of run, for each container. What --publish names is the service's: each " +
    "connection goes to the next container that is well; --health-cmd says how to find out.",
  ],
  flags: { "The service": FLAGS, ...groups },
  examples: [{
    command: "service create --name web --replicas 3 --publish 8080:80 nginx",
    does: "three of them behind port 8080",
  }],
};

/** What cannot be the same for several containers, or is said in another way. */
const REFUSED = [
  ...["ip", "ip6", "mac-address", "cidfile", "rm", "restart", "publish-all", "hostname"],
  ...["interactive", "tty", "explain", "trace", "rootfs"],
] as const;

/** Makes a service, and prints its ID. */
export async function create(args: string[], { root }: Context): Promise<number> {
  const { flags } = parseFlags(args, { ...FLAGS, ...RUN_FLAGS }, {
    stopEarly: true,
    hidden: RUN_HIDDEN,
  });
  const other = REFUSED.find((name) => flags[name] !== undefined);
  if (other) throw wrongFlag(`--${other} means nothing for several containers that are alike`);
  if (flags.name === undefined) {
    throw new UsageError("service create needs a name: service create --name web nginx");
  }
  if (flags.mode !== undefined && flags.mode !== "replicated") {
    throw wrongValue("mode", flags.mode, "is not replicated, the only mode there is");
  }
  const replicas = flags.replicas === undefined ? 1 : parseReplicas("replicas", flags.replicas);
  const restart = restartOf(flags["restart-condition"] ?? "any");
  const [{ toRequest }, { parseRunFlags }, { createService }] = await Promise.all([
    import("./run.ts"),
    import("./run_flags.ts"),
    import("../runtime/services.ts"),
  ]);
  const command = await parseRunFlags(args, FLAGS);
  const request = await toRequest(command, root, true);
  if (request.options.network !== undefined || request.network?.shares !== undefined) {
    throw wrongFlag("--network: a service needs a network of its own, bridge or one that you made");
  }
  const { record } = await createService({
    name: flags.name,
    replicas,
    request: { ...request, restart },
  });
  print(`${record.id}\n`);
  return 0;
}

/** A number of containers. */
export function parseReplicas(flag: string, text: string): number {
  return parseWhole(flag, text, 0, 1000);
}

function restartOf(word: string) {
  if (word === "any") return { name: "always", limit: 0 } as const;
  if (word === "on-failure") return { name: "on-failure", limit: 0 } as const;
  if (word === "none") return undefined;
  throw wrongValue("restart-condition", word, "is not any, on-failure or none");
}
