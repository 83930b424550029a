/**
 * mount(2) failed: what it was told, what is at the place, and what a user namespace may mount.
 *
 * mount(2), user_namespaces(7) "Restrictions on mount namespaces"; the kernel's fs/namespace.c,
 * mount_too_revealing().
 *
 * @module
 */

import { MS } from "../../ffi/constants.ts";
import { kindOf } from "../merged_tree.ts";
import type { MountLine } from "./mountinfo.ts";
import { filteredFromOutside, lacks, restrictedByAppArmor, unmapped } from "./causes.ts";
import { OVERLAY } from "./overlay.ts";
import { brokenWay, type Cases, each, either, type Finder, named, type Scene } from "./scene.ts";

/** mount(2) reads one page of options, and the last byte is the string's end. */
const LARGEST_DATA = 4095;

const SOURCE = 0, TARGET = 1, TYPE = 2, FLAGS = 3, DATA = 4;

/** What kind of work the call was to do; its arguments mean different things. */
function isBind(scene: Scene): boolean {
  return (scene.number(FLAGS) & (MS.BIND | MS.REMOUNT)) === MS.BIND;
}

/** Looks only where a new mount of one of the types was to be made. */
const ofType = (types: string, finder: Finder): Finder => (scene) =>
  types.split(" ").includes(scene.text(TYPE)) && !isBind(scene) ? finder(scene) : undefined;

/** The place to mount on, or a bind's source, is not there. */
const brokenPath: Finder = (scene) => {
  for (const index of isBind(scene) ? [SOURCE, TARGET] : [TARGET]) {
    const path = scene.text(index);
    const cause = brokenWay(scene.way(path), scene.absolute(path));
    if (cause) return { cause };
  }
};

/** A directory cannot be mounted on a file, nor the other way round. */
const wrongKind: Finder = (scene) => {
  const target = scene.way(scene.text(TARGET)).end;
  const source = isBind(scene) ? scene.way(scene.text(SOURCE)).end : undefined;
  if (!target) return;
  const path = named(target.path);
  if (source && (kindOf(source) === "directory") !== (kindOf(target) === "directory")) {
    return {
      cause: `${named(source.path)} is a ${kindOf(source)} and ${path} is a ${kindOf(target)}: ` +
        "a directory can only be mounted on a directory, and a file on a file",
      advice: "choose another destination",
    };
  }
  if (source || kindOf(target) === "directory") return;
  return {
    cause: `${path} is a ${kindOf(target)}, and a file system can only be mounted on a directory`,
    advice: "the image has a file there: choose another destination, or another image",
  };
};

const notAMountPoint: Finder = (scene) => {
  const changes = MS.REMOUNT | MS.SHARED | MS.PRIVATE | MS.SLAVE | MS.UNBINDABLE;
  if ((scene.number(FLAGS) & changes) === 0) return;
  const { end } = scene.way(scene.text(TARGET));
  if (!end || scene.mountOf(end)?.point === end.path) return;
  return {
    cause: `${named(end.path)} is not a mount point, so it has no attributes of its own to change`,
    advice: "bind it onto itself first",
  };
};

const tooLong: Finder = (scene) => {
  const { length } = new TextEncoder().encode(scene.text(DATA));
  if (length <= LARGEST_DATA) return;
  return {
    cause: `the options have ${length} bytes, and mount(2) reads ${LARGEST_DATA} of them`,
    advice: "use fewer layers, or a shorter --root: every layer's path is in there",
  };
};

const unknownFileSystem: Finder = (scene) => {
  const type = scene.text(TYPE);
  const known = scene.host("/proc/filesystems").split("\n").map((line) => line.split("\t")[1]);
  if (known.includes(type)) return;
  return {
    cause: `this kernel has no file system ${JSON.stringify(type)}`,
    advice: `sudo modprobe ${type}, or a kernel that is built with it`,
  };
};

/** File systems that show something of a namespace, and the namespace that must be the user's own. */
const SHOWS: Record<string, ["pid" | "network" | "ipc" | "cgroup", string]> = {
  proc: ["pid", "--pid=host"],
  sysfs: ["network", "--network=host"],
  mqueue: ["ipc", "--ipc=host"],
  cgroup: ["cgroup", "--cgroupns=host"],
  cgroup2: ["cgroup", "--cgroupns=host"],
};

const namespaceOfOthers: Finder = (scene) => {
  const type = scene.text(TYPE);
  const [namespace, flag] = SHOWS[type] ?? [];
  if (!namespace || !scene.isNew("user") || scene.isNew(namespace)) return;
  return {
    cause: `${type} shows the ${namespace} namespace, which is the host's here and does not ` +
      "belong to the container's user namespace",
    advice: `leave ${flag} away, or bind the host's ${named(scene.text(TARGET))} with --volume`,
  };
};

/** Directories of the kernel's own that are always empty: a mount on one hides nothing. */
const ALWAYS_EMPTY =
  /\/(fs\/binfmt_misc|fs\/nfsd|fs\/cgroup|fs\/fuse\/connections|kernel\/(debug|tracing|security|config)|fs\/(bpf|pstore|selinux|resctrl)|firmware\/efi\/efivars)$/;

