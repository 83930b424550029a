/**
 * A directory cannot be made, or a file not written: of the data root, of the container, of proc.
 *
 * @module
 */

import { O } from "../../ffi/constants.ts";
import { kindOf } from "../merged_tree.ts";
import { CGROUP_FILES, isCgroupFile } from "./cgroup_files.ts";
import {
  brokenWay,
  type Cases,
  either,
  type Finder,
  type Finding,
  named,
  type Scene,
} from "./scene.ts";

/** Looks only where the path is one of those. */
const where = (is: (scene: Scene, path: string) => boolean, find: Finder): Finder => (scene) =>
  is(scene, scene.path) ? find(scene) : undefined;

/** What the container's files on the host's disk are made in. */
function inDataRoot({ failure: { request } }: Scene, path: string): boolean {
  const [first] = request.directories;
  return first !== undefined && (path === first.path || path.startsWith(`${first.path}/`));
}

const isParameter = (_: Scene, path: string) => path.startsWith("/proc/sys/");
const isIdMap = (_: Scene, path: string) => /^\/proc\/\d+\/([ug]id_map|setgroups)$/.test(path);
const isOomScore = (_: Scene, path: string) => path === "/proc/self/oom_score_adj";

/** Where the container's own root is what the caller sees. */
const inContainer = (scene: Scene, path: string) =>
  scene.failure.pid !== undefined && path.startsWith("/");

/** The mount that a path, or the nearest directory above it that is there, lies in. */
function mountAt(scene: Scene, path: string): string {
  const { end, passed } = scene.way(path);
  const nearest = end ?? passed.findLast((place) => place.target === undefined) ??
    scene.tree.walk("/").end;
  const mount = nearest && scene.mountOf(nearest);
  return mount ? `the ${mount.type} mounted at ${named(mount.point)}` : "its file system";
}

const full: Finder = (scene) => {
  const path = scene.path;
  return {
    cause: `${mountAt(scene, path)} has no room for ${named(path)}: no bytes left, or no inodes`,
    advice: `see df -h and df -i; tiffin's own data is what --root names`,
  };
};

const overQuota: Finder = (scene) => ({
  cause: `the disk quota of user ${scene.credentials.uid} is used up on ${
    mountAt(scene, scene.path)
  }`,
  advice: "remove something, or have the quota raised, see quota(1)",
});

const readOnly: Finder = (scene) => {
  const path = scene.path;
  const advice = inDataRoot(scene, path)
    ? "name another place with --root"
    : "the image has to have what is mounted on: make it there, or do not ask for a read-only root";
  return {
    cause: `${mountAt(scene, path)} is read-only, and ${named(path)} is to be made`,
    advice,
  };
};

const closedDataRoot: Finder = (scene) => ({
  cause: `user ${scene.credentials.uid} may not write in ${named(parentOf(scene.path))}`,
  advice: "name a directory of your own with --root or TIFFIN_ROOT, or change its owner",
});

const missingParent: Finder = (scene) => {
  const path = scene.path;
  const way = scene.way(parentOf(path));
  const cause = brokenWay(way, path);
  if (cause) return { cause };
  return way.end && kindOf(way.end) !== "directory"
    ? { cause: `${named(way.end.path)} is a ${kindOf(way.end)}, not a directory` }
    : undefined;
};

const alreadyThere: Finder = (scene) => ({
  cause: `${named(scene.path)} is there already`,
  advice: "remove it, or choose another name for the container",
});

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** The place of proc or sysfs is opened so that a link is an error, see refuseLink() in paths.ts. */
const plantedLink: Finder = (scene) => {
  if (scene.step.name !== "open" || (scene.number(1) & O.NOFOLLOW) === 0) return;
  const { passed, end } = scene.way(scene.path);
  const link = passed.find(({ path, target }) => target !== undefined && path === scene.path);
  if (link) {
    return {
      cause: `${named(link.path)} in the image is a symbolic link to ${named(link.target!)}, and ` +
        "what is mounted there would land elsewhere",
      advice: "do not trust this image: there is no honest reason for such a link",
    };
  }
  return end && kindOf(end) !== "directory"
    ? { cause: `${named(end.path)} in the image is a ${kindOf(end)}, not a directory` }
    : undefined;
};

const parameterName = (path: string) => path.slice("/proc/sys/".length).replaceAll("/", ".");

const unknownParameter: Finder = (scene) => ({
  cause: `this kernel has no parameter ${named(parameterName(scene.path))}, or its module is ` +
    "not loaded",
  advice: "look for its name in /proc/sys on the host",
});

const foreignParameter: Finder = (scene) => ({
  cause: `the parameter ${named(parameterName(scene.path))} cannot be written in here: it is the ` +
    "whole machine's, or of a namespace that does not belong to the container",
  advice: "set it on the host with sysctl, or leave --sysctl away",
});

