/**
 * Mounts that the parent makes and sends along: what takes rights over the host's own files.
 *
 * A mount is idmapped by whoever has every right over its file system, and a container with a user
 * namespace of its own has not (mount_setattr(2), MOUNT_ATTR_IDMAP); the mapping itself is that of
 * another user namespace, which a helper is born in to hold it. And a tmpfs that begins with a copy
 * of what the image has in its place needs a program of the host's to copy it. Each is a detached
 * mount, sent over the line before there is a child, which takes them before it reads anything else.
 *
 * @module
 */

import { AT, CLONE, FSCONFIG, FSMOUNT, FSOPEN, MOUNT_ATTR } from "../../ffi/constants.ts";
import { MS, O, PR, RESOLVE, SIG } from "../../ffi/constants.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import { receiveDescriptor, sendDescriptor } from "../../ffi/messages.ts";
import type { Program } from "../../ffi/program.ts";
import { cloneArgs, mountAttr, openHow } from "../../ffi/structs.ts";
import type { LinuxIDMapping, Mount, Spec } from "../spec.ts";
import { writeFile } from "./files.ts";
import { jump } from "./jump.ts";
import { LINE } from "./line.ts";
import { mapLines } from "./maps.ts";
import { type MountOptions, parseMountOptions } from "./mount_options.ts";
import { pickUp, setAttributes } from "./mounts.ts";
import type { RootSource } from "./rootfs.ts";
import { runProgram } from "./run_program.ts";

/** Whether the parent has to make a mount. */
function isParcel(mount: Mount): boolean {
  const { idmap, copyUp } = parseMountOptions(mount.options);
  return mount.uidMappings !== undefined || idmap !== undefined || copyUp;
}

/** The user namespaces that hold mappings: the helper in each, and a descriptor of it. */
type Holders = Map<string, { helper: Ref; namespace: Ref }>;

/** Makes the mounts and sends them, in the spec's order. */
export function sendParcels(program: Program, spec: Spec, root: RootSource, line: Memory): void {
  const { mounts = [], linux } = spec;
  const holders: Holders = new Map();
  program.phase("mounts", 6);
  for (const mount of mounts.filter(isParcel)) {
    const options = parseMountOptions(mount.options);
    const tree = options.copyUp
      ? copyUp(program, mount, options, root)
      : pickUpMapped(program, mount, options, holders, linux ?? {});
    const why = `what will be at ${mount.destination} waits for the child at the line's other end`;
    sendDescriptor(program, why, line.at(0, "parent's end"), "m", tree);
    program.call("it is on its way").close(tree);
  }
  for (const { helper, namespace } of holders.values()) {
    program.call("the mounts hold the mapping").close(namespace);
    program.call("and the helper may go").kill(helper, SIG.KILL);
    program.call("no trace of it is left").waitpid(helper, null, 0);
  }
}

/** The child's part, before it reads anything else from the line. */
export function takeParcels(program: Program, spec: Spec): Map<Mount, Ref> {
  program.phase("mounts", 6);
  return new Map(
    (spec.mounts ?? []).filter(isParcel).map((mount) => [
      mount,
      receiveDescriptor(program, `the mount for ${mount.destination}, made by the parent`, LINE),
    ]),
  );
}

/** A bind whose files belong to others than on the disk. */
function pickUpMapped(
  program: Program,
  mount: Mount,
  options: MountOptions,
  holders: Holders,
  own: NonNullable<Spec["linux"]>,
): Ref {
  const { source, destination } = mount;
  const isRecursive = options.bind === 0 || (options.bind & MS.REC) !== 0;
  const tree = pickUp(program, source!, isRecursive, {
    why: `${source} is wanted at ${destination}, with other owners`,
    name: `tree of ${source}`,
  });
  const namespace = hold(
    program,
    holders,
    mount.uidMappings ?? own.uidMappings ?? [],
    mount.gidMappings ?? own.gidMappings ?? [],
  );
  const attributes = program.arena.allocate(32, "attributes");
  attributes.bytes.set(mountAttr({ set: MOUNT_ATTR.IDMAP }).bytes);
  attributes.text = "{attr_set=MOUNT_ATTR_IDMAP, userns_fd=user}";
  program.call("the mapping is that of this user namespace")
    .memcpy(attributes.address + 24, namespace.address, 4);
  const flags = AT.EMPTY_PATH | (options.idmap === "recursive" ? AT.RECURSIVE : 0);
  program.call("whoever owns a file on the disk, in here it is whom the mapping says")
    .mount_setattr(tree, "", flags, attributes, 32);
  setAttributes(program, tree, options);
  return tree;
}

