/**
 * The shape of `linux.resources` and `linux.seccomp`: what a container may use, and may call.
 *
 * @module
 */

import { show } from "../words.ts";
import type * as OCI from "../spec.ts";
import * as is from "./checks.ts";
import { array, boolean, integer, map, object, oneOf, required, text } from "./checks.ts";
import type { Check, Problem } from "./checks.ts";

const bytes = integer(-1, 2 ** 63, "bytes");
const weight = integer(0, 1000);

const throttled = array(object<OCI.LinuxThrottleDevice>({
  major: required(is.major),
  minor: required(is.minor),
  rate: required(is.uint64),
}));

/** `linux.resources`. */
export const resources: Check<OCI.LinuxResources> = object<OCI.LinuxResources>({
  devices: array(object<OCI.LinuxDeviceCgroup>({
    allow: required(boolean),
    type: oneOf("a", "c", "b"),
    major: integer(-1, 2 ** 12 - 1),
    minor: integer(-1, 2 ** 20 - 1),
    access: text(/^[rwm]{0,3}$/, 'must be letters of "rwm"'),
  })),
  memory: object<OCI.LinuxMemory>({
    limit: bytes,
    reservation: bytes,
    swap: bytes,
    kernel: bytes,
    kernelTCP: bytes,
    swappiness: integer(0, 100),
    disableOOMKiller: boolean,
    useHierarchy: boolean,
    checkBeforeUpdate: boolean,
  }, ({ limit = 0, swap = 0 }) => {
    if (swap > 0 && swap < limit) {
      return is.wrongField(
        "swap",
        `counts memory too: must be at least the limit ${limit}, got ${swap}`,
      );
    }
  }),
  cpu: object<OCI.LinuxCPU>({
    shares: is.uint64,
    quota: is.int64,
    burst: is.uint64,
    period: is.uint64,
    realtimeRuntime: is.int64,
    realtimePeriod: is.uint64,
    cpus: is.cpuList,
    mems: is.cpuList,
    idle: integer(0, 1),
  }),
  pids: object<OCI.LinuxPids>({ limit: required(is.int64) }),
  blockIO: object<OCI.LinuxBlockIO>({
    weight,
    leafWeight: weight,
    weightDevice: array(object<OCI.LinuxWeightDevice>({
      major: required(is.major),
      minor: required(is.minor),
      weight,
      leafWeight: weight,
    }, (device) => {
      if (device.weight === undefined && device.leafWeight === undefined) {
        return is.wrongField("weight", "is required where leafWeight is not given");
      }
    })),
    throttleReadBpsDevice: throttled,
    throttleWriteBpsDevice: throttled,
    throttleReadIOPSDevice: throttled,
    throttleWriteIOPSDevice: throttled,
  }),
  hugepageLimits: array(object<OCI.LinuxHugepageLimit>({
    pageSize: required(text(/^[1-9]\d*[KMG]B$/, 'must be a size like "2MB"')),
    limit: required(is.uint64),
  })),
  network: object<OCI.LinuxNetwork>({
    classID: is.uint32,
    priorities: array(object<OCI.LinuxInterfacePriority>({
      name: required(is.fileName),
      priority: required(is.uint32),
    })),
  }),
  rdma: map(
    is.fileName,
    object<OCI.LinuxRdma>({ hcaHandles: is.uint32, hcaObjects: is.uint32 }, (limits) => {
      if (limits.hcaHandles === undefined && limits.hcaObjects === undefined) {
        return is.wrongField("hcaHandles", "is required where hcaObjects is not given");
      }
    }),
  ),
  unified: map(is.fileName, is.anyText),
});

/** What a filter can do with a call. */
export const SECCOMP_ACTIONS = [
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_TRAP",
] as const satisfies readonly OCI.LinuxSeccompAction[];

/** What a filter can be installed with. */
export const SECCOMP_FLAGS = [
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
] as const satisfies readonly OCI.LinuxSeccompFlag[];

const action = oneOf(...SECCOMP_ACTIONS);

/** An errno: the kernel has them up to 4095 (MAX_ERRNO). */
const errno = integer(0, 4095);

/** Text for the rule that only two actions come with an errno. */
function errnoRule(name: string, action: string, errno: number | undefined): Problem | undefined {
  if (errno === undefined || action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE") return;
  return is.wrongField(name, `must not be set with ${action}: it is for ERRNO and TRACE`);
}

/** What a 64-bit argument is compared with; a rounded number would make another filter. */
const operand: Check<number | bigint> = (value) => {
  if (typeof value === "bigint" && value >= 0n && value < 2n ** 64n) return;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return;
  const kind = "must be a whole number from 0 to 2^64 - 1, above 2^53 a bigint";
  return is.wrong(`${kind}, got ${show(value)}`);
};

const rule = object<OCI.LinuxSyscall>({
  names: required(array(text(/./s, "must not be empty"), (names) => {
    if (names.length === 0) return is.wrong("must not be empty");
  })),
  action: required(action),
  errnoRet: errno,
  args: array(object<OCI.LinuxSeccompArg>({
    index: required(integer(0, 5)),
    value: required(operand),
    valueTwo: operand,
    op: required(oneOf(
      "SCMP_CMP_NE",
      "SCMP_CMP_LT",
      "SCMP_CMP_LE",
      "SCMP_CMP_EQ",
      "SCMP_CMP_GE",
      "SCMP_CMP_GT",
      "SCMP_CMP_MASKED_EQ",
    )),
  })),
}, ({ action, errnoRet }) => errnoRule("errnoRet", action, errnoRet));

/** `linux.seccomp`. */
export const seccomp: Check<OCI.LinuxSeccomp> = object<OCI.LinuxSeccomp>({
  defaultAction: required(action),
  defaultErrnoRet: errno,
  architectures: array(oneOf(
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
  )),
  flags: array(oneOf(...SECCOMP_FLAGS)),
  listenerPath: is.absolutePath,
  listenerMetadata: is.anyText,
  syscalls: array(rule),
}, ({ defaultAction, defaultErrnoRet, listenerPath, listenerMetadata, syscalls }) => {
  // The listener could not even send the descriptor that it is to listen on.
  if (defaultAction === "SCMP_ACT_NOTIFY") {
    return is.wrongField("defaultAction", "must not be SCMP_ACT_NOTIFY");
  }
  if (listenerPath === undefined) {
    if (listenerMetadata) return is.wrongField("listenerMetadata", "needs a listenerPath");
    const notify = syscalls?.findIndex(({ action }) => action === "SCMP_ACT_NOTIFY") ?? -1;
    if (notify >= 0) return is.wrongField(`syscalls[${notify}].action`, "needs a listenerPath");
  }
  return errnoRule("defaultErrnoRet", defaultAction, defaultErrnoRet);
});
