/**
 * `volume rm`: volumes removed.
 *
 * @module
 */

import { report } from "./errors.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "no error where there is no such volume" },
} as const satisfies FlagTable;

/** The help of `volume rm`. */
export const help: Help = {
  usage: "volume rm [FLAGS] VOLUME…",
  summary: "remove volumes that no container uses, with all that is in them",
  flags: { Flags: FLAGS },
  examples: [{ command: "volume rm data cache", does: "two of them" }],
};

/** Removes volumes. */
export async function rm(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("volume rm needs a volume: volume rm data");
  const { NoSuchVolumeError, removeVolume } = await import("../runtime/named_volumes.ts");
  let code = 0;
  for (const name of operands) {
    try {
      await removeVolume(root, name);
      print(`${name}\n`);
    } catch (error) {
      if (flags.force && error instanceof NoSuchVolumeError) continue;
      report(error, { command: "volume", root });
      code = 1;
    }
  }
  return code;
}