const parameterValue: Finder = (scene) => ({
  cause: `the parameter ${named(parameterName(scene.path))} does not take the value ${scene.value}`,
  advice: "see the kernel's Documentation/admin-guide/sysctl for what it takes",
});

const mapRefused: Finder = (scene) => {
  const isGroups = scene.path.endsWith("gid_map");
  return {
    cause: `the kernel refuses the map ${scene.value}: an ordinary user may map its own id ` +
      "alone" + (isGroups ? ", and only after writing deny to setgroups" : "") +
      "; a range is for newuidmap(1) and newgidmap(1) to write",
    advice: "install uidmap, and give this user a range in /etc/subuid and /etc/subgid",
  };
};

const scoreLowered: Finder = (scene) => ({
  cause: `oom_score_adj cannot be lowered${scene.value && ` to ${scene.value}`} without ` +
    "CAP_SYS_RESOURCE",
  advice: "leave --oom-score-adj away, or run as root",
});

const terminalsUsedUp: Finder = (scene) =>
  scene.path.endsWith("ptmx")
    ? {
      cause: "there are as many terminals as the kernel allows (kernel.pty.max is " +
        `${scene.host("/proc/sys/kernel/pty/max") || "unknown"})`,
      advice: "end some containers, or raise it with sysctl",
    }
    : undefined;

/** A namespace that is to be joined has gone with its container. */
const goneNamespace: Finder = (scene) =>
  /\/ns\/\w+$/.test(scene.path)
    ? {
      cause: `the namespace ${named(scene.path)} is not there: its processes have ended`,
      advice: "start the container that it belongs to first",
    }
    : undefined;

const missingDirectory: Finder = (scene) => {
  const path = scene.absolute(scene.text(0));
  const { end, passed, broken } = scene.way(path);
  const cause = brokenWay({ passed, broken }, path) ??
    (end && kindOf(end) !== "directory" ? `${named(end.path)} is a ${kindOf(end)}` : undefined);
  return cause
    ? { cause: `${cause}: it cannot be the working directory`, advice: "choose another --workdir" }
    : undefined;
};

const closedDirectory: Finder = (scene): Finding => ({
  cause: `user ${scene.credentials.uid} may not enter ${
    named(scene.text(0))
  }, or a directory above`,
  advice: "choose another --workdir or --user, or change the mode where the image is made",
});

/** Finders for an errno, by what kind of file it is about. */
const BY_ERRNO: Record<string, Finder> = {
  ENOENT: either(
    where(isCgroupFile, CGROUP_FILES.ENOENT),
    where(isParameter, unknownParameter),
    goneNamespace,
    missingParent,
  ),
  EACCES: either(
    where(isCgroupFile, CGROUP_FILES.EACCES),
    where(isParameter, foreignParameter),
    where(isOomScore, scoreLowered),
    where(inDataRoot, closedDataRoot),
  ),
  EPERM: either(
    where(isCgroupFile, CGROUP_FILES.EPERM),
    where(isParameter, foreignParameter),
    where(isIdMap, mapRefused),
  ),
  EROFS: either(
    where(isCgroupFile, CGROUP_FILES.EROFS),
    where(isParameter, foreignParameter),
    readOnly,
  ),
  EINVAL: either(
    where(isCgroupFile, CGROUP_FILES.EINVAL),
    where(isParameter, parameterValue),
    where(isIdMap, mapRefused),
  ),
  ERANGE: either(where(isCgroupFile, CGROUP_FILES.EINVAL), where(isParameter, parameterValue)),
  EBUSY: where(isCgroupFile, CGROUP_FILES.EBUSY),
  ENODEV: where(isCgroupFile, CGROUP_FILES.ENODEV),
  EEXIST: either(where(isCgroupFile, CGROUP_FILES.EEXIST), alreadyThere),
  EAGAIN: where(isCgroupFile, CGROUP_FILES.EAGAIN),
  ENOSPC: either(where(isCgroupFile, CGROUP_FILES.ENOSPC), terminalsUsedUp, full),
  EDQUOT: overQuota,
  ENOTDIR: either(where(inContainer, plantedLink), missingParent),
  ELOOP: where(inContainer, plantedLink),
};

/** What to look for when a file or directory cannot be made, opened or written. */
export const FILES: Cases = {
  mkdir: BY_ERRNO,
  open: BY_ERRNO,
  write: BY_ERRNO,
  mknod: BY_ERRNO,
  symlink: BY_ERRNO,
  chdir: { ENOENT: missingDirectory, ENOTDIR: missingDirectory, EACCES: closedDirectory },
};
