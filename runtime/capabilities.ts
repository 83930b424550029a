/**
 * Capabilities: the pieces that root's power is cut into, and which of them a container gets.
 *
 * The names and numbers are the kernel's (include/uapi/linux/capability.h), the meanings are those
 * of capabilities(7), and `--cap-add`, `--cap-drop` and the default set are Docker's.
 *
 * @module
 */

import { didYouMean, show } from "./words.ts";

/** One capability. */
export interface Capability {
  /** `CAP_...` */
  readonly name: string;
  /** Its bit in the masks of capset(2) and /proc/PID/status. */
  readonly number: number;
  /** What it lets a process do: a phrase that goes after "a process with it may". */
  readonly lets: string;
}

/** What each capability lets a process do, in the order of their numbers, from 0. */
const LETS = {
  CAP_CHOWN: "give any file to any user and group",
  CAP_DAC_OVERRIDE: "read, write and execute files whatever their permission bits say",
  CAP_DAC_READ_SEARCH: "read any file and search any directory, also by open_by_handle_at(2)",
  CAP_FOWNER: "do with any file what only its owner may: chmod, set times and ACLs",
  CAP_FSETID: "keep the set-user-ID and set-group-ID bits of a file that it changes",
  CAP_KILL: "send signals to the processes of any user",
  CAP_SETGID: "take on any group ID and any list of supplementary groups",
  CAP_SETUID: "take on any user ID",
  CAP_SETPCAP: "drop capabilities from its bounding set and add to its inheritable set",
  CAP_LINUX_IMMUTABLE: "set and clear a file's append-only and immutable flags",
  CAP_NET_BIND_SERVICE: "listen on ports below 1024",
  CAP_NET_BROADCAST: "nothing today: no kernel code asks for it",
  CAP_NET_ADMIN: "configure interfaces, addresses, routes and the firewall",
  CAP_NET_RAW: "send and receive raw packets: ping, and forging another's address",
  CAP_IPC_LOCK: "lock any amount of memory into RAM",
  CAP_IPC_OWNER: "use System V shared memory, semaphores and queues whatever their permissions",
  CAP_SYS_MODULE: "load code into the kernel, and so do anything at all",
  CAP_SYS_RAWIO: "reach I/O ports and physical memory",
  CAP_SYS_CHROOT: "call chroot(2) and, with CAP_SYS_ADMIN, join mount namespaces",
  CAP_SYS_PTRACE: "read, write and steer other processes",
  CAP_SYS_PACCT: "switch process accounting on and off",
  CAP_SYS_ADMIN: "mount file systems, make namespaces, and much else: it is nearly root",
  CAP_SYS_BOOT: "reboot the machine, and load another kernel",
  CAP_SYS_NICE: "raise priorities, and choose real-time scheduling, CPUs and memory nodes",
  CAP_SYS_RESOURCE: "go beyond resource limits, disk quotas and reserved disk space",
  CAP_SYS_TIME: "set the machine's clock",
  CAP_SYS_TTY_CONFIG: "hang up and reconfigure terminals and consoles",
  CAP_MKNOD: "make device nodes",
  CAP_LEASE: "take leases on files that it does not own",
  CAP_AUDIT_WRITE: "write records to the kernel's audit log",
  CAP_AUDIT_CONTROL: "switch auditing on and off and change its rules",
  CAP_SETFCAP: "put capabilities on a file, for whoever executes it",
  CAP_MAC_OVERRIDE: "pass over the mandatory access control of Smack",
  CAP_MAC_ADMIN: "change the configuration of mandatory access control",
  CAP_SYSLOG: "read and clear the kernel's log, and see kernel addresses",
  CAP_WAKE_ALARM: "set timers that wake a sleeping machine",
  CAP_BLOCK_SUSPEND: "keep the machine from going to sleep",
  CAP_AUDIT_READ: "read the audit log as it is written",
  CAP_PERFMON: "watch the whole machine's performance with perf_event_open(2)",
  CAP_BPF: "load most kinds of BPF programs into the kernel",
  CAP_CHECKPOINT_RESTORE: "choose the PID of a new process, and do the rest that CRIU needs",
};

