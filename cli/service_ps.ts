/**
 * `service ps`: the containers of services.
 *
 * @module
 */

import type { ContainerInfo } from "../runtime/containers.ts";
import { formatStatus } from "./container_status.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  quiet: { short: "q", help: "print the IDs alone" },
} as const satisfies FlagTable;

/** The help of `service ps`. */
export const help: Help = {
  usage: "service ps [FLAGS] SERVICE…",
  summary: "list the containers of services",
  about: ["Only those that are healthy, or have no health check, get connections."],
  flags: { Flags: FLAGS },
  examples: [{ command: "service ps web", does: "each container of web, and how it is" }],
};

/** Lists the containers of services. */
export async function ps(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("service ps needs a service: service ps web");
  const { findService } = await import("../runtime/services.ts");
  const found = await Promise.all(operands.map((name) => findService(root, name)));
  const tasks = found.flatMap(({ tasks }) => tasks);
  if (flags.quiet) {
    print(tasks.map(({ id }) => `${id.slice(0, 12)}\n`).join(""));
    return 0;
  }
  const { formatTable, outputWidth } = await import("./table.ts");
  print(formatTable([["ID", "NAME", "IMAGE", "CURRENT STATE"], ...tasks.map(row)], outputWidth()));
  return 0;
}

function row(info: ContainerInfo): string[] {
  const { id, record } = info;
  const image = record.image.replace(/^docker\.io\/(library\/)?/, "");
  return [id.slice(0, 12), record.name ?? "", image, formatStatus(info)];
}
