/**
 * Where a container's group stands in the version 2 hierarchy: the directories above it, the
 * controllers that each has to hand down, and the processes that are in the way.
 *
 * A controller is there in a group only when the parent's `cgroup.subtree_control` names it, and a
 * group that hands controllers down may have no processes of its own, except for the real root
 * (cgroups(7), "no internal processes").
 *
 * @module
 */

import { type CgroupFiles, words } from "./host.ts";
import {
  type CgroupDirectory,
  CgroupError,
  type CgroupRequest,
  type CgroupTree,
  type CgroupWrite,
} from "./plan.ts";

/** A controller that should be there, and the limit that cannot do without it. */
export interface Wanted {
  /** `memory`. */
  controller: string;
  /** The field that needs it; absent when it would only be good to have. */
  field?: string;
}

/** A group's place. */
export interface Place {
  /** The group's own directory. */
  directory: string;
  /** The nearest directory above it that is there already. */
  parent: string;
  /** All that are to be made, the group's own last. */
  directories: CgroupDirectory[];
  /** Those of them that are the container's alone, to be removed with it. */
  made: string[];
  /** What hands the controllers down. */
  writes: CgroupWrite[];
}

/**
 * Where processes go that stand in a group which is to hand controllers down: this one and, say, the
 * shell that it was started from.
 */
const OUTSIDE = "/tiffin-outside";

/**
 * Finds the place, or nothing when this process may not make one.
 *
 * @throws {CgroupError} when a controller that a limit needs cannot be had
 */
export function findPlace(
  tree: CgroupTree,
  { path, rootless }: CgroupRequest,
  wanted: Wanted[],
  files: CgroupFiles,
): Place | undefined {
  // only the real root has no type; that of a container is a group of the host's
  const realRoot = !files.exists(`${tree.mount}/cgroup.type`);
  const base = realRoot && !rootless ? tree.mount : ownBase(tree);
  if (!files.writable(`${base}/cgroup.procs`) || !files.writable(base)) {
    for (const { controller, field } of wanted) {
      if (field) throw new CgroupError(field, notDelegated(controller, base, rootless));
    }
    return undefined;
  }

  const directories: CgroupDirectory[] = [];
  const outside: CgroupDirectory[] = [];
  const writes: CgroupWrite[] = [];
  let level = base;
  let parent = base;
  let offered = words(files.read(`${base}/cgroup.controllers`));
  const steps = path.split("/").filter((step) => step !== "");
  for (const [i, step] of steps.entries()) {
    const isNew = directories.length > 0;
    if (!isNew) parent = level;
    const enabled = isNew ? [] : words(files.read(`${level}/cgroup.subtree_control`));
    const crowd = isNew || (realRoot && level === tree.mount)
      ? []
      : processes(files.read(`${level}/cgroup.procs`));
    const missing = wanted.filter(({ controller }) => !enabled.includes(controller));
    const needed = missing.filter(({ field }) => field);
    for (const { controller, field } of needed) {
      if (!offered.includes(controller)) {
        throw new CgroupError(field!, notOffered(controller, level, rootless));
      }
    }
    // processes are moved for a limit that was asked for, not for what would be good to have
    const hand = (crowd.length ? needed : missing).map(({ controller }) => controller)
      .filter((controller) => offered.includes(controller));
    if (hand.length) {
      if (crowd.length) {
        if (level !== base || crowd.includes("0")) {
          throw new CgroupError(needed[0].field!, crowded(level));
        }
        outside.push(outsideOf(level));
        writes.push(...evacuate(level, crowd));
      }
      writes.push({
        path: `${level}/cgroup.subtree_control`,
        value: hand.map((controller) => `+${controller}`).join(" "),
        why: "hands these controllers down, so that the groups below have their files",
      });
    }
    offered = [...enabled, ...hand];
    level += `/${step}`;
    const leaf = i === steps.length - 1;
    if (leaf || !files.exists(level)) {
      const why = leaf ? "the container's own group" : "on the way to the container's group";
      directories.push({ path: level, why, shared: !leaf });
    }
  }
  const made = directories.map(({ path }) => path);
  return { directory: level, parent, directories: [...outside, ...directories], made, writes };
}

/** Below what an ordinary user's own group is; after a first container it is the parent of that. */
function ownBase({ mount, own }: CgroupTree): string {
  const path = own.endsWith(OUTSIDE) ? own.slice(0, -OUTSIDE.length) : own;
  return path === "/" ? mount : mount + path;
}

/** Process ids; 0 stands for one that is outside of our PID namespace and cannot be named. */
function processes(procs = ""): string[] {
  return procs.split("\n").filter((pid) => pid !== "");
}

function outsideOf(level: string): CgroupDirectory {
  const why = "for the processes that are here now: a group with processes hands nothing down";
  return { path: level + OUTSIDE, why, shared: true };
}

/** Moves what runs in a group to one beside the container's. */
function evacuate(level: string, crowd: string[]): CgroupWrite[] {
  return crowd.map((pid) => ({
    path: `${level}${OUTSIDE}/cgroup.procs`,
    value: pid,
    why: `moves process ${pid}`,
    allow: ["ESRCH"],
  }));
}

const DELEGATE = "start it with `systemd-run --user --scope -p Delegate=yes …`, or as root";

function notDelegated(controller: string, base: string, rootless: boolean): string {
  return `needs a ${controller} group, but ${base} may not be written to: ${
    rootless ? DELEGATE : "mount cgroup2 read-write"
  }`;
}

function notOffered(controller: string, level: string, rootless: boolean): string {
  return rootless
    ? `the ${controller} controller is not handed down to ${level}: ${DELEGATE}`
    : `there is no ${controller} controller in ${level}: look at cgroup.controllers and ` +
      "cgroup.subtree_control there and above, and for cgroup_disable= on the kernel's command line";
}

function crowded(level: string): string {
  return `${level} has processes that cannot be moved, so it cannot hand controllers down: choose another cgroupsPath`;
}
