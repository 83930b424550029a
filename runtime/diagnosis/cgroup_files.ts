/**
 * A control group cannot be made, or one of its files not written.
 *
 * cgroups(7); the kernel's Documentation/admin-guide/cgroup-v2.rst, "Controlling Controllers".
 *
 * @module
 */

import { type Finder, named, type Scene } from "./scene.ts";

/** Whether a path lies in a mounted hierarchy. */
export function isCgroupFile(scene: Scene, path: string): boolean {
  return groupMount(scene, path) !== undefined;
}

function groupMount(scene: Scene, path: string) {
  return scene.mounts.find(({ type, point }) =>
    type.startsWith("cgroup") && path.startsWith(`${point}/`)
  );
}

function split(path: string): { group: string; file: string } {
  const at = path.lastIndexOf("/");
  return { group: path.slice(0, at), file: path.slice(at + 1) };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

const missing: Finder = (scene) => {
  const path = scene.path;
  const { group, file } = split(path);
  if (!exists(group)) return { cause: `the cgroup ${named(group)} is not there` };
  const controller = file.split(".", 1)[0];
  const mount = groupMount(scene, path)!;
  if (mount.type !== "cgroup2") {
    return {
      cause: `the controller of ${named(group)} has no file ${named(file)} in this kernel`,
      advice: "leave away the limit that needs it, or use a kernel that is built with it",
    };
  }
  const above = split(group).group;
  const handedOn = scene.host(`${above}/cgroup.subtree_control`);
  return {
    cause: `the controller ${named(controller)} is not handed on to ${named(group)}: ` +
      `${named(above)}/cgroup.subtree_control has ${handedOn ? `only ${handedOn}` : "none"}`,
    advice: "run as root, or have it delegated: " +
      `systemctl edit user@.service, with [Service] Delegate=cpu cpuset io memory pids`,
  };
};

const notDelegated: Finder = (scene) => {
  const path = scene.path;
  const { group } = split(path);
  const owner = (() => {
    try {
      return Deno.statSync(group).uid;
    } catch {
      return undefined;
    }
  })();
  return {
    cause: `user ${scene.credentials.uid} may not change the cgroup ${named(group)}` +
      (owner === undefined ? "" : `, which belongs to user ${owner}`),
    advice: "run as root, or in a group of your own: systemd-run --user --scope -p Delegate=yes " +
      "deno run -A mod.ts run …",
  };
};

const readOnly: Finder = (scene) => ({
  cause: `the cgroup hierarchy at ${named(groupMount(scene, scene.path)!.point)} is mounted ` +
    "read-only, as in most containers",
  advice: "run the outer container with --privileged, or with its cgroups mounted read-write",
});

/** What some files take, beyond "a number". */
const TAKES: [RegExp, (scene: Scene) => string][] = [
  [/^cpuset\.cpus$/, (scene) => `CPUs that are online: ${online(scene, "cpu")}`],
  [/^cpuset\.mems$/, (scene) => `memory nodes that are online: ${online(scene, "node")}`],
  [
    /^(cpu\.max|cpu\.cfs_)/,
    () => "a quota of at least 1000 microseconds in a period of 1 ms to 1 s",
  ],
  [/^cpu\.weight$/, () => "a weight from 1 to 10000"],
  [/^cpu\.shares$/, () => "shares from 2 to 262144"],
  [/^(io|blkio)\.(bfq\.)?weight/, () => "a weight from 1 to 10000 (10 to 1000 in version 1)"],
  [
    /^(io\.max|blkio\.throttle)/,
    () => "MAJOR:MINOR of a whole disk, and a number of bytes or operations",
  ],
  [/^memory\.memsw/, () => "no less than memory.limit_in_bytes"],
];

function online(scene: Scene, kind: "cpu" | "node"): string {
  return scene.host(`/sys/devices/system/${kind}/online`) || "unknown";
}

const wrongValue: Finder = (scene) => {
  const { file } = split(scene.path);
  const [, takes] = TAKES.find(([pattern]) => pattern.test(file)) ?? [];
  return {
    cause: `${named(file)} does not take the value ${scene.value}` +
      (takes ? `: it takes ${takes(scene)}` : ""),
    advice: "give another value, or leave the limit away",
  };
};

const busy: Finder = (scene) => {
  const { group, file } = split(scene.path);
  if (file === "cgroup.subtree_control") {
    return {
      cause: `${named(group)} has processes of its own, and such a group cannot hand controllers ` +
        'on to groups below it: the "no internal processes" rule, cgroups(7)',
      advice: "choose another group with --cgroup-parent, or move its processes into one below it",
    };
  }
  if (file === "cgroup.procs") {
    return {
      cause: `${named(group)} hands controllers on to groups below it, and such a group may have ` +
        "no process of its own, cgroups(7)",
      advice: "choose another group with --cgroup-parent",
    };
  }
  return {
    cause: `${named(file)} cannot be set to ${scene.value} while the group uses more than that`,
    advice: "give a larger value",
  };
};

const noDevice: Finder = (scene) => ({
  cause: `${scene.value} names a device that is not there, or not a whole disk`,
  advice: "lsblk shows the numbers of the disks",
});

const taken: Finder = (scene) => ({
  cause: `the cgroup ${named(scene.path)} is there already: another container has it`,
  advice: "choose another --cgroup-parent, or rmdir the group if nobody is in it",
});

const tooManyGroups: Finder = (scene) => ({
  cause: `a group above ${named(scene.path)} lets no more groups be made below it ` +
    "(cgroup.max.descendants or cgroup.max.depth)",
  advice: "end some containers, or raise the limit",
});

const emptyCpuset: Finder = (scene) => {
  const { group, file } = split(scene.path);
  if (file !== "tasks" && file !== "cgroup.procs") return wrongValue(scene);
  return {
    cause: `the cpuset ${named(group)} has no CPUs or no memory nodes yet, so nobody can run in it`,
    advice: "give it some with --cpuset-cpus and --cpuset-mems",
  };
};

/** What to look for when a control group's file or directory is refused, by errno. */
export const CGROUP_FILES: Record<
  | "ENOENT"
  | "EACCES"
  | "EPERM"
  | "EROFS"
  | "EINVAL"
  | "EBUSY"
  | "ENODEV"
  | "EEXIST"
  | "EAGAIN"
  | "ENOSPC",
  Finder
> = {
  ENOENT: missing,
  EACCES: notDelegated,
  EPERM: notDelegated,
  EROFS: readOnly,
  EINVAL: wrongValue,
  EBUSY: busy,
  ENODEV: noDevice,
  EEXIST: taken,
  EAGAIN: tooManyGroups,
  ENOSPC: emptyCpuset,
};
