/**
 * `service ls`: the services that there are.
 *
 * @module
 */

import type { ServiceInfo } from "../runtime/services.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { formatPorts } from "./published.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  quiet: { short: "q", help: "print the IDs alone" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `service ls`. */
export const help: Help = {
  usage: "service ls [FLAGS]",
  summary: "list the services",
  flags: { Flags: FLAGS },
  examples: [{ command: "service ls", does: "each with how many of its containers run" }],
};

/** One line, with the names that Docker's JSON has. */
interface Row {
  ID: string;
  Name: string;
  Mode: string;
  Replicas: string;
  Image: string;
  Ports: string;
}

/** Lists the services. */
export async function list(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("service ls takes no names: service ps does");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const { listServices } = await import("../runtime/services.ts");
  const rows = (await listServices(root)).map(describe);
  if (flags.quiet) print(rows.map(({ ID }) => `${ID}\n`).join(""));
  else if (format === "json") print(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  else {
    const { formatTable, outputWidth } = await import("./table.ts");
    const table = rows.map((row) => Object.values(row) as string[]);
    print(
      formatTable([["ID", "NAME", "MODE", "REPLICAS", "IMAGE", "PORTS"], ...table], outputWidth()),
    );
  }
  return 0;
}

function describe({ record, ports, tasks }: ServiceInfo): Row {
  const running = tasks.filter(({ state }) => state === "running").length;
  return {
    ID: record.id.slice(0, 12),
    Name: record.name,
    Mode: "replicated",
    Replicas: `${running}/${record.replicas}`,
    Image: record.image.replace(/^docker\.io\/(library\/)?/, ""),
    Ports: formatPorts(ports),
  };
}
