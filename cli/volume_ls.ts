/**
 * `volume ls`: the volumes that there are.
 *
 * @module
 */

import type { NamedVolume } from "../runtime/named_volumes.ts";
import { type FlagTable, parseFlags, UsageError, wrongValue } from "./flags/grammar.ts";
import { hasLabel, parsePair, parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  quiet: { short: "q", help: "print the names alone" },
  filter: { short: "f", value: "KEY=VALUE", many: true, help: "name=…, label=…, dangling=true" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `volume ls`. */
export const help: Help = {
  usage: "volume ls [FLAGS]",
  summary: "list the volumes that have a name",
  about: [
    "What -v DEST gives a container without a name is the container's own, and goes with it. " +
    "system df -v shows how large volumes are.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "volume ls -q --filter dangling=true", does: "those that no container uses" },
  ],
};

/** Lists the volumes. */
export async function list(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("volume ls takes no names: --filter name=… does");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const filters = (flags.filter ?? []).map(volumeFilter);
  const { listVolumes } = await import("../runtime/named_volumes.ts");
  const found = listVolumes(root).filter((volume) => filters.every((fits) => fits(volume)));
  if (flags.quiet) print(found.map(({ name }) => `${name}\n`).join(""));
  else if (format === "json") print(found.map((each) => `${JSON.stringify(row(each))}\n`).join(""));
  else {
    const { formatTable, outputWidth } = await import("./table.ts");
    const table = found.map(({ name }) => ["local", name]);
    print(formatTable([["DRIVER", "VOLUME NAME"], ...table], outputWidth()));
  }
  return 0;
}

/** The names that Docker's JSON has. */
function row({ name, mountpoint, labels }: NamedVolume): Record<string, string> {
  return {
    Driver: "local",
    Labels: Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(","),
    Mountpoint: mountpoint,
    Name: name,
    Scope: "local",
  };
}

/** Whether a volume is meant; Docker's `name` is a part of it. */
export function volumeFilter(text: string): (volume: NamedVolume) => boolean {
  const [key, value] = parsePair("filter", text);
  switch (key) {
    case "name":
      return ({ name }) => name.includes(value);
    case "label":
      return ({ labels }) => hasLabel(labels, value);
    case "label!":
      return ({ labels }) => !hasLabel(labels, value);
    case "driver":
      return () => value === "local";
    case "dangling": {
      const wanted = parseWord("filter dangling", value, ["true", "false"]) === "true";
      return ({ users }) => (users.length === 0) === wanted;
    }
  }
  throw wrongValue("filter", text, "is not name=…, label=…, driver=… or dangling=…");
}
