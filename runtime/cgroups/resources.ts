/**
 * `linux.resources` of the OCI runtime specification 1.2 (config-linux.md, "Control groups"):
 * what may be limited.
 *
 * @module
 */

/** A rule about devices; rules are applied in order, so that a later one wins. */
export interface LinuxDeviceCgroup {
  /** True to allow, false to deny. */
  allow: boolean;
  /** `c` for character, `b` for block, `a` for both (the default). */
  type?: "a" | "b" | "c";
  /** The device's major number; every one when absent or negative. */
  major?: number;
  /** The device's minor number; every one when absent or negative. */
  minor?: number;
  /** Of `r` (read), `w` (write), `m` (mknod); all three when absent. */
  access?: string;
}

/** Memory limits in bytes; -1 is "no limit". */
export interface LinuxMemory {
  /** Memory that may be used. */
  limit?: number;
  /** Memory that is left alone when the host runs short: a soft limit. */
  reservation?: number;
  /** Memory and swap together, as Docker's `--memory-swap`. */
  swap?: number;
  /** Memory of the kernel's own: ignored by kernels since 5.11, deprecated in the specification. */
  kernel?: number;
  /** Buffers of TCP. Version 1 only. */
  kernelTCP?: number;
  /** How readily memory is swapped, 0 to 100. Version 1 only. */
  swappiness?: number;
  /** True to let a group at its limit wait instead of being killed. Version 1 only. */
  disableOOMKiller?: boolean;
  /** Whether children count for their parent: always so in this runtime. */
  useHierarchy?: boolean;
  /** True to refuse an update that is below what is used now. */
  checkBeforeUpdate?: boolean;
}

/** Time and choice of processors. Times are in microseconds. */
export interface LinuxCPU {
  /** Relative weight, 2 to 262144, 1024 for an unweighted group. */
  shares?: number;
  /** Time that may be used in one period; -1 is "no limit". */
  quota?: number;
  /** Unused quota that may be saved up for a burst. */
  burst?: number;
  /** Length of a period, 1000 to 1000000, 100000 when absent. */
  period?: number;
  /** Realtime time in one period. Version 1 only. */
  realtimeRuntime?: number;
  /** Length of a realtime period. Version 1 only. */
  realtimePeriod?: number;
  /** Processors that may be used, as a list `0-3,7`. */
  cpus?: string;
  /** Memory nodes that may be used, as a list `0-1`. */
  mems?: string;
  /** 1 to run only when nothing else wants to, see `cpu.idle`. */
  idle?: number;
}

/** A block device and its limit. */
export interface LinuxThrottleDevice {
  /** Major number. */
  major: number;
  /** Minor number. */
  minor: number;
  /** Bytes or operations a second. */
  rate: number;
}

/** A block device and its weight. */
export interface LinuxWeightDevice {
  /** Major number. */
  major: number;
  /** Minor number. */
  minor: number;
  /** 10 to 1000. */
  weight?: number;
  /** As `weight`, for the group's own processes beside its children. CFQ only. */
  leafWeight?: number;
}

/** Limits of block devices. */
export interface LinuxBlockIO {
  /** Relative weight, 10 to 1000. */
  weight?: number;
  /** As `weight`, for the group's own processes beside its children. CFQ only. */
  leafWeight?: number;
  /** Weights for single devices. */
  weightDevice?: LinuxWeightDevice[];
  /** Bytes a second that may be read. */
  throttleReadBpsDevice?: LinuxThrottleDevice[];
  /** Bytes a second that may be written. */
  throttleWriteBpsDevice?: LinuxThrottleDevice[];
  /** Reads a second. */
  throttleReadIOPSDevice?: LinuxThrottleDevice[];
  /** Writes a second. */
  throttleWriteIOPSDevice?: LinuxThrottleDevice[];
}

/** `linux.resources`. */
export interface LinuxResources {
  /** Which devices may be used. */
  devices?: LinuxDeviceCgroup[];
  /** Memory. */
  memory?: LinuxMemory;
  /** Processors. */
  cpu?: LinuxCPU;
  /** Number of processes and threads; zero or less is "no limit". */
  pids?: { limit: number };
  /** Block devices. */
  blockIO?: LinuxBlockIO;
  /** Huge pages in bytes, by size as the kernel names it: `2MB`. */
  hugepageLimits?: { pageSize: string; limit: number }[];
  /** Marks on what is sent. Version 1 only. */
  network?: { classID?: number; priorities?: { name: string; priority: number }[] };
  /** RDMA handles and objects by device. */
  rdma?: Record<string, { hcaHandles?: number; hcaObjects?: number }>;
  /** Files of version 2 and what is written into them. */
  unified?: Record<string, string>;
}
