/**
 * Limits as version 1's files take them; the kernel's Documentation/admin-guide/cgroup-v1/ has a
 * page for each controller.
 *
 * @module
 */

import type { LinuxResources, LinuxThrottleDevice } from "../spec/resources.ts";
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
} from "./values.ts";

/** `memory`: what the group may hold before the kernel reclaims, then kills. */
export function memory({ memory = {} }: LinuxResources, ground: Ground): Setting[] {
  const { limit, reservation, swap, kernelTCP, swappiness, disableOOMKiller } = memory;
  checkMemory(memory);
  const settings: Setting[] = [];
  if (given(limit)) {
    settings.push({
      file: "memory.limit_in_bytes",
      value: bytes(`${MEMORY}.limit`, limit, "-1"),
      why: "the most memory: at it the kernel reclaims, then kills",
    });
  }
  if (given(swap) && isSwapCounted(ground)) {
    settings.push({
      file: MEMSW,
      value: bytes(`${MEMORY}.swap`, swap, "-1"),
      why:
        "the most memory and swap together; it may not be less than memory alone, so it is second",
    });
  }
  if (given(reservation)) {
    settings.push({
      file: "memory.soft_limit_in_bytes",
      value: bytes(`${MEMORY}.reservation`, reservation, "-1"),
      why: "memory above this is taken first when the host runs short",
    });
  }
  if (given(kernelTCP)) {
    settings.push({
      file: "memory.kmem.tcp.limit_in_bytes",
      value: bytes(`${MEMORY}.kernelTCP`, kernelTCP, "-1"),
      why: "the most memory in buffers of TCP",
    });
  }
  if (swappiness !== undefined) {
    settings.push({
      file: "memory.swappiness",
      value: integer(`${MEMORY}.swappiness`, swappiness, 0, 100),
      why: "how readily memory is swapped out",
    });
  }
  if (disableOOMKiller) {
    settings.push({
      file: "memory.oom_control",
      value: "1",
      why: "at the limit tasks wait instead of being killed",
    });
  }
  return settings;
}

const MEMSW = "memory.memsw.limit_in_bytes";

function isSwapCounted({ files, mount, swapIsDefault }: Ground): boolean {
  if (files.exists(`${mount}/${MEMSW}`)) return true;
  if (swapIsDefault) return false;
  throw new CgroupError(
    `${MEMORY}.swap`,
    "the kernel does not count swap: boot it with swapaccount=1, or leave the field out",
  );
}

/** `cpu`: how much time, and how much of it against others. */
export function cpu({ cpu = {} }: LinuxResources): Setting[] {
  const { shares, quota, period, burst, realtimePeriod, realtimeRuntime, idle } = cpu;
  checkBandwidth(cpu);
  const settings: Setting[] = [];
  const add = (file: string, value: number | undefined, why: string) => {
    if (given(value)) settings.push({ file, value: String(value), why });
  };
  if (shares) add("cpu.shares", Math.max(shares, 2), "weight against other groups, 1024 is normal");
  add("cpu.cfs_period_us", period, "length of a period in microseconds");
  if (quota) add("cpu.cfs_quota_us", Math.max(quota, -1), "processor time in each period");
  add("cpu.cfs_burst_us", burst, "microseconds that may be saved up for a burst");
  add("cpu.rt_period_us", realtimePeriod, "length of a realtime period in microseconds");
  add("cpu.rt_runtime_us", realtimeRuntime, "realtime in each realtime period");
  if (idle !== undefined) settings.push(cpuIdle(idle));
  return settings;
}

/** `cpuset`: which processors and memory nodes, instead of those of the parent. */
export function cpuset({ cpu = {} }: LinuxResources, { files, parent }: Ground): Setting[] {
  const settings: Setting[] = [];
  for (const name of ["cpus", "mems"] as const) {
    const list = cpu[name];
    if (!list) continue;
    const within = files.read(`${parent}/cpuset.${name}`);
    const why = name === "cpus" ? "processors to run on" : "memory nodes to use";
    settings.push({
      file: `cpuset.${name}`,
      value: cpuList(`${CPU}.${name}`, list, within),
      why,
    });
  }
  return settings;
}

const BLOCK = "linux.resources.blockIO";

/** `blkio`: bandwidth and weight of block devices. */
export function blkio({ blockIO = {} }: LinuxResources, { files, mount }: Ground): Setting[] {
  const { weight, leafWeight, weightDevice = [] } = blockIO;
  refuse(`${BLOCK}.leafWeight`, leafWeight || undefined, "went with the CFQ scheduler, Linux 5.0");
  if (
    (given(weight) || weightDevice.length) && !files.exists(`${mount}/blkio.bfq.io_service_bytes`)
  ) {
    throw new CgroupError(
      `${BLOCK}.weight`,
      "weights need the bfq scheduler, which this kernel does not have (try modprobe bfq)",
    );
  }
  const settings: Setting[] = [];
  const why = "weight against other groups";
  if (given(weight)) {
    const value = integer(`${BLOCK}.weight`, weight, 10, 1000);
    settings.push({ file: "blkio.bfq.weight", value, why });
  }
  for (const [i, { major, minor, weight, leafWeight }] of weightDevice.entries()) {
    const field = `${BLOCK}.weightDevice[${i}]`;
    refuse(
      `${field}.leafWeight`,
      leafWeight || undefined,
      "went with the CFQ scheduler, Linux 5.0",
    );
    const value = `${major}:${minor} ${integer(`${field}.weight`, weight ?? 0, 10, 1000)}`;
    settings.push({ file: "blkio.bfq.weight_device", value, why });
  }
  const throttle = (file: string, devices: LinuxThrottleDevice[] = [], why: string) => {
    for (const { major, minor, rate } of devices) {
      const value = integer(`${BLOCK}.throttle*.rate`, rate, 0, 2 ** 63);
      settings.push({ file: `blkio.throttle.${file}`, value: `${major}:${minor} ${value}`, why });
    }
  };
  throttle("read_bps_device", blockIO.throttleReadBpsDevice, "bytes read a second");
  throttle("write_bps_device", blockIO.throttleWriteBpsDevice, "bytes written a second");
  throttle("read_iops_device", blockIO.throttleReadIOPSDevice, "reads a second");
  throttle("write_iops_device", blockIO.throttleWriteIOPSDevice, "writes a second");
  return settings;
}

/** `hugetlb`: huge pages by size. */
export function hugetlb({ hugepageLimits = [] }: LinuxResources, { files }: Ground): Setting[] {
  return hugepages(hugepageLimits, files).flatMap(({ size, value }) => [
    { file: `hugetlb.${size}.limit_in_bytes`, value, why: `the most memory in pages of ${size}` },
    {
      file: `hugetlb.${size}.rsvd.limit_in_bytes`,
      value,
      why: "the same for what is reserved: too much fails in mmap(2), not later with SIGBUS",
      allow: ["ENOENT"],
    },
  ]);
}

/** `net_cls`: the mark that tc(8) and nftables match on. */
export function netCls({ network = {} }: LinuxResources): Setting[] {
  if (network.classID === undefined) return [];
  const value = integer("linux.resources.network.classID", network.classID, 0, 2 ** 32 - 1);
  return [{ file: "net_cls.classid", value, why: "the mark on every packet that is sent" }];
}

/** `net_prio`: priorities by interface. */
export function netPrio({ network = {} }: LinuxResources): Setting[] {
  return (network.priorities ?? []).map(({ name, priority }) => ({
    file: "net_prio.ifpriomap",
    value: `${name} ${priority}`,
    why: "priority of what is sent on this interface",
  }));
}
