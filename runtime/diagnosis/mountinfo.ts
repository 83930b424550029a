/**
 * The mounts that a process sees, from /proc/PID/mountinfo (proc_pid_mountinfo(5)).
 *
 * @module
 */

/** One mount. */
export interface MountLine {
  /** Its number; {@linkcode MountLine.parent} is that of the mount that it lies on. */
  id: number;
  /** Its own number for a mount that lies on nothing: the kernel's initial file system. */
  parent: number;
  /** The directory of the file system that is seen at the mount point. */
  root: string;
  /** Where it is, seen from the root directory of the process. */
  point: string;
  /** Words such as `ro` and `noexec`, of this mount alone. */
  options: string[];
  /** Whether nothing can be written in it, for this mount or for its file system's own reasons. */
  isReadOnly: boolean;
  /** Whether what is mounted in it travels to other mount namespaces, mount_namespaces(7). */
  isShared: boolean;
  /** Type of the file system. */
  type: string;
}

/** Reads the lines of a mountinfo file, in the order in which they were mounted. */
export function parseMountinfo(text: string): MountLine[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    // 31 23 0:28 /root /mount/point rw,relatime shared:4 master:2 - tmpfs source rw,size=4k
    const [mount, fileSystem = ""] = line.split(" - ");
    const [id, parent, , root, point, options, ...tags] = mount.split(" ");
    const [type, , words = ""] = fileSystem.split(" ");
    return {
      id: Number(id),
      parent: Number(parent),
      root: plain(root),
      point: plain(point),
      options: options.split(","),
      isReadOnly: [...options.split(","), ...words.split(",")].includes("ro"),
      isShared: tags.some((tag) => tag.startsWith("shared:")),
      type,
    };
  });
}

/** Space, tab, newline and backslash are written as three octal digits. */
function plain(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
