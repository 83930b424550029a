/**
 * Limits as version 2's files take them; the kernel's Documentation/admin-guide/cgroup-v2.rst names
 * every file.
 *
 * @module
 */

import type {
  LinuxBlockIO,
  LinuxResources,
  LinuxThrottleDevice,
  LinuxWeightDevice,
} from "../spec/resources.ts";
import { CgroupError } from "./plan.ts";
import {
  bytes,
  checkBandwidth,
  checkMemory,
  CPU,
  cpuIdle,
  cpuList,
  given,
  type Ground,
  hugepages,
  integer,
  MEMORY,
  refuse,
  type Setting,
  weightOfShares,
} from "./values.ts";

const V1_ONLY = "version 2 of control groups has nothing like it; leave the field out";

/** `memory`: what the group may hold before the kernel reclaims, then kills. */
export function memory({ memory = {} }: LinuxResources, { swapIsDefault }: Ground): Setting[] {
  const { limit, reservation, swap } = memory;
  checkMemory(memory);
  refuse(`${MEMORY}.kernelTCP`, memory.kernelTCP || undefined, V1_ONLY);
  refuse(`${MEMORY}.swappiness`, memory.swappiness, V1_ONLY);
  refuse(`${MEMORY}.disableOOMKiller`, memory.disableOOMKiller || undefined, V1_ONLY);
  const settings: Setting[] = [];
  if (given(limit)) {
    settings.push({
      file: "memory.max",
      value: bytes(`${MEMORY}.limit`, limit, "max"),
      why: "the most memory: at it the kernel reclaims, then kills",
    });
  }
  if (given(swap)) {
    const beyond = swap === -1 ? -1 : swap - limit!;
    settings.push({
      file: "memory.swap.max",
      value: bytes(`${MEMORY}.swap`, beyond, "max"),
      why: "the most swap: version 2 counts it apart, the specification together with memory",
      // a kernel without swap has no such file, and nothing to limit
      allow: beyond <= 0 || swapIsDefault ? ["ENOENT"] : undefined,
    });
  }
  if (given(reservation)) {
    settings.push({
      file: "memory.low",
      value: bytes(`${MEMORY}.reservation`, reservation, "max"),
      why: "memory that reclaim leaves alone as long as it can",
    });
  }
  return settings;
}

/** `cpu`: how much time, and how much of it against others. */
export function cpu({ cpu = {} }: LinuxResources): Setting[] {
  const { shares, quota, period, burst, idle } = cpu;
  refuse(`${CPU}.realtimeRuntime`, cpu.realtimeRuntime, V1_ONLY);
  refuse(`${CPU}.realtimePeriod`, cpu.realtimePeriod, V1_ONLY);
  checkBandwidth(cpu);
  const settings: Setting[] = [];
  if (given(shares)) {
    settings.push({
      file: "cpu.weight",
      value: String(weightOfShares(shares)),
      why: `weight against other groups: ${shares} shares of version 1, on version 2's scale`,
    });
  }
  if (given(quota) || given(period)) {
    settings.push({
      file: "cpu.max",
      value: `${given(quota) && quota > 0 ? quota : "max"} ${period || 100_000}`,
      why: "microseconds of processor time in each period of so many",
    });
  }
  if (given(burst)) {
    settings.push({
      file: "cpu.max.burst",
      value: String(burst),
      why: "microseconds that may be saved up for a burst",
    });
  }
  if (idle !== undefined) settings.push(cpuIdle(idle));
  return settings;
}

/** `cpuset`: which processors and memory nodes. */
export function cpuset({ cpu = {} }: LinuxResources, { files, parent }: Ground): Setting[] {
  const settings: Setting[] = [];
  for (const [name, why] of [["cpus", "processors to run on"], ["mems", "memory nodes to use"]]) {
    const list = cpu[name as "cpus" | "mems"];
    if (!list) continue;
    const within = files.read(`${parent}/cpuset.${name}.effective`);
    settings.push({
      file: `cpuset.${name}`,
      value: cpuList(`${CPU}.${name}`, list, within),
      why,
    });
  }
  return settings;
}

const BLOCK = "linux.resources.blockIO";

