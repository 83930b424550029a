/**
 * `oci ps`: the processes in a container, as the host counts them.
 *
 * @module
 */

import { processesIn } from "../../runtime/cgroups/lifecycle.ts";
import { findContainer } from "../../runtime/oci/container.ts";
import { type FlagTable, parseFlags, UsageError, wrongValue } from "../flags/grammar.ts";
import { print } from "../output.ts";
import type { Help } from "../usage.ts";
import type { OciContext } from "./context.ts";

const FLAGS = {
  format: { short: "f", value: "table|json", help: "how they are written (table)" },
} as const satisfies FlagTable;

/** The help of `oci ps`. */
export const help: Help = {
  usage: "oci ps [FLAGS] ID [PS-FLAGS…]",
  summary: "list the processes in a container",
  flags: { Flags: FLAGS },
  examples: [
    { command: "oci ps --format json box", does: "their process ids" },
    { command: "oci ps box -o pid,comm", does: "as ps(1) shows them" },
  ],
};

/** Lists the processes. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  const { flags: { format = "table" }, operands } = parseFlags(args, FLAGS, { stopEarly: true });
  const [id, ...words] = operands;
  if (id === undefined) throw new UsageError("ps takes the id of one container");
  if (format !== "table" && format !== "json") {
    throw wrongValue("format", format, "is not table or json");
  }
  const { process, record: { cgroup } } = findContainer(root, id);
  const pids = cgroup ? processesIn(cgroup) : process ? [process.pid] : [];
  if (format === "json") print(`${JSON.stringify(pids)}\n`);
  else print(await table(pids, words.length ? words : ["-ef"]));
  return 0;
}

/** What ps(1) says of these processes, with its own first line. */
async function table(pids: number[], words: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("ps", { args: words }).output();
  if (!success) throw new UsageError(`ps ${words.join(" ")}: ${decode(stderr).trim()}`);
  const [head, ...lines] = decode(stdout).trimEnd().split("\n");
  const column = head.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw new UsageError("ps has to show the column PID, by which they are found");
  const own = lines.filter((line) => pids.includes(Number(line.trim().split(/\s+/)[column])));
  return [head, ...own].map((line) => `${line}\n`).join("");
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
