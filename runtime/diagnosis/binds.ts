/**
 * What is bound from the host cannot be picked up, changed, or put in its place.
 *
 * open_tree(2), move_mount(2), mount_setattr(2), umount(2).
 *
 * @module
 */

import { S } from "../../ffi/constants.ts";
import { kindOf, type Place } from "../merged_tree.ts";
import type { Mount } from "../spec.ts";
import { filteredFromOutside, lacks, restrictedByAppArmor, unknownCall } from "./causes.ts";
import { brokenWay, type Cases, each, either, type Finder, named, type Scene } from "./scene.ts";

/** The mount of the spec that wants a path of the host's. */
function volumeOf(scene: Scene, source: string): Mount | undefined {
  return scene.failure.request.spec.mounts?.find((mount) => mount.source === source);
}

/** The path of the host's that a detached mount was picked up from. */
function sourceOf(scene: Scene): string {
  const path = scene.origin(0)?.args[1];
  return typeof path === "string" ? path : "";
}

const missingSource: Finder = (scene) => {
  const source = scene.text(1);
  const cause = brokenWay(scene.way(source), source);
  if (!cause) return;
  const volume = volumeOf(scene, source);
  if (!volume) return { cause };
  return {
    cause: `${cause}, and a volume wants it at ${named(volume.destination)}`,
    advice: `make it first: mkdir -p ${named(source)}, or name another source`,
  };
};

const closedSource: Finder = (scene) => ({
  cause: `a directory on the way to ${
    named(scene.text(1))
  } does not let user ${scene.credentials.uid} through`,
  advice: "change its permissions, or name another source for the volume",
});

const lockedSource: Finder = (scene) => ({
  cause: `${named(scene.text(1))} is an unbindable mount, or has mounts below it that must be ` +
    "taken along",
  advice: "use rbind instead of bind",
});

/** The mount was picked up as it was on the host, so the host's file says what it is. */
function kindOfSource(scene: Scene): string | undefined {
  try {
    const info = Deno.statSync(sourceOf(scene));
    return info.isDirectory ? "directory" : "file";
  } catch {
    return undefined;
  }
}

const wrongKind: Finder = (scene) => {
  const { end } = scene.way(scene.text(3));
  const source = kindOfSource(scene);
  if (!end || !source || (source === "directory") === isDirectory(end)) return;
  return {
    cause: `${named(sourceOf(scene))} is a ${source}, and ${named(end.path)} in the image is a ` +
      `${kindOf(end)}: a directory can only be mounted on a directory, and a file on a file`,
    advice: "choose another destination for the volume",
  };
};

function isDirectory({ mode }: Place): boolean {
  return (mode & S.IFMT) === S.IFDIR;
}

const missingTarget: Finder = (scene) => {
  const path = scene.text(3);
  const cause = brokenWay(scene.way(path), scene.absolute(path));
  return cause ? { cause, advice: "choose another destination for the volume" } : undefined;
};

/** The mount that attributes are set on: a detached one, or one at a path. */
const lockedAttribute: Finder = (scene) => {
  const what = scene.text(1) || sourceOf(scene);
  return scene.isNew("user")
    ? {
      cause: `the host has made the mount at ${named(what)} stricter (read-only, nosuid, nodev, ` +
        "noexec or noatime), and a user namespace cannot undo that",
      advice: "leave options such as rw, suid, dev and exec away from the volume",
    }
    : undefined;
};

const notAMount: Finder = (scene) => {
  const { end } = scene.way(scene.text(1));
  if (!end || scene.text(1) === "" || scene.mountOf(end)?.point === end.path) return;
  return {
    cause: `${named(end.path)} is not a mount point, so it has no attributes of its own to change`,
    advice: "bind it onto itself first",
  };
};

const lockedMount: Finder = (scene) => ({
  cause: `${named(scene.absolute(scene.text(0)))} is not a mount point, or came from a namespace ` +
    "of more rights, which has locked it in its place, mount_namespaces(7)",
});

/** What to look for when something of the host's cannot be bound. */
export const BINDS: Cases = {
  open_tree: {
    ...each("ENOENT ENOTDIR ELOOP", missingSource),
    EACCES: closedSource,
    EPERM: either(lacks("CAP_SYS_ADMIN"), restrictedByAppArmor, filteredFromOutside),
    EINVAL: lockedSource,
    ENOSYS: unknownCall,
  },
  move_mount: {
    ...each("ENOTDIR EINVAL", either(wrongKind, missingTarget)),
    ...each("ENOENT ELOOP", missingTarget),
    EPERM: either(lacks("CAP_SYS_ADMIN"), restrictedByAppArmor, filteredFromOutside),
    ENOSYS: unknownCall,
  },
  mount_setattr: {
    EPERM: either(lacks("CAP_SYS_ADMIN"), lockedAttribute, restrictedByAppArmor),
    EINVAL: notAMount,
    ENOSYS: unknownCall,
  },
  umount2: { EINVAL: lockedMount },
};
