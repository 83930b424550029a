/**
 * `network rm`: networks removed.
 *
 * @module
 */

import { report } from "./errors.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "no error where there is no such network" },
} as const satisfies FlagTable;

/** The help of `network rm`. */
export const help: Help = {
  usage: "network rm [FLAGS] NETWORK…",
  summary: "remove networks that no container is in",
  flags: { Flags: FLAGS },
  examples: [{ command: "network rm front back", does: "two of them" }],
};

/** Removes networks. */
export async function rm(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("network rm needs a network: network rm front");
  const [{ removeNetwork }, { NoSuchNetworkError }] = await Promise.all([
    import("../runtime/network/manage.ts"),
    import("../runtime/network/request.ts"),
  ]);
  let code = 0;
  for (const word of operands) {
    try {
      await removeNetwork(root, word);
      print(`${word}\n`);
    } catch (error) {
      if (flags.force && error instanceof NoSuchNetworkError) continue;
      report(error, { command: "network", root });
      code = 1;
    }
  }
  return code;
}
