/**
 * `oci events`: what a container uses, again and again, as JSON.
 *
 * @module
 */

import { readStats } from "../../runtime/cgroups/stats.ts";
import { findContainer, type OciContainer, OciError } from "../../runtime/oci/container.ts";
import { type FlagTable, parseFlags, wrongValue } from "../flags/grammar.ts";
import { print } from "../output.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";

const FLAGS = {
  stats: { help: "once, and no more" },
  interval: { value: "TIME", help: "the time in between: 500ms, 5s, 1m (5s)" },
} as const satisfies FlagTable;

/** The help of `oci events`. */
export const help: Help = {
  usage: "oci events [FLAGS] ID",
  summary: "print what a container uses",
  flags: { Flags: FLAGS },
  examples: [{ command: "oci events --stats box", does: "one line of JSON" }],
};

/** Prints what is used until the container has ended. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const id = onlyId("events", operands);
  const pause = readTime(flags.interval ?? "5s");
  let container = findContainer(root, id);
  if (!container.process) throw new OciError(`container with id ${id} is not running`);
  print(event(container));
  while (!flags.stats) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    container = findContainer(root, id);
    if (!container.process) break;
    print(event(container));
  }
  return 0;
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function readTime(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const time = Number(number) * UNITS[unit];
  if (time > 0) return time;
  throw wrongValue("interval", text, "is not a time, as 500ms or 5s");
}

/** One line in runc's form. */
function event({ record: { id, cgroup } }: OciContainer): string {
  const { cpu, memory, pids, io } = cgroup ? readStats(cgroup) : {};
  const nanoseconds = (microseconds = 0) => microseconds * 1000;
  const data = {
    cpu: {
      usage: {
        total: nanoseconds(cpu?.usage),
        kernel: nanoseconds(cpu?.system),
        user: nanoseconds((cpu?.usage ?? 0) - (cpu?.system ?? 0)),
      },
      throttling: { throttledPeriods: cpu?.throttled ?? 0 },
    },
    memory: memory && {
      cache: memory.inactiveFile,
      usage: { usage: memory.usage, limit: memory.limit ?? 2 ** 63 },
    },
    pids,
    blkio: io && {
      ioServiceBytesRecursive: [{ op: "Read", value: io.read }, { op: "Write", value: io.written }],
    },
  };
  return `${JSON.stringify({ type: "stats", id, data })}\n`;
}
