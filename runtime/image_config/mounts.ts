/**
 * A container's mounts: the specification's default file systems, as far as its namespaces allow
 * them, then what the user asks for.
 *
 * @module
 */

import type { Mount } from "../spec.ts";
import { groupMap, isForeign, isMapped } from "./namespaces.ts";
import type { RunOptions } from "./options.ts";
import { hasInit, INIT_PATH } from "./process.ts";

/** Bytes of /dev/shm, unless told otherwise: Docker's 64 MiB. */
const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

/**
 * All mounts, in the order in which they are made: ours, then the user's, those nearer to the root
 * first, so that none hides another. One of the user's takes the place of ours.
 */
export function containerMounts(options: RunOptions): Mount[] {
  const tmpfs = Object.entries(options.tmpfs ?? {}).map(([destination, words]): Mount => ({
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: ["noexec", "nosuid", "nodev", ...words],
  }));
  const asked = [...options.mounts ?? [], ...tmpfs];
  asked.sort((a, b) => parts(a.destination).length - parts(b.destination).length);
  const taken = new Set(asked.map(({ destination }) => parts(destination).join("/")));
  const ours = defaultMounts(options).filter(({ destination }) => {
    const path = parts(destination);
    return !taken.has(path.join("/")) && !(path[0] === "dev" && taken.has("dev"));
  });
  const init = hasInit(options)
    ? [{ destination: INIT_PATH, type: "bind", source: options.init, options: ["bind", "ro"] }]
    : [];
  return [...ours, ...asked, ...init];
}

/** A path's names. */
function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/**
 * The file systems of config-linux.md, "Default Filesystems", with Docker's options. One that shows
 * a namespace which the container may not mount for is bound from the host.
 */
function defaultMounts(options: RunOptions): Mount[] {
  const { hasCgroupMount = true, ipc, network, pid, shmSize = DEFAULT_SHM_SIZE } = options;
  const none = ["nosuid", "noexec", "nodev"];
  const readonly = options.privileged ? [] : ["ro"];
  // Terminals belong to the group "tty", 5 everywhere; but only a group that exists owns anything.
  const tty = isMapped(5, groupMap(options)) ? ["gid=5"] : [];
  const pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...tty];

  const mounts = [
    isForeign(pid, options) ? bind("/proc") : mount("/proc", "proc", none),
    mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    mount("/dev/pts", "devpts", pts),
    isForeign(network, options)
      ? bind("/sys", "rro")
      : mount("/sys", "sysfs", [...none, ...readonly]),
  ];
  if (hasCgroupMount) mounts.push(mount("/sys/fs/cgroup", "cgroup", [...none, ...readonly]));
  mounts.push(isForeign(ipc, options) ? bind("/dev/mqueue") : mount("/dev/mqueue", "mqueue", none));
  if (ipc === "host") mounts.push(bind("/dev/shm"));
  else if (ipc !== "none") {
    mounts.push(mount("/dev/shm", "tmpfs", [...none, "mode=1777", `size=${shmSize}`], "shm"));
  }
  return mounts;
}

/** A file system of the kernel's, which wants a name for its source, but not any one. */
function mount(destination: string, type: string, options: string[], source = type): Mount {
  return { destination, type, source, options };
}

/** The host's, at the same place. */
function bind(path: string, ...options: string[]): Mount {
  const words = ["rbind", ...options, "nosuid", "noexec", "nodev"];
  return { destination: path, type: "bind", source: path, options: words };
}
