/**
 * The root file system: layers stacked by overlayfs, and pivot_root(2) onto them.
 *
 * @module
 */

import { MNT, MS } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";
import { PROPAGATION } from "./mount_options.ts";

/** Layers of an image with a fresh layer on top, for overlayfs. */
export interface OverlayRoot {
  /** tells it from a {@linkcode DirectoryRoot} */
  kind: "overlay";
  /** the directory from which all other paths here are meant, so that many of them fit in a page */
  from: string;
  /** unpacked layers, the topmost first */
  lower: string[];
  /** where changes go */
  upper: string;
  /** overlayfs's own scratch directory, on the same file system as `upper` */
  work: string;
  /** a directory to mount on: what is in it is hidden from the container alone */
  mountPoint: string;
  /** in a user namespace overlayfs keeps its marks in `user.*` attributes */
  userxattr: boolean;
  /** whether the top layer goes with the container */
  isThrownAway: boolean;
}

/** A directory that is the root as it stands, as in an OCI bundle. */
export interface DirectoryRoot {
  /** tells it from an {@linkcode OverlayRoot} */
  kind: "directory";
  /** where it is on the host */
  path: string;
  /** whether it is moved to the top instead: pivot_root(2) refuses where the host's own root is a ramfs */
  isMoved?: boolean;
}

/** Where a container's root comes from. */
export type RootSource = OverlayRoot | DirectoryRoot;

/** Cuts the tree of mounts off from the host's, before anything is mounted. */
export function makePrivate(program: Program): void {
  program.call("from here on no mount travels to the host, nor from it, mount_namespaces(7)")
    .mount(null, "/", null, MS.REC | MS.PRIVATE, null);
}

/** Mounts the root and makes it the working directory. */
export function mountRoot(program: Program, root: RootSource): void {
  if (root.kind === "directory") {
    program.call("pivot_root wants a mount, not just a directory: bind it onto itself")
      .mount(root.path, root.path, null, MS.BIND | MS.REC, null);
    program.call("into the root that is to be").chdir(root.path);
    return;
  }
  program.call("the layers are named from here: mount's data has room for 4095 bytes")
    .chdir(root.from);
  const options = [
    `lowerdir=${root.lower.join(":")}`,
    `upperdir=${root.upper}`,
    `workdir=${root.work}`,
  ];
  // what nobody will look at again need not be on the disk after a power cut
  if (root.isThrownAway) options.push("volatile");
  if (root.userxattr) options.push("userxattr");
  program.call("the image's layers, read-only, and an empty one on top that takes every change")
    .mount("overlay", root.mountPoint, "overlay", 0, options.join(","));
  program.call("into the root that is to be").chdir(root.mountPoint);
}

/**
 * Makes the working directory the root of everything, and lets go of the host's.
 *
 * chroot(2) would only change where names start; a process with CAP_SYS_CHROOT gets out of it.
 * pivot_root(2) exchanges the root mount itself, and once the old one is off there is no way back.
 * Giving the same directory twice stacks the old root on the new one, so that no directory is
 * needed to put it in (pivot_root(2), "NOTES").
 */
export function pivot(program: Program): void {
  program.call("the new root takes the place of the old one, which now lies on top of it")
    .pivot_root(".", ".");
  program.call("take the old root off: the host's files are out of reach for good")
    .umount2(".", MNT.DETACH);
  program.call("names start in the new root").chdir("/");
}

/** Makes the working directory the root, in the way that this root can be. */
export function enterRoot(program: Program, root: RootSource): void {
  if (root.kind === "directory" && root.isMoved) move(program);
  else pivot(program);
}

/**
 * Moves the working directory's mount to the top: the host's root is still there below it, and only
 * the lack of CAP_SYS_CHROOT keeps a process from it.
 */
function move(program: Program): void {
  program.call("the new root is laid on top of the old one").mount(".", "/", null, MS.MOVE, null);
  program.call("names start in the new root").chroot(".");
  program.call("and so does the process").chdir("/");
}

/** Sets how mounts below the container's root travel, if the spec asks for it. */
export function setRootPropagation(program: Program, propagation: string | undefined): void {
  if (!propagation) return;
  program.call("how mounts travel between the container's root and copies of it")
    .mount(null, "/", null, PROPAGATION[propagation], null);
}
