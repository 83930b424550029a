/**
 * `network prune`: every network removed that no container is in.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { networkFilter } from "./network_ls.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "do not ask" },
  filter: { value: "KEY=VALUE", many: true, help: "only those with label=KEY[=VALUE]" },
} as const satisfies FlagTable;

/** The help of `network prune`. */
export const help: Help = {
  usage: "network prune [FLAGS]",
  summary: "remove all networks that no container runs in",
  about: ["A container that does not run needs its network again when it is started."],
  flags: { Flags: FLAGS },
  examples: [{ command: "network prune -f --filter label=test", does: "some of them, unasked" }],
};

/** Prunes the networks. */
export async function prune(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("network prune takes no names: network rm does");
  const filters = (flags.filter ?? []).map(networkFilter);
  if (!flags.force) {
    const { confirm } = await import("./ask.ts");
    if (!await confirm("This will remove all networks that no container runs in. Go on?")) return 0;
  }
  await pruneIdle(root, filters);
  return 0;
}

/** Removes the networks that are meant and that no container runs in, and prints their names. */
export async function pruneIdle(
  root: string,
  filters: readonly ReturnType<typeof networkFilter>[] = [],
): Promise<void> {
  const { pruneNetworks } = await import("../runtime/network/manage.ts");
  const names = await pruneNetworks(
    root,
    (network) => filters.every((fits) => fits(network, "bridge")),
  );
  if (names.length > 0) print(`Deleted Networks:\n${names.map((name) => `${name}\n`).join("")}`);
}
