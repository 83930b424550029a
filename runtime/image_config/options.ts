/**
 * What `run` can be told about a container: the flags, with their words resolved to plain data.
 *
 * Whatever is optional has Docker's default, or a stricter one where it says so.
 *
 * @module
 */

import type {
  ConsoleSize,
  LinuxDevice,
  LinuxDeviceCgroup,
  LinuxIDMapping,
  LinuxPropagation,
  LinuxResources,
  LinuxSeccomp,
  Mount,
  Rlimit,
} from "../spec.ts";

/** A new namespace, the host's own, or the one at an absolute path. */
export type NamespaceChoice = "private" | "host" | `/${string}`;

/** All that a container is made from beside its image. */
export interface RunOptions {
  /** The container's ID: hex digits. */
  id: string;
  /** The directory that becomes `/`. */
  rootfs: string;
  /** Mount it read-only. Default false. */
  readonly?: boolean;

  /** The words after the image's name, in place of the image's Cmd. */
  command?: string[];
  /** In place of the image's Entrypoint, and then its Cmd does not count either; `[]`: none. */
  entrypoint?: string[];
  /** `KEY=value` sets; `KEY` alone takes away what the image or Docker's defaults set. */
  env?: string[];
  /** The working directory, an absolute path. Default: the image's, or `/`. */
  workdir?: string;
  /** `--user`, or the image's User, looked up in the container's own passwd and group. */
  resolvedUser: ResolvedUser;
  /** IDs of further groups. */
  groupAdd?: number[];
  /** Give the process a terminal. Default false. */
  terminal?: boolean;
  /** The terminal's first size. */
  consoleSize?: ConsoleSize;
  /** Path on the host of a program that runs as PID 1, starts the command and reaps for it. */
  init?: string;

  /**
   * Default: the ID's first 12 digits. With `uts: "host"` it must be the host's name, and is for the
   * variable HOSTNAME alone; with `network: "host"` Docker gives the host's name too.
   */
  hostname?: string;
  /** The NIS domain name. */
  domainname?: string;
  /** Volumes and binds, the volumes that the image asks for too. One for /proc … replaces ours. */
  mounts?: Mount[];
  /** `--tmpfs`: options by destination, on top of `noexec,nosuid,nodev`. */
  tmpfs?: Record<string, string[]>;
  /** Bytes of /dev/shm. Default 64 MiB. */
  shmSize?: number;
  /** How the root's mounts travel. Default: not at all. */
  rootfsPropagation?: LinuxPropagation;
  /** Mount the cgroups read-only at /sys/fs/cgroup. Default true. */
  hasCgroupMount?: boolean;

  /** All capabilities, all devices, nothing masked or read-only. Default false. */
  privileged?: boolean;
  /** `--cap-add`. */
  capAdd?: string[];
  /** `--cap-drop`. */
  capDrop?: string[];
  /** What `ALL` and `privileged` give; unless given, every capability that there is. */
  allCapabilities?: string[];
  /** Default true, stricter than Docker's; false for a privileged container. */
  noNewPrivileges?: boolean;
  /** The caller chooses, because the default profile depends on capabilities and on the machine. */
  seccomp: LinuxSeccomp | "unconfined";
  /** AppArmor's profile. */
  apparmorProfile?: string;
  /** SELinux's context of the process. */
  selinuxLabel?: string;
  /** SELinux's context of the mounts. */
  mountLabel?: string;
  /** In place of {@link DEFAULT_MASKED_PATHS}, also for a privileged container. */
  maskedPaths?: string[];
  /** In place of {@link DEFAULT_READONLY_PATHS}, also for a privileged container. */
  readonlyPaths?: string[];

  /** Limits of the process. */
  rlimits?: Rlimit[];
  /** Default 0, but left as it is when rootless, because it cannot be lowered. */
  oomScoreAdj?: number;
  /** Values by key, on top of Docker's two for the network. */
  sysctls?: Record<string, string>;
  /** Device nodes, and what may be done with them. */
  devices?: DeviceOption[];
  /** `--device-cgroup-rule`. */
  deviceCgroupRules?: LinuxDeviceCgroup[];
  /** Limits of the cgroup. Its device rules are made here. */
  resources?: Omit<LinuxResources, "devices">;
  /** Where the container's cgroup is. */
  cgroupsPath?: string;

  /** Default private. */
  pid?: NamespaceChoice;
  /** Default private. What the new one is connected to is no matter of the spec: "none" is private. */
  network?: NamespaceChoice | "none";
  /** Default private. "none": private, and no /dev/shm. */
  ipc?: NamespaceChoice | "none";
  /** Default private. */
  uts?: NamespaceChoice;
  /** Default private. */
  cgroupns?: NamespaceChoice;
  /** A user namespace to join. Default: a new one if there are mappings, else the host's. */
  userns?: "host" | `/${string}`;
  /** The new user namespace's user IDs. */
  uidMappings?: LinuxIDMapping[];
  /** The new user namespace's group IDs. */
  gidMappings?: LinuxIDMapping[];
  /** Started by an ordinary user: leave out what only the host's root can do. Default false. */
  rootless?: boolean;

  /** What `stop` sends. Default: the image's. Kept as an annotation. */
  stopSignal?: string;
  /** Free text by key. */
  annotations?: Record<string, string>;
}

/** A user, in numbers. */
export interface ResolvedUser {
  /** User ID. */
  uid: number;
  /** Group ID. */
  gid: number;
  /** The other groups that /etc/group lists the user in. */
  additionalGids: number[];
  /** The home directory that /etc/passwd names; empty: `/`. */
  home: string;
}

/** `--device`. */
export interface DeviceOption {
  /** The node, read off the host's. */
  device: LinuxDevice;
  /** Of "rwm". */
  access: string;
}
