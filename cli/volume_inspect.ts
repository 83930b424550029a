/**
 * `volume inspect`: all that is known of volumes.
 *
 * @module
 */

import type { NamedVolume } from "../runtime/named_volumes.ts";
import { FORMAT_JSON, printJson } from "./json_output.ts";
import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `volume inspect`. */
export const help: Help = {
  usage: "volume inspect [FLAGS] VOLUME…",
  summary: "print all that is known of volumes, as JSON",
  flags: { Flags: FORMAT_JSON },
  examples: [{ command: "volume inspect data", does: "where its files are on the host" }],
};

/** Prints what is known of volumes. */
export async function inspect(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FORMAT_JSON);
  if (operands.length === 0) throw new UsageError("volume inspect needs a volume: data");
  const found: object[] = [];
  for (const name of operands) found.push(await describeVolume(root, name));
  printJson(found, flags.format);
  return 0;
}

/** All that is known of a volume. */
export async function describeVolume(root: string, name: string): Promise<object> {
  const { findVolume } = await import("../runtime/named_volumes.ts");
  return describe(findVolume(root, name));
}

/** The fields that Docker has, and who uses it. */
function describe({ name, mountpoint, created, labels, users }: NamedVolume) {
  return {
    CreatedAt: created.toISOString(),
    Driver: "local",
    Labels: labels,
    Mountpoint: mountpoint,
    Name: name,
    Options: null,
    Scope: "local",
    Containers: users,
  };
}
