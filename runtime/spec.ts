/**
 * The container's description: the OCI runtime specification's config.json, version 1.2, for Linux.
 *
 * `run` makes one from an image and its flags, `oci create` reads one from a bundle, and all of
 * `runtime/` takes it from there: nothing about a container stands anywhere else. The field names
 * are the specification's. There are only types here, so importing them costs a start nothing;
 * `validate.ts` checks a value against them.
 *
 * https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config.md
 *
 * @module
 */

import type { Process } from "./spec/process.ts";
import type { LinuxResources } from "./spec/resources.ts";
import type { LinuxSeccomp } from "./spec/seccomp.ts";

export type * from "./spec/process.ts";
export type * from "./spec/resources.ts";
export type * from "./spec/seccomp.ts";

/** A whole config.json. */
export interface Spec {
  /** The version of the specification that the file follows, as SemVer: "1.2.1". */
  ociVersion: string;
  /** What to run. Optional for `create`, required for `start`. */
  process?: Process;
  /** The tree that becomes `/`. */
  root?: Root;
  /** Set in the container's UTS namespace, so that one must be new or given by path. */
  hostname?: string;
  /** The NIS domain name, under the same rule as {@link Spec.hostname}. See domainname(5). */
  domainname?: string;
  /** Mounted in this order, after the root file system. */
  mounts?: Mount[];
  /** Programs of the host's to run at points in the container's life. */
  hooks?: Hooks;
  /** Free text for programs above the runtime; keys are usually reverse domain names. */
  annotations?: Record<string, string>;
  /** What only Linux has. */
  linux?: Linux;
}

/** The container's root file system. */
export interface Root {
  /** A directory on the host; a relative path starts at the bundle. */
  path: string;
  /** Mount it read-only. Default false. */
  readonly?: boolean;
}

/** One file system, or one piece of the host's, put into the container's tree. See mount(2). */
export interface Mount {
  /** A path in the container; a relative one, which is deprecated, starts at its `/`. */
  destination: string;
  /** A type of /proc/filesystems, or "bind" (also "none") with `bind` or `rbind` in the options. */
  type?: string;
  /** A device, a host path (relative ones start at the bundle), or a name of no meaning. */
  source?: string;
  /** mount(8)'s words (`ro`, `nosuid`, `rbind`, `rslave` …); the rest is the file system's own. */
  options?: string[];
  /** An idmapped mount's user IDs: `containerID` is the one on disk, `hostID` the one shown. */
  uidMappings?: LinuxIDMapping[];
  /** The same for group IDs. One is not allowed without the other. */
  gidMappings?: LinuxIDMapping[];
}

/** The lists of programs to run at each point of the container's life, in their order of time. */
export interface Hooks {
  /** Deprecated in favour of {@link Hooks.createRuntime}, and run just before it. */
  prestart?: Hook[];
  /** In the runtime's namespaces, when the namespaces exist but before `pivot_root`. */
  createRuntime?: Hook[];
  /** The program is the host's, the namespaces are the container's; before `pivot_root`. */
  createContainer?: Hook[];
  /** Inside the container, program and all, just before the user's process is executed. */
  startContainer?: Hook[];
  /** In the runtime's namespaces, after the user's process has started. */
  poststart?: Hook[];
  /** In the runtime's namespaces, after the container is deleted. */
  poststop?: Hook[];
}

/** One program that gets the container's state as JSON on its standard input. */
export interface Hook {
  /** An absolute path. */
  path: string;
  /** The whole argument vector, `argv[0]` included; default: the path alone. */
  args?: string[];
  /** `KEY=value` strings; nothing is inherited. */
  env?: string[];
  /** Seconds, at least 1; it is killed after them, and that is an error. */
  timeout?: number;
}