/**
 * In a user namespace proc and sysfs can only be mounted where one is seen already, and whole: a new
 * one would show what somebody has hidden.
 */
const tooRevealing: Finder = (scene) => {
  const type = scene.text(TYPE);
  const whole = scene.mounts.filter((mount) => mount.type === type && mount.root === "/");
  if (whole.length === 0) {
    return {
      cause: `a user namespace may mount ${type} only where one is seen already, and none is here`,
      advice: `mount ${type} in the place that this runs in, or run it as root`,
    };
  }
  const hidden = whole.map((mount) => hiding(scene, mount));
  if (hidden.some((list) => list.length === 0)) return;
  return {
    cause: `parts of ${named(whole[0].point)} are hidden by other mounts, at ` +
      `${hidden[0].map(({ point }) => named(point)).join(", ")}, and a new ${type} would show them`,
    advice: "run the outer container with --privileged or --security-opt unmask=ALL " +
      "(systempaths=unconfined for Docker), or run as root",
  };
};

function hiding(scene: Scene, over: MountLine): MountLine[] {
  return scene.mounts.filter((mount) =>
    mount.parent === over.id && !ALWAYS_EMPTY.test(mount.point)
  );
}

const idNotMapped: Finder = (scene) => {
  for (const [option, kind, id] of scene.text(DATA).matchAll(/\b([ug]id)=(\d+)/g)) {
    if (unmapped(scene, kind as "uid" | "gid", [Number(id)]) === undefined) continue;
    return {
      cause: `the option ${option} names an id that the container's user namespace does not have`,
      advice: "give this user a range of ids in /etc/subuid and /etc/subgid, or run as root",
    };
  }
};

/** File systems that the kernel lets a user namespace mount (FS_USERNS_MOUNT). */
const FOR_EVERYBODY = "proc sysfs tmpfs ramfs devpts mqueue cgroup cgroup2 overlay fuse binder bpf"
  .split(" ");

const onlyForRoot: Finder = (scene) => {
  const type = scene.text(TYPE);
  if (!scene.isNew("user") || isBind(scene) || type === "" || FOR_EVERYBODY.includes(type)) return;
  return {
    cause: `the kernel does not let a user namespace mount ${named(type)}`,
    advice: "run as root, or mount it on the host and bind it with --volume",
  };
};

const confined: Finder = (scene) => {
  const profile = scene.proc("attr/current");
  if (profile === "" || profile.startsWith("unconfined") || profile.includes(":")) return;
  return {
    cause: `the AppArmor profile ${named(profile)} is on this process, and it may forbid mounting`,
    advice: "run the outer container with --security-opt apparmor=unconfined",
  };
};

const badOption: Finder = (scene) => {
  if (isBind(scene) || scene.text(DATA) === "") return;
  return {
    cause: `${named(scene.text(TYPE))} does not take one of the options ` +
      JSON.stringify(scene.text(DATA)),
    advice: "the kernel's log may say which: dmesg | tail",
  };
};

const lockedBelow: Finder = (scene) => {
  if (!isBind(scene) || scene.number(FLAGS) & MS.REC || !scene.isNew("user")) return;
  return {
    cause: `there are mounts below ${named(scene.text(SOURCE))}, and a user namespace must take ` +
      "them along, or it would see what they hide",
    advice: "use rbind instead of bind",
  };
};

const tooManyMounts: Finder = (scene) => ({
  cause: `the limit of mounts in a namespace is reached: ${scene.mounts.length} are there, and ` +
    `fs.mount-max is ${scene.host("/proc/sys/fs/mount-max") || "unknown"}`,
  advice: "mount fewer volumes, or sudo sysctl -w fs.mount-max=200000",
});

const inUse: Finder = (scene) => ({
  cause: `${named(scene.text(SOURCE))} or ${named(scene.text(TARGET))} is in use: mounted there ` +
    "already, or in a way that does not go with this one",
  advice: "see /proc/self/mountinfo for who has it",
});

const pathFaults = either(brokenPath, wrongKind);

/** What to look for when a file system cannot be mounted. */
export const MOUNTS: Cases = {
  mount: {
    ...each(
      "EPERM EACCES",
      either(
        lacks("CAP_SYS_ADMIN"),
        namespaceOfOthers,
        ofType("proc sysfs", tooRevealing),
        onlyForRoot,
        ofType("overlay", OVERLAY.EPERM),
        restrictedByAppArmor,
        confined,
        filteredFromOutside,
      ),
    ),
    EINVAL: either(
      notAMountPoint,
      tooLong,
      ofType("overlay", OVERLAY.EINVAL),
      idNotMapped,
      lockedBelow,
      pathFaults,
      badOption,
    ),
    ENODEV: unknownFileSystem,
    ENOENT: either(ofType("overlay", either(tooLong, OVERLAY.ENOENT)), pathFaults),
    ENOTDIR: either(ofType("overlay", OVERLAY.ENOTDIR), pathFaults),
    ESTALE: ofType("overlay", OVERLAY.ESTALE),
    ELOOP: either(ofType("overlay", OVERLAY.ELOOP), pathFaults),
    EBUSY: either(ofType("overlay", OVERLAY.EBUSY), inUse),
    EROFS: ofType("overlay", OVERLAY.EROFS),
    ENOSPC: tooManyMounts,
  },
};
