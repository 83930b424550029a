/**
 * The mounts of a container: what is taken along from the host, and what is new.
 *
 * Each mount of the spec is made in its order (runtime-spec, config.md, "Mounts"). What is bound
 * from the host is picked up by open_tree(2) while the host's tree can still be seen, and put in
 * its place by move_mount(2) when the new root is all there is: so a path in the container is never
 * looked up on the host, and a mount is read-only before anybody can reach it.
 *
 * @module
 */

import {
  AT,
  FSCONFIG,
  FSMOUNT,
  FSOPEN,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  OPEN_TREE,
} from "../../ffi/constants.ts";
import type { Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import { mountAttr } from "../../ffi/structs.ts";
import type { CgroupMount, CgroupPlan } from "../cgroups/plan.ts";
import type { Mount } from "../spec.ts";
import { type MountOptions, parseMountOptions } from "./mount_options.ts";
import { makeDirectories, makeDirectory, makeFile, makePlainFile, refuseLink } from "./paths.ts";

/** A mount in the hand: detached, and not yet anywhere. */
export interface Bind {
  /** its descriptor, as open_tree(2) gives it */
  fd: Ref;
  /** whether it is of a single file */
  isFile: boolean;
}

/** Whether a mount of the spec takes something of the host's. */
export function isBind(mount: Mount): boolean {
  return mount.type === "bind" || parseMountOptions(mount.options).bind !== 0;
}

/**
 * Picks up everything that the spec binds from the host.
 *
 * @param isFile says of a path of the host's whether it is something else than a directory
 */
export function pickUpBinds(
  program: Program,
  mounts: readonly Mount[],
  isFile: (path: string) => boolean,
): Map<Mount, Bind> {
  const binds = new Map<Mount, Bind>();
  for (const mount of mounts) {
    if (!isBind(mount)) continue;
    const source = mount.source!;
    const options = parseMountOptions(mount.options);
    const fd = pickUp(program, source, options.bind === 0 || (options.bind & MS.REC) !== 0, {
      why: `${source} is wanted at ${mount.destination}: take it along`,
      name: `tree of ${source}`,
    });
    setAttributes(program, fd, options);
    binds.set(mount, { fd, isFile: isFile(source) });
  }
  return binds;
}

/**
 * Makes the proc and sysfs of a container in a user namespace, while the host's can still be seen.
 *
 * There the kernel gives a new one only to somebody who sees one that hides nothing already
 * (mount_namespaces(7), "Restrictions on mount namespaces"): it must be made before the root is
 * exchanged, and can be put in its place only after.
 */
export function makeDetached(
  program: Program,
  mounts: readonly Mount[],
  binds: Map<Mount, Bind>,
): void {
  for (const mount of mounts) {
    const { type } = mount;
    if (type !== "proc" && type !== "sysfs") continue;
    const { set } = parseMountOptions(mount.options);
    const context = program.call(
      `a new ${type}, while the host's can be seen: the kernel insists`,
      {
        name: `${type} context`,
      },
    ).fsopen(type, FSOPEN.CLOEXEC);
    program.call(`made for the namespaces that this process is in`)
      .fsconfig(context, FSCONFIG.CMD_CREATE, null, null, 0);
    const fd = program.call("as a mount that is not anywhere yet", { name: type })
      .fsmount(context, FSMOUNT.CLOEXEC, set);
    program.call("it is made").close(context);
    binds.set(mount, { fd, isFile: false });
  }
}

/** Makes a detached copy of a mount at a path of the host's. */
export function pickUp(
  program: Program,
  path: string,
  recursive: boolean,
  { why, name }: { why: string; name: string },
): Ref {
  const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | (recursive ? AT.RECURSIVE : 0);
  return program.call(why, { name }).open_tree(AT.FDCWD, path, flags);
}

/** Puts a detached mount in its place. */
export function putDown(program: Program, fd: Ref, destination: string, why: string): void {
  // the path may lead through links of the image's; all of them end inside the new root
  const flags = MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_SYMLINKS;
  program.call(why).move_mount(fd, "", AT.FDCWD, destination, flags);
  program.call("the mount stays; the descriptor has done its work").close(fd);
}

const DEFAULT_PROPAGATION = MS.PRIVATE | MS.REC;

/** Gives a detached mount what the words of its options say. */
export function setAttributes(program: Program, fd: Ref, options: MountOptions): void {
  const { set, clear, recursiveSet, recursiveClear } = options;
  const change = (why: string, recursive: boolean, attr: Parameters<typeof mountAttr>[0]) => {
    const flags = AT.EMPTY_PATH | (recursive ? AT.RECURSIVE : 0);
    program.call(why).mount_setattr(fd, "", flags, mountAttr(attr), 32);
  };
  for (
    const propagation of options.propagation.length ? options.propagation : [DEFAULT_PROPAGATION]
  ) {
    change(
      "what is mounted on one side shall be seen on the other only if the spec says so",
      true,
      {
        propagation: propagation & ~MS.REC,
      },
    );
  }
  if (recursiveSet || recursiveClear) {
    change("these hold for all that is mounted below as well", true, recursiveChange(options));
  }
  if (set || clear) {
    change("it must be so before anybody can reach it", false, {
      set,
      clear: clear | atimeMask(set),
    });
  }
}

function recursiveChange({ recursiveSet, recursiveClear }: MountOptions) {
  return { set: recursiveSet, clear: recursiveClear | atimeMask(recursiveSet) };
}

/** The kernel wants the old kind of access times switched off with the new one switched on. */
function atimeMask(set: number): number {
  return set & MOUNT_ATTR._ATIME ? MOUNT_ATTR._ATIME : 0;
}

/** What the mounts of a container are made with. */
export interface MountContext {
  /** what {@linkcode pickUpBinds} gave */
  binds: Map<Mount, Bind>;
  /** what stands for a mount of type `cgroup` */
  cgroup?: CgroupPlan;
  /** what {@linkcode pickUpGroups} gave, where that is what is shown */
  groups?: Map<CgroupMount, Ref>;
  /** whether changes to the root go with the container, and not into somebody's directory */
  isThrownAway: boolean;
  /** directories that were made already */
  made: Set<string>;
}

/** Makes one mount of the spec, in the new root. */
export function makeMount(program: Program, mount: Mount, context: MountContext): void {
  const destination = absolute(mount.destination);
  if (mount.type === "cgroup") return makeCgroupMounts(program, mount, context);
  const bind = context.binds.get(mount);
  if (bind?.isFile) {
    (context.isThrownAway ? makeFile : makePlainFile)(program, destination, context.made);
  } else makeDirectories(program, destination, context.made);
  if (mount.type === "proc" || mount.type === "sysfs") refuseLink(program, destination);
  if (bind) {
    putDown(program, bind.fd, destination, `${mount.source} appears at ${destination}`);
    forgetBelow(context.made, destination);
    return;
  }
  const options = parseMountOptions(mount.options);
  program.call(PURPOSE[mount.type ?? ""] ?? `the spec wants a ${mount.type} at ${destination}`)
    .mount(
      mount.source ?? mount.type!,
      destination,
      mount.type!,
      options.flags,
      options.data || null,
    );
  forgetBelow(context.made, destination);
  if (options.recursiveSet || options.recursiveClear) {
    program.call("these were no words for mount(2)")
      .mount_setattr(AT.FDCWD, destination, AT.RECURSIVE, mountAttr(recursiveChange(options)), 32);
  }
  for (const propagation of options.propagation) {
    program.call("how mounts travel from and to here").mount(
      null,
      destination,
      null,
      propagation,
      null,
    );
  }
}

const PURPOSE: Record<string, string> = {
  proc: "a proc made in the new pid namespace shows its processes only",
  tmpfs: "an empty file system in memory, gone with the container",
  devpts: "terminals of the container's own, apart from the host's",
  mqueue: "message queues of the container's own ipc namespace",
  sysfs: "devices and the network namespace's interfaces, to look at",
};

/** The specification lets a destination be relative, and means the container's root. */
function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** What was made in a place lies hidden once something is mounted over it. */
function forgetBelow(made: Set<string>, path: string): void {
  for (const known of made) if (known.startsWith(`${path}/`)) made.delete(known);
}

/**
 * Picks up a container's own groups, where it shares the host's cgroup namespace: a new mount of the
 * kernel's would show it those of everybody.
 */
export function pickUpGroups(program: Program, { mounts }: CgroupPlan): Map<CgroupMount, Ref> {
  const groups = new Map<CgroupMount, Ref>();
  for (const mount of mounts) {
    if (mount.group === undefined) continue;
    const why = "the container's own group: a new mount would show the host's, from their root";
    const name = `tree of ${mount.group}`;
    groups.set(mount, pickUp(program, mount.group, true, { why, name }));
  }
  return groups;
}

/** The container's view of its control group, as the host's version of control groups allows. */
function makeCgroupMounts(program: Program, mount: Mount, context: MountContext): void {
  const plan = context.cgroup;
  if (!plan || plan.mounts.length === 0) return;
  const { flags } = parseMountOptions(mount.options);
  const { options = [] } = mount;
  const destination = absolute(mount.destination);
  makeDirectories(program, destination, context.made);
  for (const each of plan.mounts) {
    const { target, type, data, why } = each;
    const path = target ? `${destination}/${target}` : destination;
    if (target) makeDirectory(program, path, context.made);
    const group = context.groups?.get(each);
    if (group) {
      setAttributes(program, group, parseMountOptions(mount.options));
      putDown(program, group, path, why);
      continue;
    }
    // the tmpfs gets its directories first and is made read-only after
    const own = type === "tmpfs" ? flags & ~MS.RDONLY : flags;
    program.call(why).mount(type, path, type, own, data || null);
  }
  for (const { name, target } of plan.links) {
    program.call("the name under which programs look for it").symlink(
      target,
      `${destination}/${name}`,
    );
  }
  if (plan.mounts[0].type === "tmpfs" && options.includes("ro")) {
    makeReadOnly(program, destination, "nothing more is to be made in it");
  }
}

/** Makes a mount read-only, and keeps its other attributes as they are. */
export function makeReadOnly(program: Program, path: string, why: string, allow?: string[]): void {
  program.call(why, { allow })
    .mount_setattr(AT.FDCWD, path, 0, mountAttr({ set: MOUNT_ATTR.RDONLY }), 32);
}

/** Hides what must not be read: a file under /dev/null, a directory under an empty tmpfs. */
export function maskPath(program: Program, path: string): void {
  const masked = program.label();
  program.call(`${path} tells too much about the host`, {
    allow: ["ENOENT", "ENOTDIR"],
    onSuccess: masked,
  }).mount("/dev/null", path, null, MS.BIND, null);
  program.call("if it is a directory, an empty one hides it", { allow: ["ENOENT", "ENOTDIR"] })
    .mount("tmpfs", path, "tmpfs", MS.RDONLY, "size=0k");
  program.place(masked);
}

/** Makes a path read-only: bound onto itself, then remounted, since one call cannot do both. */
export function protectPath(program: Program, path: string): void {
  const allow = ["ENOENT", "ENOTDIR"];
  program.call(`${path} must not be written: make it a mount of its own`, { allow })
    .mount(path, path, null, MS.BIND | MS.REC, null);
  makeReadOnly(program, path, "and that mount read-only", [...allow, "EINVAL"]);
}