/** What only Linux has. See the specification's config-linux.md. */
export interface Linux {
  /** Which namespaces are new and which are joined; a type not listed is the runtime's own. */
  namespaces?: LinuxNamespace[];
  /** The user namespace's user IDs: what goes into /proc/PID/uid_map. See user_namespaces(7). */
  uidMappings?: LinuxIDMapping[];
  /** The user namespace's group IDs: what goes into /proc/PID/gid_map. */
  gidMappings?: LinuxIDMapping[];
  /** The clocks' shifts in a new time namespace. See time_namespaces(7). */
  timeOffsets?: Partial<Record<LinuxClock, LinuxTimeOffset>>;
  /** Nodes to make beside the six default ones (null, zero, full, random, urandom, tty). */
  devices?: LinuxDevice[];
  /** Absolute: from the cgroup mount's root. Relative: from a place that the runtime chooses. */
  cgroupsPath?: string;
  /** The limits written into that cgroup. */
  resources?: LinuxResources;
  /** Parameters below /proc/sys, dots for slashes: `net.ipv4.ip_forward` is "1". */
  sysctl?: Record<string, string>;
  /** Which system calls the process may make. See seccomp(2). */
  seccomp?: LinuxSeccomp;
  /** How mounts travel between the container's root and the host's. See mount_namespaces(7). */
  rootfsPropagation?: LinuxPropagation;
  /** Absolute paths that must be unreadable: a file gets /dev/null on top, a directory a tmpfs. */
  maskedPaths?: string[];
  /** Absolute paths that must not be written: bound onto themselves, read-only. */
  readonlyPaths?: string[];
  /** SELinux context of the container's mounts. */
  mountLabel?: string;
  /** Cache and memory bandwidth shares. */
  intelRdt?: LinuxIntelRdt;
  /** The execution domain. See personality(2). */
  personality?: LinuxPersonality;
}

/** The kernel's eight kinds of namespace, in OCI's words. See namespaces(7). */
export type LinuxNamespaceType =
  | "pid"
  | "network"
  | "mount"
  | "ipc"
  | "uts"
  | "user"
  | "cgroup"
  | "time";

/** One namespace of the container. */
export interface LinuxNamespace {
  /** Which kind; no kind may be listed twice. */
  type: LinuxNamespaceType;
  /** Absolute path of one to join (`/proc/PID/ns/net` …); without it, a new one is made. */
  path?: string;
}

/** A run of IDs: `size` of them from `containerID` inside are those from `hostID` outside. */
export interface LinuxIDMapping {
  /** The first ID inside. */
  containerID: number;
  /** The first ID outside, as the parent user namespace counts. */
  hostID: number;
  /** How many, at least 1; no run may leave the 32-bit ID space or meet another. */
  size: number;
}

/** The clocks that a time namespace can shift. */
export type LinuxClock = "monotonic" | "boottime";

/** How far a clock is shifted: the sum of both fields. */
export interface LinuxTimeOffset {
  /** Seconds, negative too. */
  secs?: number;
  /** Nanoseconds, 0 to 999,999,999. */
  nanosecs?: number;
}

/** The propagation of the container's root mount; the `r` forms act on everything below too. */
export type LinuxPropagation =
  | "private"
  | "rprivate"
  | "slave"
  | "rslave"
  | "shared"
  | "rshared"
  | "unbindable"
  | "runbindable";

/** A device node to make. See mknod(2). */
export interface LinuxDevice {
  /** An absolute path in the container, not only below /dev. */
  path: string;
  /** `c` or `u`: character device; `b`: block device; `p`: FIFO. */
  type: "c" | "u" | "b" | "p";
  /** Required unless it is a FIFO. */
  major?: number;
  /** Required unless it is a FIFO. */
  minor?: number;
  /** Permission bits (0o666 is 438 in JSON). */
  fileMode?: number;
  /** The owner, as the container counts. */
  uid?: number;
  /** The group, as the container counts. */
  gid?: number;
}

/** What personality(2) is given. */
export interface LinuxPersonality {
  /** `LINUX32` makes uname(2) name the 32-bit machine. */
  domain: "LINUX" | "LINUX32";
  /** The specification defines none yet. */
  flags?: string[];
}

/** Intel's Resource Director Technology, through the kernel's resctrl file system. */
export interface LinuxIntelRdt {
  /** The class of service: a directory's name in resctrl. */
  closID?: string;
  /** `L3:<cache id>=<bit mask>;…` */
  l3CacheSchema?: string;
  /** `MB:<cache id>=<bandwidth>;…`, in per cent or, with the MBA software controller, MB/s. */
  memBwSchema?: string;
  /** Monitor how much of the last-level cache is used. */
  enableCMT?: boolean;
  /** Monitor the memory bandwidth used. */
  enableMBM?: boolean;
}