/** Every capability that the kernel has had up to Linux 6.18, by number. */
export function capabilities(): Capability[] {
  return Object.entries(LETS).map(([name, lets], number) => ({ name, number, lets }));
}

/** Their names alone, by number. */
export const CAPABILITY_NAMES: readonly string[] = Object.keys(LETS);

/** What a container has unless it is told otherwise: Docker's fourteen. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SYS_CHROOT",
  "CAP_MKNOD",
  "CAP_AUDIT_WRITE",
  "CAP_SETFCAP",
];

/**
 * The 64-bit mask of these capabilities, bit n for capability n, as /proc/PID/status shows it.
 *
 * @param names `CAP_...` names, as a spec has them
 * @throws {CapabilityError} for a name that is none
 */
export function capabilityMask(names: readonly string[]): bigint {
  let mask = 0n;
  for (const name of names) mask |= 1n << BigInt(numberOf(name));
  return mask;
}

/**
 * The names of a mask's bits, by number; one that the table does not have is `CAP_41`, and so on.
 */
export function capabilityNames(mask: bigint): string[] {
  const names: string[] = [];
  for (let number = 0; number < 64; number++) {
    if (mask >> BigInt(number) & 1n) names.push(CAPABILITY_NAMES[number] ?? `CAP_${number}`);
  }
  return names;
}

/** `--cap-add`, `--cap-drop` and `--privileged`, as they were typed. */
export interface CapabilityOptions {
  /** Names with or without `CAP_`, in any case, or `ALL`. */
  add?: readonly string[];
  /** The same. */
  drop?: readonly string[];
  /** All of them, whatever the other two say. */
  privileged?: boolean;
  /** What `ALL` is; unless given, every capability that there is. */
  all?: readonly string[];
}

/**
 * The capabilities of a container, by number, by Docker's rules: `--privileged` is all; adding
 * `ALL` is all but the dropped; dropping `ALL` leaves the added alone; else the dropped leave the
 * default set first, and then the added join it.
 *
 * @throws {CapabilityError} for a name that is none; it suggests the nearest
 */
export function resolveCapabilities(options: CapabilityOptions): string[] {
  const add = new Set((options.add ?? []).map(fullName));
  const drop = new Set((options.drop ?? []).map(fullName));
  const { privileged, all = CAPABILITY_NAMES } = options;
  return CAPABILITY_NAMES.filter((name) => {
    if (privileged) return all.includes(name);
    if (add.has("ALL") && all.includes(name)) return !drop.has(name);
    if (add.has(name) || add.has("ALL")) return add.has(name);
    return !drop.has("ALL") && !drop.has(name) && DEFAULT_CAPABILITIES.includes(name);
  });
}

/**
 * What this process can give on, its bounding set: in a container of somebody else's, root itself
 * has not everything.
 *
 * @param status the text of /proc/self/status, proc(5)
 */
export function boundingSet(status: string): string[] {
  return capabilityNames(BigInt(`0x${/^CapBnd:\s*(\S+)/m.exec(status)?.[1] ?? "0"}`));
}

/** A name that no capability has. */
export class CapabilityError extends Error {
  /** The class's name, for messages. */
  override name = "CapabilityError";

  /**
   * Says so, and suggests the nearest.
   *
   * @param capability the name as it was given
   */
  constructor(readonly capability: string) {
    const bare = CAPABILITY_NAMES.map((name) => name.slice("CAP_".length));
    const typed = capability.toUpperCase();
    const hint = typed.startsWith("CAP_")
      ? didYouMean(typed, CAPABILITY_NAMES)
      : didYouMean(typed, bare);
    super(`unknown capability ${show(capability)}${hint}`);
  }
}

/** The kernel's name for what was typed, or "ALL". */
function fullName(typed: string): string {
  const upper = typed.toUpperCase();
  if (upper === "ALL") return upper;
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!CAPABILITY_NAMES.includes(name)) throw new CapabilityError(typed);
  return name;
}

/** A capability's bit number. */
function numberOf(name: string): number {
  const number = CAPABILITY_NAMES.indexOf(name);
  if (number < 0) throw new CapabilityError(name);
  return number;
}
