/**
 * `volume create`: a volume made before a container wants it.
 *
 * @module
 */

import {
  type FlagTable,
  type Hidden,
  parseFlags,
  UsageError,
  wrongValue,
} from "./flags/grammar.ts";
import { volumeNameProblem } from "./flags/storage_kinds.ts";
import { parseLabel } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  label: { value: "KEY[=VALUE]", many: true, help: "put a label on it" },
  driver: { short: "d", value: "local", help: "local, the only one there is" },
} as const satisfies FlagTable;

const HIDDEN: Readonly<Record<string, Hidden>> = {
  opt: { short: "o", refused: "a volume is a directory here; run --mount type=bind takes others" },
};

/** The help of `volume create`. */
export const help: Help = {
  usage: "volume create [FLAGS] [NAME]",
  summary: "make a volume",
  about: [
    "Prints its name; without a name it gets one. One that is there stays as it is. The first " +
    "container that uses it fills it with what the image has in its place.",
  ],
  flags: { Flags: FLAGS },
  examples: [{ command: "volume create data", does: "for run -v data:/srv" }],
};

/** Makes a volume. */
export async function create(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS, { hidden: HIDDEN });
  const [name] = operands;
  if (operands.length > 1) {
    throw new UsageError("volume create makes one volume: volume create data");
  }
  const problem = name === undefined ? undefined : volumeNameProblem(name);
  if (problem !== undefined) throw new UsageError(`${JSON.stringify(name)} ${problem}`);
  if (flags.driver !== undefined && flags.driver !== "local") {
    throw wrongValue("driver", flags.driver, "is not local, the only driver there is");
  }
  const labels = Object.fromEntries((flags.label ?? []).map(parseLabel));
  const { createVolume } = await import("../runtime/named_volumes.ts");
  print(`${createVolume(root, { name, labels })}\n`);
  return 0;
}
