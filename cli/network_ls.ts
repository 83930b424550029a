/**
 * `network ls`: the networks that there are.
 *
 * @module
 */

import type { Network } from "../runtime/network/state.ts";
import { type FlagTable, parseFlags, UsageError, wrongValue } from "./flags/grammar.ts";
import { hasLabel, parsePair, parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  quiet: { short: "q", help: "print the IDs alone" },
  "no-trunc": { help: "show all digits of each ID" },
  filter: { short: "f", value: "KEY=VALUE", many: true, help: "name=…, id=…, driver=…, label=…" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `network ls`. */
export const help: Help = {
  usage: "network ls [FLAGS]",
  summary: "list the networks",
  about: ["host is this machine's own network, and none is loopback alone."],
  flags: { Flags: FLAGS },
  examples: [{ command: "network ls -q --filter label=mine", does: "the IDs of some of them" }],
};

/** One line, with the names that Docker's JSON has. */
interface Row {
  ID: string;
  Name: string;
  Driver: string;
  Scope: string;
}

/** Lists the networks. */
export async function list(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("network ls takes no names: --filter name=… does");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const filters = (flags.filter ?? []).map(networkFilter);
  const { listNetworks } = await import("../runtime/network/manage.ts");
  const rows = [
    ...listNetworks(root).map(({ network }) => ({ network, driver: "bridge" })),
    ...["host", "none"].map((name) => ({ network: withoutBridge(name), driver: driverOf(name) })),
  ].filter(({ network, driver }) => filters.every((fits) => fits(network, driver)))
    .map(({ network, driver }): Row => ({
      ID: flags["no-trunc"] ? network.id : network.id.slice(0, 12),
      Name: network.name,
      Driver: driver,
      Scope: "local",
    }));
  if (flags.quiet) print(rows.map(({ ID }) => `${ID}\n`).join(""));
  else if (format === "json") print(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  else {
    const { formatTable, outputWidth } = await import("./table.ts");
    const table = rows.map((row) => [row.ID, row.Name, row.Driver, row.Scope]);
    print(formatTable([["NETWORK ID", "NAME", "DRIVER", "SCOPE"], ...table], outputWidth()));
  }
  return 0;
}

/** What Docker lists as networks too: no container is in a bridge there. */
function withoutBridge(name: string): Pick<Network, "id" | "name" | "labels"> {
  return { id: "-".repeat(12), name, labels: {} };
}

function driverOf(name: string): string {
  return name === "none" ? "null" : name;
}

/** Whether a network is meant; Docker's `name` and `id` are parts of theirs. */
export function networkFilter(
  text: string,
): (network: Pick<Network, "id" | "name" | "labels">, driver: string) => boolean {
  const [key, value] = parsePair("filter", text);
  switch (key) {
    case "name":
      return ({ name }) => name.includes(value);
    case "id":
      return ({ id }) => id.startsWith(value);
    case "driver":
      return (_, driver) => driver === value;
    case "label":
      return ({ labels }) => hasLabel(labels, value);
  }
  throw wrongValue("filter", text, "is not name=…, id=…, driver=… or label=…");
}
