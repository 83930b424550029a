/**
 * `system prune`: all removed that nobody uses.
 *
 * @module
 */

import { formatSize } from "./amounts.ts";
import { type FlagTable, type Hidden, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  all: { short: "a", help: "also images that no container uses, with all their names" },
  volumes: { help: "also volumes that no container uses, unless somebody has named them" },
  force: { short: "f", help: "do not ask" },
} as const satisfies FlagTable;

const HIDDEN: Readonly<Record<string, Hidden>> = {
  filter: { refused: "each kind has filters of its own: container prune, image prune, …" },
};

/** The help of `system prune`. */
export const help: Help = {
  usage: "system prune [FLAGS]",
  summary: "remove what nobody uses: containers, networks, images",
  about: [
    "That is container prune, image prune and network prune, one after the other: a container that " +
    "has ended holds on to its image.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "system prune", does: "it asks first" },
    { command: "system prune -af --volumes", does: "all that can be made or fetched again" },
  ],
};

/** Removes what nobody uses. */
export async function prune(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS, { hidden: HIDDEN });
  if (operands.length > 0) throw new UsageError("system prune takes no names");
  if (!flags.force) {
    const { confirm } = await import("./ask.ts");
    const what = [
      "all containers that do not run",
      ...(flags.volumes ? ["all nameless volumes that no container uses"] : []),
      flags.all
        ? "all images that no container uses"
        : "all images that no name and no container leads to",
      "all networks that no container runs in",
    ];
    const list = what.map((each) => `  ${each}\n`).join("");
    if (!await confirm(`This will remove\n${list}Go on?`)) return 0;
  }
  const [{ pruneContainers }, { pruneIdle }, { pruneUnused }, { pruneImages }] = await Promise.all([
    import("./container_prune.ts"),
    import("./network_prune.ts"),
    import("./volume_prune.ts"),
    import("./image_prune.ts"),
  ]);
  let bytes = await pruneContainers(root, () => true);
  if (flags.volumes) bytes += await pruneUnused(root, ({ isNameless }) => isNameless);
  bytes += await pruneImages(root, flags.all ? () => true : undefined);
  // at last: on a disk that is full until now nothing can be written down
  await pruneIdle(root);
  print(`Total reclaimed space: ${formatSize(bytes)}\n`);
  return 0;
}
