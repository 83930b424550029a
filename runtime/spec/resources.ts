/**
 * The types of the specification's `linux.resources`: the limits that a cgroup sets.
 *
 * The units are those of the kernel's cgroup v1 files, which the specification grew up with; on a
 * v2 host the runtime converts. A field not given is left as the kernel has it.
 *
 * https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#control-groups
 *
 * @module
 */

/** All limits of one container. */
export interface LinuxResources {
  /** Which devices may be opened and made; applied in this order, the last match decides. */
  devices?: LinuxDeviceCgroup[];
  /** Memory and swap. */
  memory?: LinuxMemory;
  /** CPU time and placement. */
  cpu?: LinuxCPU;
  /** The number of tasks. */
  pids?: LinuxPids;
  /** Block device bandwidth. */
  blockIO?: LinuxBlockIO;
  /** Huge pages, one entry a page size. */
  hugepageLimits?: LinuxHugepageLimit[];
  /** Marks on the traffic; cgroup v1 only. */
  network?: LinuxNetwork;
  /** RDMA handles, by device name. */
  rdma?: Record<string, LinuxRdma>;
  /** cgroup v2 files by name (`memory.high`), written as they are after all other fields. */
  unified?: Record<string, string>;
}

/** One rule of the device allow list. A number not given stands for every one. */
export interface LinuxDeviceCgroup {
  /** Allow, or deny. */
  allow: boolean;
  /** `a`: all; `c`: character devices; `b`: block devices. Default `a`. */
  type?: "a" | "c" | "b";
  /** Device major number; -1 stands for every one too. */
  major?: number;
  /** Device minor number; -1 stands for every one too. */
  minor?: number;
  /** Any of `r` (read), `w` (write), `m` (mknod). Default: all three. */
  access?: string;
}

/** The memory controller. Sizes are in bytes, -1 for no limit. */
export interface LinuxMemory {
  /** The hard limit: at it the kernel reclaims, then kills. */
  limit?: number;
  /** What reclaim leaves alone as long as it can. */
  reservation?: number;
  /** Memory and swap together, so never less than {@link LinuxMemory.limit}. */
  swap?: number;
  /** Kernel memory. Deprecated; the kernel has ignored it since 5.4. */
  kernel?: number;
  /** TCP buffers; cgroup v1 only. */
  kernelTCP?: number;
  /** 0 to 100: how readily anonymous memory is swapped out; cgroup v1 only. */
  swappiness?: number;
  /** Let tasks wait at the limit instead of killing one; cgroup v1 only. */
  disableOOMKiller?: boolean;
  /** Count children's use too; always so on cgroup v2. */
  useHierarchy?: boolean;
  /** On an update, refuse a limit below what is in use. */
  checkBeforeUpdate?: boolean;
}

/** The cpu and cpuset controllers. Times are in microseconds. */
export interface LinuxCPU {
  /** Weight against sibling cgroups: 1024 is normal. v1's scale, 2 to 262,144; 0 leaves it. */
  shares?: number;
  /** CPU time allowed in each period, over all CPUs; 0 or less is no limit. */
  quota?: number;
  /** Unused time that may be saved up for a burst. */
  burst?: number;
  /** The period's length, 1,000 to 1,000,000; the kernel's default is 100,000. */
  period?: number;
  /** Real-time CPU time allowed in each real-time period; cgroup v1 only. */
  realtimeRuntime?: number;
  /** The real-time period; cgroup v1 only. */
  realtimePeriod?: number;
  /** CPUs to run on, in cpuset(7)'s list form, "0-3,7". */
  cpus?: string;
  /** Memory nodes to allocate from, in the same form. */
  mems?: string;
  /** 1: run only when nobody else wants the CPU (SCHED_IDLE for the whole cgroup). */
  idle?: number;
}

/** The pids controller. */
export interface LinuxPids {
  /** How many tasks (threads count); 0 or less is no limit. */
  limit: number;
}

/** The io (v2) or blkio (v1) controller. */
export interface LinuxBlockIO {
  /** Weight against sibling cgroups, 10 to 1000; 0 leaves it. */
  weight?: number;
  /** Weight of the cgroup's own tasks against its children; the CFQ scheduler of cgroup v1. */
  leafWeight?: number;
  /** Weights for single devices. */
  weightDevice?: LinuxWeightDevice[];
  /** Bytes read a second. */
  throttleReadBpsDevice?: LinuxThrottleDevice[];
  /** Bytes written a second. */
  throttleWriteBpsDevice?: LinuxThrottleDevice[];
  /** Read operations a second. */
  throttleReadIOPSDevice?: LinuxThrottleDevice[];
  /** Write operations a second. */
  throttleWriteIOPSDevice?: LinuxThrottleDevice[];
}

/** A block device, by its numbers. */
export interface LinuxBlockIODevice {
  /** Device major number. */
  major: number;
  /** Device minor number. */
  minor: number;
}

/** One device's weight. At least one of the two is given. */
export interface LinuxWeightDevice extends LinuxBlockIODevice {
  /** As {@link LinuxBlockIO.weight}. */
  weight?: number;
  /** As {@link LinuxBlockIO.leafWeight}. */
  leafWeight?: number;
}

/** One device's limit. */
export interface LinuxThrottleDevice extends LinuxBlockIODevice {
  /** Bytes or operations a second, by the list it stands in. */
  rate: number;
}

/** The hugetlb controller, for one page size. */
export interface LinuxHugepageLimit {
  /** As the kernel writes it: "64KB", "2MB", "1GB". */
  pageSize: string;
  /** Bytes. */
  limit: number;
}

/** The net_cls and net_prio controllers of cgroup v1. */
export interface LinuxNetwork {
  /** What packets are tagged with; 0xAAAABBBB is tc(8)'s class AAAA:BBBB. */
  classID?: number;
  /** Priorities by interface. */
  priorities?: LinuxInterfacePriority[];
}

/** The priority of the container's traffic on one interface. */
export interface LinuxInterfacePriority {
  /** The interface, as the runtime's network namespace names it. */
  name: string;
  /** The packets' priority. */
  priority: number;
}

/** The rdma controller, for one device. At least one of the two is given. */
export interface LinuxRdma {
  /** Device contexts that may be open. */
  hcaHandles?: number;
  /** Objects that may be made. */
  hcaObjects?: number;
}
