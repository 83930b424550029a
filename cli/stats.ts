/**
 * `stats`: what containers use, once or all the time.
 *
 * @module
 */

import type { ContainerInfo } from "../runtime/containers.ts";
import { cpuShare, type Sample, sample } from "../runtime/stats.ts";
import { formatBinary, formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { isScreen, print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  all: { short: "a", help: "also those that do not run" },
  "no-stream": { help: "print it once" },
  "no-trunc": { help: "whole IDs" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

/** The help of `stats`. */
export const help: Help = {
  usage: "stats [FLAGS] [CONTAINER…]",
  summary: "show what containers use, and how it changes",
  about: [
    "100 % is one processor. The pressure is the share of the last ten seconds in which something " +
    "waited for processor, memory and disk, where the kernel counts it. On a narrow screen a container " +
    "has two lines. Ctrl-C ends it.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "stats", does: "all that run, anew each second" },
    { command: "stats --no-stream --format json web", does: "the numbers of one, for a program" },
  ],
};

/** The time between two looks, in milliseconds. */
const PERIOD = 1000;
/** The same for one line only: long enough to count processor time. */
const ONCE = 500;

/** One container, as it was and as it is. */
interface Look {
  info: ContainerInfo;
  before?: Sample;
  now?: Sample;
}

/** Shows what containers use. */
export async function stats(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const { findContainer, listContainers } = await import("../runtime/containers.ts");
  const list = async () =>
    operands.length > 0
      ? await Promise.all(operands.map((name) => findContainer(root, name)))
      : (await listContainers(root)).filter(({ process }) => flags.all || process);
  const once = flags["no-stream"] ?? false;
  const isRedrawn = !once && format === "table" && isScreen(Deno.stdout);
  let known = new Map<string, Sample | undefined>();
  for (const info of await list()) known.set(info.id, sample(info));
  if (isRedrawn) print("\x1b[2J");
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, once ? ONCE : PERIOD));
    const looks = (await list()).map((info): Look => ({
      info,
      before: known.get(info.id),
      now: sample(info),
    }));
    known = new Map(looks.map(({ info, now }) => [info.id, now]));
    const isWhole = flags["no-trunc"] ?? false;
    const text = format === "json"
      ? looks.map((look) => `${JSON.stringify(asJson(look, isWhole))}\n`).join("")
      : await table(looks, isWhole);
    // from the top, over what was there, and nothing of it below
    print(isRedrawn ? `\x1b[H${text.replaceAll("\n", "\x1b[K\n")}\x1b[J` : text);
    if (once) return 0;
  }
}

/** Nothing is known of it, or it does not run. */
const NOTHING = "--";

function cells({ info, before, now }: Look, isWhole: boolean) {
  const pair = (read?: number, written?: number) =>
    read === undefined ? NOTHING : `${formatSize(read)} / ${formatSize(written!)}`;
  const memory = memoryOf(now);
  const cpu = before && now && cpuShare(before, now);
  const { network, io, pids, pressure = {} } = now ?? {};
  const kinds = ["cpu", "memory", "io"] as const;
  return {
    ID: isWhole ? info.id : info.id.slice(0, 12),
    Name: info.record.name ?? "",
    CPUPerc: cpu === undefined ? NOTHING : `${cpu.toFixed(2)}%`,
    MemUsage: memory
      ? `${formatBinary(memory.used)} / ${formatBinary(memory.limit)}`
      : `${NOTHING} / ${NOTHING}`,
    MemPerc: memory ? `${(100 * memory.used / memory.limit).toFixed(2)}%` : NOTHING,
    NetIO: pair(network?.received, network?.sent),
    BlockIO: pair(io?.read, io?.written),
    PIDs: pids ? String(pids.current) : NOTHING,
    Pressure: kinds.some((kind) => pressure[kind])
      ? kinds.map((kind) => `${Math.round(pressure[kind]?.some ?? 0)}%`).join(" ")
      : NOTHING,
  };
}

/** Docker leaves out the cache that could be given up at once; without a limit, all memory is it. */
function memoryOf(now: Sample | undefined): { used: number; limit: number } | undefined {
  if (!now?.memory) return undefined;
  const { usage, inactiveFile, limit } = now.memory;
  const all = Deno.systemMemoryInfo().total;
  return { used: Math.max(usage - inactiveFile, 0), limit: Math.min(limit ?? all, all) };
}

/** Docker's strings, and the numbers that they are made of. */
function asJson(look: Look, isWhole: boolean) {
  const { info, before, now } = look;
  const { at: _, ...numbers } = now ?? { at: 0 };
  const cpuPercent = before && now ? cpuShare(before, now) : undefined;
  return { Container: info.id, ...cells(look, isWhole), numbers: { cpuPercent, ...numbers } };
}

/** What the columns are called. */
const HEADS: ReturnType<typeof cells> = {
  ID: "CONTAINER ID",
  Name: "NAME",
  CPUPerc: "CPU %",
  MemUsage: "MEM USAGE / LIMIT",
  MemPerc: "MEM %",
  NetIO: "NET I/O",
  BlockIO: "BLOCK I/O",
  PIDs: "PIDS",
  Pressure: "PRESSURE CPU MEM IO",
};

/** A line for each container, or two on a narrow screen: a name may be cut, a figure may not. */
async function table(looks: readonly Look[], isWhole: boolean): Promise<string> {
  const { fitsWhole, formatTable, outputWidth } = await import("./table.ts");
  const all = [HEADS, ...looks.map((look) => cells(look, isWhole))];
  const width = isWhole ? Infinity : outputWidth();
  const rows = all.map((one) => Object.values(one));
  const names = [0, 1];
  if (fitsWhole(rows, width, names)) return formatTable(rows, width, names);
  const folded = all.flatMap((one) => [
    [one.ID, one.CPUPerc, one.MemUsage, one.MemPerc, one.PIDs],
    [one.Name, one.Pressure, one.NetIO, one.BlockIO, ""],
  ]);
  return formatTable(folded, width, [0]);
}
