/**
 * `volume prune`: the volumes removed that no container uses.
 *
 * @module
 */

import type { NamedVolume } from "../runtime/named_volumes.ts";
import { formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";
import { volumeFilter } from "./volume_ls.ts";

const FLAGS = {
  all: { short: "a", help: "also those that somebody has named" },
  force: { short: "f", help: "do not ask" },
  filter: { value: "KEY=VALUE", many: true, help: "only those with label=KEY[=VALUE], label!=…" },
} as const satisfies FlagTable;

/** The help of `volume prune`. */
export const help: Help = {
  usage: "volume prune [FLAGS]",
  summary: "remove volumes that no container uses, with all that is in them",
  about: [
    "Without -a that is only what volume create has made without a name: a name says that " +
    "somebody wants to come back.",
  ],
  flags: { Flags: FLAGS },
  examples: [{ command: "volume prune -a", does: "it asks first" }],
};

/** Prunes the volumes. */
export async function prune(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("volume prune takes no names: volume rm does");
  const filters = (flags.filter ?? []).map(volumeFilter);
  if (!flags.force) {
    const { confirm } = await import("./ask.ts");
    const which = flags.all ? "all volumes" : "all volumes without a name of their own";
    if (!await confirm(`This will remove ${which} that no container uses. Go on?`)) return 0;
  }
  const bytes = await pruneUnused(root, (volume) => {
    return (flags.all || volume.isNameless) && filters.every((fits) => fits(volume));
  });
  print(`Total reclaimed space: ${formatSize(bytes)}\n`);
  return 0;
}

/** Removes the volumes that are meant and that no container uses, and prints their names. */
export async function pruneUnused(
  root: string,
  isMeant: (volume: NamedVolume) => boolean,
): Promise<number> {
  const [{ pruneVolumes }, { treeSize }] = await Promise.all([
    import("../runtime/named_volumes.ts"),
    import("../runtime/disk_use.ts"),
  ]);
  let bytes = 0;
  const names = await pruneVolumes(root, (volume) => {
    if (!isMeant(volume)) return false;
    bytes += treeSize(volume.mountpoint).bytes;
    return true;
  });
  if (names.length > 0) print(`Deleted Volumes:\n${names.map((name) => `${name}\n`).join("")}`);
  return bytes;
}
