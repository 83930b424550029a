/**
 * What the files of both versions have in common: numbers that are checked, because the kernel's
 * EINVAL would come after half of the group is made and would not say which number; and the limits
 * that are written alike.
 *
 * @module
 */

import type {
  LinuxCPU,
  LinuxHugepageLimit,
  LinuxMemory,
  LinuxResources,
} from "../spec/resources.ts";
import type { CgroupFiles } from "./host.ts";
import { CgroupError } from "./plan.ts";

/** A value for a file of one group; the planner knows the group's directory. */
export interface Setting {
  /** Name of the file, `memory.max`. */
  file: string;
  /** What is written. */
  value: string;
  /** Why, in one line. */
  why: string;
  /** Names of the errnos that are not a failure. */
  allow?: string[];
}

/** What a setting may depend on beside the resources. */
export interface Ground {
  /** Where to look things up. */
  files: CgroupFiles;
  /** Root of the hierarchy, where the kernel shows what it was built with. */
  mount: string;
  /** The nearest directory above the group that is there already. */
  parent: string;
  /** See {@linkcode CgroupRequest.swapIsDefault}. */
  swapIsDefault?: boolean;
}

/** An integer in a range. */
export function integer(field: string, value: number, low: number, high: number): string {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new CgroupError(field, `${value} is not a whole number from ${low} to ${high}`);
  }
  return String(value);
}

/** The kernel counts bytes in 64 bits and signed. */
const LARGEST = 2 ** 63;

/** A number of bytes, or -1, which each version has its own word for. */
export function bytes(field: string, value: number, unlimited: string): string {
  return value === -1 ? unlimited : integer(field, value, 0, LARGEST);
}

/** The specification has 0 stand for "leave it" wherever 0 would make no sense. */
export function given(value: number | undefined): value is number {
  return value !== undefined && value !== 0;
}

/** `linux.resources.memory`, the field of an error. */
export const MEMORY = "linux.resources.memory";
/** `linux.resources.cpu`, the field of an error. */
export const CPU = "linux.resources.cpu";

/** A field that has no file in the version which this host has its controller in. */
export function refuse(field: string, value: unknown, why: string): void {
  if (value !== undefined) throw new CgroupError(field, why);
}

/** Checks what is the same in both versions; swap counts memory too, as Docker's `--memory-swap`. */
export function checkMemory({ kernel, limit, swap }: LinuxMemory): void {
  refuse(
    `${MEMORY}.kernel`,
    kernel || undefined,
    "the kernel has no limit of its own memory alone",
  );
  if (!given(swap) || swap === -1) return;
  const field = `${MEMORY}.swap`;
  if (!given(limit) || limit === -1) {
    throw new CgroupError(field, "is memory and swap together, so memory.limit has to be set too");
  }
  if (swap < limit) {
    throw new CgroupError(field, `${swap} is memory and swap together, but the limit is ${limit}`);
  }
}

/** Checks the bandwidth numbers, which are microseconds and the same in both versions. */
export function checkBandwidth({ quota, period, burst }: LinuxCPU): void {
  if (given(period)) integer(`${CPU}.period`, period, 1000, 1_000_000);
  if (given(quota) && quota !== -1) integer(`${CPU}.quota`, quota, 1000, LARGEST);
  if (!given(burst)) return;
  integer(`${CPU}.burst`, burst, 0, LARGEST);
  if (!given(quota) || quota < burst) {
    throw new CgroupError(`${CPU}.burst`, `${burst} is more than the quota that it is saved from`);
  }
}

/**
 * A list of numbers as cpuset(7) has it, `0-3,7`; it has to lie within what the parent has: version
 * 2 would take any list, and silently use what is left of it.
 */
export function cpuList(field: string, list: string, within: string | undefined): string {
  const wanted = cpusOf(field, list);
  const offered = within === undefined ? wanted : cpusOf(field, within.trim());
  const missing = [...wanted].filter((number) => !offered.has(number));
  if (missing.length) {
    throw new CgroupError(field, `${list} is outside of ${within?.trim()}, which the host offers`);
  }
  return list;
}

/** More processors than the kernel can be built for. */
const MOST_CPUS = 65_536;

/** The numbers of a list such as `0-3,7`. @throws {CgroupError} for one that is not such a list */
export function cpusOf(field: string, list: string): Set<number> {
  const numbers = new Set<number>();
  for (const part of list.split(",")) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? first);
    if (!range || last < first || last > MOST_CPUS) {
      throw new CgroupError(field, `${JSON.stringify(list)} is not a list such as 0-3,7`);
    }
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

/** The kernel's PID_MAX_LIMIT. */
const MOST_TASKS = 2 ** 22;

/** `pids`: how many tasks. */
export function pids({ pids }: LinuxResources): Setting[] {
  if (!pids) return [];
  const { limit } = pids;
  return [{
    file: "pids.max",
    value: limit <= 0 ? "max" : integer("linux.resources.pids.limit", limit, 1, MOST_TASKS),
    why: "the most tasks, threads too: a fork bomb ends here",
  }];
}

/** `cpu.idle`, which is last: an idle group refuses to have its weight changed. */
export function cpuIdle(idle: number): Setting {
  return {
    file: "cpu.idle",
    value: integer(`${CPU}.idle`, idle, 0, 1),
    why: "1: runs only when nobody else wants to",
  };
}

/** One directory a page size, `hugepages-2048kB`. */
const HUGEPAGES = "/sys/kernel/mm/hugepages";

/** The limits with their sizes checked against those that the processor has. */
export function hugepages(
  limits: LinuxHugepageLimit[],
  files: CgroupFiles,
): { size: string; value: string }[] {
  const sizes = files.list(HUGEPAGES).map((name) => {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
    if (kilobytes >= 1 << 20) return `${kilobytes >> 20}GB`;
    return kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`;
  });
  return limits.map(({ pageSize, limit }, i) => {
    const field = `linux.resources.hugepageLimits[${i}]`;
    if (!sizes.includes(pageSize)) {
      const has = sizes.join(", ") || "none";
      throw new CgroupError(
        `${field}.pageSize`,
        `this machine has no ${pageSize} pages, but ${has}`,
      );
    }
    return { size: pageSize, value: integer(`${field}.limit`, limit, 0, 2 ** 63) };
  });
}

/** `rdma`: the same file in both versions. */
export function rdma({ rdma = {} }: LinuxResources): Setting[] {
  return Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => {
    const parts = [device];
    if (hcaHandles !== undefined) parts.push(`hca_handle=${hcaHandles}`);
    if (hcaObjects !== undefined) parts.push(`hca_object=${hcaObjects}`);
    return { file: "rdma.max", value: parts.join(" "), why: "handles and objects of this device" };
  });
}

/**
 * Version 2's `cpu.weight` (1 to 10000, 100 unweighted) for version 1's shares (2 to 262144, 1024
 * unweighted). A straight line between the ends would make 39 of 1024, so a container would get
 * less than any other process; this curve goes through both ends and 1024 ↔ 100. runc since 1.3.2 and
 * crun since 1.23 use the same: {@link https://github.com/kubernetes/kubernetes/issues/131216}.
 */
export function weightOfShares(shares: number): number {
  const log = Math.log2(Math.min(Math.max(shares, 2), 262_144));
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34) - 1e-9);
}

/** The shares that {@linkcode weightOfShares} turns back into this weight. */
export function sharesOfWeight(weight: number): number {
  const log = (-125 + Math.sqrt(125 ** 2 + 4 * 612 * (Math.log10(weight) + 7 / 34))) / 2;
  return Math.floor(2 ** log + 1e-9);
}
