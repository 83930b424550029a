/**
 * `container prune`: remove all containers that do not run.
 *
 * @module
 */

import { type ContainerFilter, pruneFilter } from "./flags/container_filter.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { formatSize } from "./amounts.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "do not ask" },
  filter: {
    value: "KEY=VALUE",
    many: true,
    help: "only those that are older (until=24h), or have a label (label=KEY[=VALUE], label!=…)",
  },
} as const satisfies FlagTable;

/** The help of `container prune`. */
export const help: Help = {
  usage: "container prune [FLAGS]",
  summary: "remove all containers that do not run",
  flags: { Flags: FLAGS },
  examples: [
    { command: "container prune", does: "it asks first" },
    { command: "container prune -f --filter until=24h", does: "those of yesterday and before" },
  ],
};

/** Removes the containers that do not run. */
export async function prune(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("container prune takes no names: rm does");
  const fits = pruneFilter(flags.filter);
  if (!flags.force) {
    const { confirm } = await import("./ask.ts");
    if (!await confirm("This will remove all containers that do not run. Go on?")) return 0;
  }
  print(`Total reclaimed space: ${formatSize(await pruneContainers(root, fits))}\n`);
  return 0;
}

/** Removes those that are meant, and prints their IDs. @returns how many bytes they took */
export async function pruneContainers(root: string, fits: ContainerFilter): Promise<number> {
  const [{ listContainers }, { removeContainer }, { StateError }, { treeSize }] = await Promise.all(
    [
      import("../runtime/containers.ts"),
      import("../runtime/lifecycle/remove.ts"),
      import("../runtime/lifecycle/state_error.ts"),
      import("../runtime/disk_use.ts"),
    ],
  );
  let bytes = 0;
  for (const info of await listContainers(root)) {
    if (info.owner || (info.state !== "created" && info.state !== "exited") || !fits(info)) {
      continue;
    }
    const { bytes: size } = treeSize(`${info.directory}/upper`);
    try {
      await removeContainer(root, info.id);
    } catch (error) {
      // somebody has started it meanwhile
      if (!(error instanceof StateError)) throw error;
      continue;
    }
    bytes += size;
    print(`${info.id}\n`);
  }
  return bytes;
}