/** A user namespace with this mapping: as many helpers as there are different ones. */
function hold(
  program: Program,
  holders: Holders,
  uids: LinuxIDMapping[],
  gids: LinuxIDMapping[],
): Ref {
  const key = JSON.stringify([uids, gids]);
  const known = holders.get(key);
  if (known) return known.namespace;
  const parent = program.label();
  const helper = program.call("a helper whose user namespace holds a mapping", {
    name: "helper",
    fork: { parent },
  }).clone3(cloneArgs(CLONE.NEWUSER), 88);
  program.call("it ends with its parent").prctl(PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0);
  // long enough for the parent's next calls, and no helper is left behind if one of them fails
  program.call("until the parent has what it wants").poll(null, 0, 10_000);
  program.call("or something went wrong there")._exit(1);
  program.place(parent);
  const file = (name: string) => {
    const path = program.arena.allocate(40, "path");
    path.text = `"/proc/$helper${name}"`;
    program.call("the helper's file, by its number")
      .snprintf(path, 40, "%s%d%s", "/proc/", helper, name);
    return path;
  };
  const why = "owners: on the disk, as shown, how many";
  writeFile(program, file("/uid_map"), mapLines(uids), why);
  writeFile(program, file("/gid_map"), mapLines(gids), why);
  const path = file("/ns/user");
  const namespace = program.call("the namespace that holds the mapping", { name: "user" })
    .open(path, O.RDONLY | O.CLOEXEC, 0);
  holders.set(key, { helper, namespace });
  return namespace;
}

/** An empty file system in memory that gets a copy of what the image has in its place. */
function copyUp(program: Program, mount: Mount, options: MountOptions, root: RootSource): Ref {
  const context = program.call("a tmpfs", { name: "tmpfs context" })
    .fsopen("tmpfs", FSOPEN.CLOEXEC);
  for (const word of options.data.split(",").filter(Boolean)) {
    const [key, value] = word.split(/=(.*)/s);
    const command = value === undefined ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING;
    program.call("as the spec wants it").fsconfig(context, command, key, value ?? null, 0);
  }
  program.call("made").fsconfig(context, FSCONFIG.CMD_CREATE, null, null, 0);
  const tree = program.call("as a mount that is not anywhere yet", { name: "tmpfs" })
    .fsmount(context, FSMOUNT.CLOEXEC, options.set & ~MOUNT_ATTR.RDONLY);
  program.call("it is made").close(context);

  const top = root.kind === "directory" ? root.path : "";
  const directory = program.call("where links of the image's may lead", { name: "root" })
    .open(top, O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
  const [there, done] = [program.label(), program.label()];
  const source = program.call("what the image has there, if anything", {
    name: "source",
    allow: ["ENOENT", "ENOTDIR"],
    onSuccess: there,
  }).openat2(
    directory,
    mount.destination,
    openHow({ flags: O.PATH | O.DIRECTORY | O.CLOEXEC, resolve: RESOLVE.IN_ROOT }),
    24,
  );
  jump(program, done, "nothing to copy");
  program.place(there);
  program.call("the copy's own mode has no sticky bit to keep")
    .fchmodat(tree, ".", 0o700, 0);
  runProgram(program, {
    paths: ["/usr/bin/cp", "/bin/cp", "/run/current-system/sw/bin/cp"],
    args: ["cp", "-a", "/proc/self/fd/0/.", "/proc/self/fd/1/"],
    env: [],
    descriptors: [source, tree],
    why: "copied with owners, modes and links as they are",
    subject: `the copy of ${mount.destination}`,
  });
  program.call("copied").close(source);
  program.place(done);
  program.call("found").close(directory);
  setAttributes(program, tree, { ...options, set: options.set & MOUNT_ATTR.RDONLY });
  return tree;
}
