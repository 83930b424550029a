/**
 * What a control group has used, counted by the kernel.
 *
 * @module
 */

import type { CgroupRecord } from "./plan.ts";

/**
 * How many processes of the group were killed because it was at its memory limit: `oom_kill` of
 * version 2's memory.events, or of version 1's memory.oom_control. 0 when nobody counted.
 */
export function readOom(record: CgroupRecord): number {
  return pairs(read(memoryEvents(record))).get("oom_kill") ?? 0;
}

/** The file in which the kernel counts what {@linkcode readOom} reads; some groups have none. */
export function memoryEvents({ v1, v2 }: CgroupRecord): string | undefined {
  if (v1.memory) return `${v1.memory}/memory.oom_control`;
  return v2 && `${v2}/memory.events`;
}

/** Use and limits; a field is absent where the group has not the controller that counts it. */
export interface CgroupStats {
  /** Processor time. */
  cpu?: {
    /** Microseconds used so far. */
    usage: number;
    /** Of these, in the kernel. */
    system: number;
    /** How many periods ended with the quota used up. */
    throttled?: number;
  };
  /** Memory, in bytes. */
  memory?: {
    /** Held now, caches too. */
    usage: number;
    /** Of these, cache that could be given up at once, which Docker's `stats` leaves out. */
    inactiveFile: number;
    /** The limit; absent without one. */
    limit?: number;
  };
  /** Tasks, threads too. */
  pids?: {
    /** There now. */
    current: number;
    /** The limit; absent without one. */
    limit?: number;
  };
  /** Block devices, all together. */
  io?: {
    /** Bytes read. */
    read: number;
    /** Bytes written. */
    written: number;
  };
}

/** Reads what a group has used. */
export function readStats({ v1, v2 }: CgroupRecord): CgroupStats {
  return {
    cpu: readCpu(v1, v2),
    memory: v1.memory
      ? readMemory(
        v1.memory,
        "memory.usage_in_bytes",
        "memory.limit_in_bytes",
        "total_inactive_file",
      )
      : readMemory(v2, "memory.current", "memory.max", "inactive_file"),
    pids: readPids(v1.pids ?? v2),
    io: v1.blkio ? readBlkio(v1.blkio) : readIo(v2),
  };
}

type V1 = CgroupRecord["v1"];

/** cpu.stat of version 2 counts in every group, also where the controller is not. */
function readCpu(v1: V1, v2: string | undefined): CgroupStats["cpu"] {
  if (v2) {
    const stat = pairs(read(inside(v2, "cpu.stat")));
    const usage = stat.get("usage_usec");
    if (usage === undefined) return undefined;
    const throttled = stat.get("nr_throttled") ??
      pairs(read(inside(v1.cpu, "cpu.stat"))).get("nr_throttled");
    return { usage, system: stat.get("system_usec") ?? 0, throttled };
  }
  const nanoseconds = number(read(inside(v1.cpuacct, "cpuacct.usage")));
  if (nanoseconds === undefined) return undefined;
  const system = number(read(inside(v1.cpuacct, "cpuacct.usage_sys"))) ?? 0;
  const throttled = pairs(read(inside(v1.cpu, "cpu.stat"))).get("nr_throttled");
  return { usage: Math.round(nanoseconds / 1000), system: Math.round(system / 1000), throttled };
}

/** Version 1 has no word for "no limit", but the largest number of whole pages. */
const NO_LIMIT = 2 ** 62;

function readMemory(
  directory: string | undefined,
  usageFile: string,
  limitFile: string,
  inactive: string,
): CgroupStats["memory"] {
  const usage = number(read(inside(directory, usageFile)));
  if (usage === undefined) return undefined;
  const limit = number(read(inside(directory, limitFile))) ?? NO_LIMIT;
  const inactiveFile = pairs(read(inside(directory, "memory.stat"))).get(inactive) ?? 0;
  return { usage, inactiveFile, ...limit < NO_LIMIT && { limit } };
}

function readPids(directory: string | undefined): CgroupStats["pids"] {
  const current = number(read(inside(directory, "pids.current")));
  if (current === undefined) return undefined;
  const limit = number(read(inside(directory, "pids.max")));
  return { current, ...limit !== undefined && { limit } };
}

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …`, a line a device. */
function readIo(directory: string | undefined): CgroupStats["io"] {
  const text = tryRead(inside(directory, "io.stat"));
  if (text === undefined) return undefined;
  return { read: sum(text, /\brbytes=(\d+)/g), written: sum(text, /\bwbytes=(\d+)/g) };
}

/** `8:0 Read 1`, `8:0 Write 2`, and others, a line each. */
function readBlkio(directory: string): CgroupStats["io"] {
  const text = tryRead(`${directory}/blkio.throttle.io_service_bytes_recursive`);
  if (text === undefined) return undefined;
  return { read: sum(text, /^\S+ Read (\d+)$/gm), written: sum(text, /^\S+ Write (\d+)$/gm) };
}

function sum(text: string, pattern: RegExp): number {
  let total = 0;
  for (const [, digits] of text.matchAll(pattern)) total += Number(digits);
  return total;
}

/** Lines of a name and a number. */
function pairs(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, value] = line.split(" ");
    if (value !== undefined) found.set(name, Number(value));
  }
  return found;
}

function number(text: string): number | undefined {
  const digits = text.trim();
  return /^\d+$/.test(digits) ? Number(digits) : undefined;
}

/** A file of a directory that a group need not have; without one it would be one of this process's. */
function inside(directory: string | undefined, file: string): string | undefined {
  return directory && `${directory}/${file}`;
}

function read(path: string | undefined): string {
  return tryRead(path) ?? "";
}

function tryRead(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
