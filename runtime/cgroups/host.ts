/**
 * Which control groups this machine offers, read from what the kernel says of this process.
 *
 * @module
 */

import { attempt } from "../../ffi/libc.ts";
import type { CgroupHost, CgroupTree } from "./plan.ts";

/** The few questions about files that planning asks; a test answers them from memory. */
export interface CgroupFiles {
  /** The text of a file, or undefined when it is not there or may not be read. */
  read(path: string): string | undefined;
  /** The names in a directory, none when it is not there. */
  list(path: string): string[];
  /** Whether there is such a file or directory. */
  exists(path: string): boolean;
  /** Whether this process may write to it. */
  writable(path: string): boolean;
}

/** access(2)'s question. */
const W_OK = 2;

/** This machine's files. */
export const hostFiles: CgroupFiles = {
  read(path) {
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return undefined;
    }
  },
  list(path) {
    try {
      return [...Deno.readDirSync(path)].map((entry) => entry.name);
    } catch {
      return [];
    }
  },
  exists: (path) => attempt.access(path, 0) === 0,
  writable: (path) => attempt.access(path, W_OK) === 0,
};

/**
 * Reads /proc/self/mountinfo (proc_pid_mountinfo(5)) and /proc/self/cgroup (cgroups(7)).
 *
 * @param files where to read from
 */
export function readCgroupHost(files: CgroupFiles = hostFiles): CgroupHost {
  const mounts = readMounts(files.read("/proc/self/mountinfo") ?? "");
  const own = readOwn(files.read("/proc/self/cgroup") ?? "");
  const v1 = new Map<string, CgroupTree>();
  let v2: CgroupHost["v2"];
  for (const { point, root, type, options, writable } of mounts) {
    if (type === "cgroup2") {
      // the first mount is the system's; a later one is somebody's own
      if (v2) continue;
      const controllers = words(files.read(`${point}/cgroup.controllers`));
      v2 = { mount: point, own: below(root, own.get("")), writable, controllers };
    } else {
      for (const name of options) {
        if (own.has(name) && !v1.has(name)) {
          v1.set(name, { mount: point, own: below(root, own.get(name)), writable });
        }
      }
    }
  }
  return { mode: v1.size ? "hybrid" : v2 ? "v2" : "none", v2, v1 };
}

/** The words of a file that has one line of them, such as cgroup.controllers. */
export function words(text = ""): string[] {
  return text.trim().split(" ").filter((word) => word !== "");
}

/** A line of mountinfo that is about control groups. */
interface CgroupMountLine {
  point: string;
  /** The directory of the hierarchy that is seen at the mount point. */
  root: string;
  type: string;
  /** Those of the hierarchy, in which version 1 names its controllers. */
  options: string[];
  /** Read-write, both the mount and the file system. */
  writable: boolean;
}

// splitting lines is half as dear as the first run of a regular expression, and every start pays
function readMounts(mountinfo: string): CgroupMountLine[] {
  const found: CgroupMountLine[] = [];
  for (const line of mountinfo.split("\n")) {
    // 31 23 0:28 /root /mount/point rw,relatime shared:4 - cgroup source rw,memory
    if (!line.includes(" - cgroup")) continue;
    const [mount, fileSystem] = line.split(" - ");
    const [, , , root, point, access] = mount.split(" ");
    const [type, , words] = fileSystem.split(" ");
    const options = words.split(",");
    const writable = access.startsWith("rw") && options.includes("rw");
    found.push({ root: unescape(root), point: unescape(point), type, options, writable });
  }
  return found;
}

/** mountinfo writes space, tab, newline and backslash as three octal digits. */
function unescape(path: string): string {
  if (!path.includes("\\")) return path;
  return path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

/** This process's group by controller; that of version 2 has the empty name. */
function readOwn(cgroup: string): Map<string, string> {
  const own = new Map<string, string>();
  for (const line of cgroup.split("\n")) {
    // 9:cpu,cpuacct:/group and 0::/group; the group's name may have colons of its own
    const [, names, ...path] = line.split(":");
    for (const name of names?.split(",") ?? []) own.set(name, path.join(":"));
  }
  return own;
}

/**
 * What is left of a group's path under the directory that is mounted. In a container whose host
 * bind-mounted its group, mountinfo's root and the group's path are both those of the host; a group
 * that lies outside of the mount cannot be reached, and the mount itself has to do.
 */
function below(root: string, path = "/"): string {
  if (root === "/") return path;
  return path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}
