/**
 * `oci list`: the containers below the runtime's root.
 *
 * @module
 */

import { listContainers, type OciContainer, stateOf } from "../../runtime/oci/container.ts";
import { type FlagTable, parseFlags, UsageError, wrongValue } from "../flags/grammar.ts";
import { print } from "../output.ts";
import type { Help } from "../usage.ts";
import type { OciContext } from "./context.ts";

const FLAGS = {
  quiet: { short: "q", help: "ids only" },
  format: { short: "f", value: "table|json", help: "how they are written (table)" },
} as const satisfies FlagTable;

/** The help of `oci list`. */
export const help: Help = {
  usage: "oci list [FLAGS]",
  summary: "list containers",
  flags: { Flags: FLAGS },
  examples: [{ command: "oci list -q", does: "an id a line" }],
};

/** Lists containers. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  const { flags: { quiet, format = "table" }, operands } = parseFlags(args, FLAGS);
  if (operands.length) throw new UsageError("list takes no words");
  if (format !== "table" && format !== "json") {
    throw wrongValue("format", format, "is not table or json");
  }
  const containers = listContainers(root);
  if (quiet) print(containers.map(({ record }) => `${record.id}\n`).join(""));
  else if (format === "json") print(`${JSON.stringify(containers.map(describe))}\n`);
  else {
    const { formatTable } = await import("../table.ts");
    const rows = containers.map(describe).map((each) => [
      each.id,
      String(each.pid),
      each.status,
      each.bundle,
      each.created,
      each.owner,
    ]);
    print(formatTable([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows]));
  }
  return 0;
}

function describe(container: OciContainer) {
  const { root: rootfs, created, owner } = container.record;
  return { ...stateOf(container), rootfs, created, owner: owner === 0 ? "root" : String(owner) };
}
