/**
 * What a control group of a container is made of, as data: the plan that is written down before
 * anything is touched, and the record that is kept to join, read, freeze and remove it later.
 *
 * @module
 */

import type { LinuxResources } from "../spec/resources.ts";

/** A version 1 hierarchy or the version 2 hierarchy, as this process sees it. */
export interface CgroupTree {
  /** Where it is mounted, for example `/sys/fs/cgroup/memory`. */
  mount: string;
  /** This process's own directory in it, below `mount`, `/` for the mount itself. */
  own: string;
  /** Whether it is mounted read-write. */
  writable: boolean;
}

/** The control groups that this machine offers, see cgroups(7). */
export interface CgroupHost {
  /** `v2`: no version 1 controller is mounted; `hybrid`: some are; `none`: neither version is. */
  mode: "v2" | "hybrid" | "none";
  /** The version 2 hierarchy, and the controllers that its mounted root offers. */
  v2?: CgroupTree & { controllers: string[] };
  /** The version 1 hierarchies by controller; `cpu` and `cpuacct` may name the same one. */
  v1: Map<string, CgroupTree>;
}

/** A directory that the plan makes with mkdir(2). */
export interface CgroupDirectory {
  /** Absolute path. */
  path: string;
  /** Why it is needed, in one line. */
  why: string;
  /** True for a parent that others may use too: EEXIST is allowed. A leaf must be new. */
  shared: boolean;
}

/** A value that the plan writes into a file of a control group, in one write(2). */
export interface CgroupWrite {
  /** Absolute path. */
  path: string;
  /** What is written, without a newline. */
  value: string;
  /** Why, in one line. */
  why: string;
  /** Names of the errnos that are not a failure, of open(2) or write(2). */
  allow?: string[];
}

/** A file into which the container's first process writes `0`, which moves the writer. */
export interface CgroupJoin {
  /** Absolute path of a version 1 `tasks` file. */
  path: string;
  /** Why, in one line. */
  why: string;
}

/** One mount of what the container sees at /sys/fs/cgroup, in order. */
export interface CgroupMount {
  /** Directory below /sys/fs/cgroup, empty for itself. It is to be made when not empty. */
  target: string;
  /** Type of file system, as mount(2) takes it. */
  type: "cgroup2" | "cgroup" | "tmpfs";
  /** Options of the file system, for example `memory` or `mode=755`; empty for none. */
  data: string;
  /** The group's own directory, which is shown where the container shares the host's namespace. */
  group?: string;
  /** Why, in one line. */
  why: string;
}

/** What is kept of a control group, as JSON, for as long as its container lives. */
export interface CgroupRecord {
  /** The group's name, below each hierarchy's root. */
  path: string;
  /** Its version 2 directory. */
  v2?: string;
  /** Its version 1 directories by controller. */
  v1: Record<string, string>;
  /** The directories that the plan makes, parents first: removed in reverse order. */
  made: string[];
}

/** Everything that has to be done to give a container its control group. */
export interface CgroupPlan {
  /** The group's name, below each hierarchy's root: `/tiffin-<id>` or the spec's `cgroupsPath`. */
  path: string;
  /** To be made first, in this order. */
  directories: CgroupDirectory[];
  /** To be written by the parent next, in this order, before the container's first process is there. */
  writes: CgroupWrite[];
  /** To be written by the container's first process itself, while it can see the host's files. */
  joins: CgroupJoin[];
  /**
   * The version 2 directory to start the first process in, with clone3(2)'s `CLONE_INTO_CGROUP`.
   * `CLONE_NEWCGROUP` must not be in the same call: its root would be the *parent's* group, so the
   * child calls unshare(2) for it after the joins.
   */
  into?: string;
  /** eBPF instructions that decide on devices, to be loaded and attached to `into`, see bpf(2). */
  deviceProgram?: Uint8Array<ArrayBuffer>;
  /** What the container's /sys/fs/cgroup is made of; nothing when it has no group of its own. */
  mounts: CgroupMount[];
  /** Names in the container's /sys/fs/cgroup that stand for a hierarchy with several controllers. */
  links: { name: string; target: string }[];
  /** What to keep. */
  record: CgroupRecord;
}

/** What is asked of a control group. */
export interface CgroupRequest {
  /** The group's name, an absolute path below each hierarchy's root. */
  path: string;
  /** `linux.resources` of the runtime specification. */
  resources?: LinuxResources;
  /** True when the container has a user namespace of an ordinary user's. */
  rootless: boolean;
  /**
   * True when nobody asked for `memory.swap`, but Docker's rule made it of the limit: it is left out
   * where the kernel does not count swap.
   */
  swapIsDefault?: boolean;
}

/** A control group that cannot be had: said before anything is touched. */
export class CgroupError extends Error {
  /** The class, as a stack trace names it. */
  override name = "CgroupError";

  /**
   * An error about one field.
   *
   * @param field the field of the specification that asks for it, `linux.resources.memory.limit`
   * @param message why it cannot be had, and what can be done
   */
  constructor(
    /** The field of the specification that asks for what cannot be had. */
    readonly field: string,
    message: string,
  ) {
    super(`${field}: ${message}`);
  }
}

/**
 * What a process writes to enter the version 1 part of a group, itself and while it has one thread:
 * `tasks` then moves it at once, where `cgroup.procs` would wait for all processors (8 to 12 ms).
 * The version 2 part is entered by being started in it.
 */
export function joinsOf(record: CgroupRecord): CgroupJoin[] {
  const controllers = new Map<string, string[]>();
  for (const [name, directory] of Object.entries(record.v1)) {
    controllers.set(directory, [...controllers.get(directory) ?? [], name]);
  }
  return [...controllers].map(([directory, names]) => ({
    path: `${directory}/tasks`,
    why: `joins the ${names.join(" and ")} group`,
  }));
}