/** `io`: bandwidth and weight of block devices. */
export function io({ blockIO = {} }: LinuxResources, ground: Ground): Setting[] {
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  refuse(`${BLOCK}.leafWeight`, leafWeight || undefined, V1_ONLY);
  const settings: Setting[] = [];
  if (given(weight) || weightDevice.length) {
    for (const scheduler of weightFiles(ground)) {
      if (given(weight)) settings.push(ioWeight(scheduler, weight, "default "));
      weightDevice.forEach((device, i) => settings.push(ioWeightDevice(scheduler, device, i)));
    }
  }
  return [...settings, ...throttles(blockIO)];
}

/** A file that takes weights, and how it writes what the specification numbers 10 to 1000. */
interface WeightFile {
  file: string;
  scale(weight: number): number;
}

/**
 * Weights are the matter of bfq, or of the kernel's own cost model, by device; a kernel may have
 * both, either or neither. bfq says so only in what it offers as a device's scheduler.
 */
function weightFiles({ files, mount }: Ground): WeightFile[] {
  const found: WeightFile[] = [];
  const bfq = files.list("/sys/block").some((device) =>
    files.read(`/sys/block/${device}/queue/scheduler`)?.includes("bfq")
  );
  if (bfq) found.push({ file: "io.bfq.weight", scale: (weight) => weight });
  if (files.exists(`${mount}/io.cost.qos`)) {
    // 10 to 1000 on a straight line to 1 to 10000
    const scale = (weight: number) => 1 + Math.floor((weight - 10) * 9999 / 990);
    found.push({ file: "io.weight", scale });
  }
  if (!found.length) {
    throw new CgroupError(
      `${BLOCK}.weight`,
      "this kernel weighs no block devices: it has neither the bfq scheduler (try modprobe bfq) nor io.cost",
    );
  }
  return found;
}

function ioWeight({ file, scale }: WeightFile, weight: number, of: string): Setting {
  integer(`${BLOCK}.weight`, weight, 10, 1000);
  return { file, value: `${of}${scale(weight)}`, why: "weight against other groups" };
}

function ioWeightDevice(scheduler: WeightFile, device: LinuxWeightDevice, i: number): Setting {
  const { major, minor, weight, leafWeight } = device;
  refuse(`${BLOCK}.weightDevice[${i}].leafWeight`, leafWeight || undefined, V1_ONLY);
  if (!given(weight)) throw new CgroupError(`${BLOCK}.weightDevice[${i}].weight`, "is missing");
  return ioWeight(scheduler, weight, `${major}:${minor} `);
}

/** The specification's four lists are one line a device here: `8:0 rbps=1048576 wiops=120`. */
function throttles(blockIO: LinuxBlockIO): Setting[] {
  const lists: [string, LinuxThrottleDevice[] | undefined][] = [
    ["rbps", blockIO.throttleReadBpsDevice],
    ["wbps", blockIO.throttleWriteBpsDevice],
    ["riops", blockIO.throttleReadIOPSDevice],
    ["wiops", blockIO.throttleWriteIOPSDevice],
  ];
  const lines = new Map<string, string[]>();
  for (const [key, devices = []] of lists) {
    for (const { major, minor, rate } of devices) {
      const device = `${major}:${minor}`;
      const value = rate === 0 ? "max" : bytes(`${BLOCK}.throttle*.rate`, rate, "max");
      lines.set(device, [...lines.get(device) ?? [device], `${key}=${value}`]);
    }
  }
  return [...lines.values()].map((line) => ({
    file: "io.max",
    value: line.join(" "),
    why: "bytes and operations a second on this device",
  }));
}

/** `hugetlb`: huge pages by size. */
export function hugetlb({ hugepageLimits = [] }: LinuxResources, { files }: Ground): Setting[] {
  return hugepages(hugepageLimits, files).flatMap(({ size, value }) => [
    { file: `hugetlb.${size}.max`, value, why: `the most memory in pages of ${size}` },
    {
      file: `hugetlb.${size}.rsvd.max`,
      value,
      why: "the same for what is reserved: too much fails in mmap(2), not later with SIGBUS",
      allow: ["ENOENT"],
    },
  ]);
}

/** The controller whose file this is, by which `unified` names it. */
export function controllerOf(file: string, field: string): string {
  const [, controller] = /^([a-z0-9_]+)\.[\w.]+$/i.exec(file) ?? [];
  if (controller) return controller;
  throw new CgroupError(field, "is not the name of a control group's file");
}

/** `unified`: a file by name, as it is; each line is a write of its own, as the kernel reads it. */
export function unified(file: string, value: string): Setting[] {
  const lines = value.trim().split("\n");
  return lines.map((line) => ({ file, value: line, why: "asked for by its name" }));
}
