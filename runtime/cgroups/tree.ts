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
  const realRoot = isRealRoot(tree, files);
  const base = rootless || !realRoot ? ownBase(tree) : tree.mount;
  if (!tree.writable || (rootless && !isDelegated(base, files))) {
    for (const { controller, field } of wanted) {
      if (field) throw new CgroupError(field, notDelegated(controller, base, rootless));
    }
    return undefined;
  }
  const directories: CgroupDirectory[] = [];
  const levels = [base];
  let directory = base;
  let parent = base;
  const steps = path.split("/").slice(1);
  for (const step of steps) {
    directory += `/${step}`;
    if (levels.length === steps.length) {
      directories.push({ path: directory, why: "the container's own group", shared: false });
      break;
    }
    levels.push(directory);
    if (files.exists(directory)) parent = directory;
    else directories.push({ path: directory, why: "on the way to it", shared: true });
  }
  const place: Place = { directory, parent, directories, made: pathsOf(directories), writes: [] };
  if (wanted.length) {
    handDown(place, { levels, wanted, files, rootless, root: realRoot ? tree.mount : undefined });
  }
  return place;
}

function pathsOf(directories: CgroupDirectory[]): string[] {
  return directories.map(({ path }) => path);
}

/** Only the real root has no type; that of a container is a group of the host's. */
function isRealRoot({ mount }: CgroupTree, files: CgroupFiles): boolean {
  return !files.exists(`${mount}/cgroup.type`);
}

/** What systemd hands over with `Delegate=yes`, see "Delegation" in cgroups(7). */
function isDelegated(base: string, files: CgroupFiles): boolean {
  return files.writable(base) && files.writable(`${base}/cgroup.procs`);
}

/** Has each level hand down the controllers that are wanted at the end. */
function handDown(
  place: Place,
  { levels, wanted, root, rootless, files }: {
    /** The directories above the group, from the top. */
    levels: string[];
    wanted: Wanted[];
    /** The real root, if it is to be seen. */
    root: string | undefined;
    rootless: boolean;
    files: CgroupFiles;
  },
): void {
  let offered = words(files.read(`${levels[0]}/cgroup.controllers`));
  for (const level of levels) {
    const isNew = place.made.includes(level);
    const enabled = isNew ? [] : words(files.read(`${level}/cgroup.subtree_control`));
    const missing = wanted.filter(({ controller }) => !enabled.includes(controller));
    const needed = missing.filter(({ field }) => field);
    for (const { controller, field } of needed) {
      if (!offered.includes(controller)) {
        throw new CgroupError(field!, notOffered(controller, level, rootless));
      }
    }
    const crowd = isNew || level === root ? [] : processes(files.read(`${level}/cgroup.procs`));
    // processes are moved for a limit that was asked for, not for what would be good to have
    const hand = (crowd.length ? needed : missing).map(({ controller }) => controller)
      .filter((controller) => offered.includes(controller));
    if (hand.length && crowd.length) {
      if (level !== levels[0] || crowd.includes("0")) {
        throw new CgroupError(needed[0].field!, crowded(level));
      }
      place.directories.unshift(outsideOf(level));
      place.writes.push(...evacuate(level, crowd));
    }
    if (hand.length) {
      place.writes.push({
        path: `${level}/cgroup.subtree_control`,
        value: hand.map((controller) => `+${controller}`).join(" "),
        why: "hands these controllers down, so that the groups below have their files",
      });
    }
    offered = [...enabled, ...hand];
  }
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

const DELEGATE = "start it with `systemd-run --user --scope -p Delegate=yes ...`, or as root";

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
