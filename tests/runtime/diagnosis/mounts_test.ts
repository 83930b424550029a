/**
 * mount(2) and the calls that bind, with everything that a kernel refuses; each call is really made.
 *
 * @module
 */

import { assertStringIncludes } from "@std/assert/string-includes";
import { AT, CLONE, MOUNT_ATTR, MOVE_MOUNT, MS, OPEN_TREE } from "../../../ffi/constants.ts";
import type { Ref } from "../../../ffi/memory.ts";
import type { Program } from "../../../ffi/program.ts";
import { cloneArgs, mountAttr } from "../../../ffi/structs.ts";
import type { LinuxNamespaceType, Spec } from "../../../runtime/spec.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { elsewhere, forbidCall, type Ground, provoke } from "./held.ts";
import { assertRefused } from "./refusals.ts";

/** A spec with these namespaces, which is what the diagnosis goes by. */
function namespaces(...types: LinuxNamespaceType[]): Spec["linux"] {
  return { namespaces: types.map((type) => ({ type })) };
}

const inUserNamespace = (...types: LinuxNamespaceType[]): Ground => ({
  flags: CLONE.NEWUSER | CLONE.NEWNS,
  trial: { linux: namespaces("user", "mount", ...types) },
});

/** A test as root in a directory of its own: the call, and what is said of it. */
function refuses(
  name: string,
  write: (program: Program, root: string) => void,
  says: string[],
  ground: Ground = {},
): void {
  Deno.test({
    ...needs(name, { root: true }),
    async fn() {
      await using root = await tempRoot();
      for (const directory of ["one", "two"]) await Deno.mkdir(`${root.path}/${directory}`);
      await Deno.writeTextFile(`${root.path}/file`, "");
      await Deno.symlink("nowhere", `${root.path}/link`);
      const error = await provoke((program) => write(program, root.path), ground);
      assertRefused(error, says, { ROOT: root.path });
    },
  });
}

refuses(
  "mount: the place is not there",
  (program, root) => program.call("").mount("tmpfs", `${root}/none/x`, "tmpfs", 0, null),
  ["ENOENT", "ROOT/none is not there, on the way to ROOT/none/x"],
);
refuses(
  "mount: the place is a link that leads nowhere",
  (program, root) => program.call("").mount("tmpfs", `${root}/link`, "tmpfs", 0, null),
  ["ENOENT", "ROOT/link is a symbolic link to nowhere, and ROOT/nowhere is not there"],
);
refuses(
  "mount: the place is a file",
  (program, root) => program.call("").mount("tmpfs", `${root}/file`, "tmpfs", 0, null),
  ["ENOTDIR", "ROOT/file is a regular file, and a file system can only be mounted on a directory"],
);
refuses(
  "mount: a directory is bound onto a file",
  (program, root) => program.call("").mount(`${root}/one`, `${root}/file`, null, MS.BIND, null),
  ["ENOTDIR", "ROOT/one is a directory and ROOT/file is a regular file: a directory can only"],
);
refuses(
  "mount: a bind's source is not there",
  (program, root) => program.call("").mount(`${root}/none`, `${root}/one`, null, MS.BIND, null),
  ["ENOENT", "ROOT/none is not there"],
);
refuses(
  "mount: a file system that this kernel does not have",
  (program, root) => program.call("").mount("x", `${root}/one`, "nosuchfs", 0, null),
  ["ENODEV", 'this kernel has no file system "nosuchfs"; sudo modprobe nosuchfs'],
);
refuses(
  "mount: attributes of what is no mount",
  (program, root) => program.call("").mount(null, `${root}/one`, null, MS.PRIVATE, null),
  ["EINVAL", "ROOT/one is not a mount point, so it has no attributes of its own to change; bind"],
);
refuses(
  "mount: an option that the file system does not take",
  (program, root) => program.call("").mount("tmpfs", `${root}/one`, "tmpfs", 0, "size=many"),
  ["EINVAL", 'tmpfs does not take one of the options "size=many"'],
);
refuses(
  "mount: without the right to",
  (program) => {
    program.call("").setresuid(1, 1, 1);
    program.call("").mount("tmpfs", "/tmp", "tmpfs", 0, null);
  },
  ["EPERM", "mount(2) needs CAP_SYS_ADMIN here, and this process does not have it"],
);
refuses(
  "mount: as many mounts as there may be",
  (program, root) => {
    // each doubles what is there
    program.call("").mount("tmpfs", `${root}/one`, "tmpfs", 0, null);
    program.call("").mkdir(`${root}/one/x`, 0o755);
    program.call("").mount(null, `${root}/one`, null, MS.SHARED, null);
    for (let i = 0; i < 40; i++) {
      program.call("").mount(`${root}/one`, `${root}/one/x`, null, MS.BIND | MS.REC, null);
    }
  },
  ["ENOSPC", "the limit of mounts in a namespace is reached", "fs.mount-max is"],
);

refuses(
  "mount in a user namespace: sysfs with the host's network",
  (program, root) => program.call("").mount("sysfs", `${root}/one`, "sysfs", 0, null),
  ["EPERM", "sysfs shows the network namespace, which is the host's here", "leave --network=host"],
  inUserNamespace(),
);
refuses(
  "mount in a user namespace: proc with the host's processes",
  (program, root) => program.call("").mount("proc", `${root}/one`, "proc", 0, null),
  ["EPERM", "proc shows the pid namespace, which is the host's here", "leave --pid=host away"],
  inUserNamespace(),
);
refuses(
  "mount in a user namespace: a file system that is for root alone",
  (program, root) => program.call("").mount("/dev/null", `${root}/one`, "ext4", 0, null),
  ["EPERM", "the kernel does not let a user namespace mount ext4"],
  inUserNamespace(),
);
refuses(
  "mount in a user namespace: an owner that it does not have",
  (program, root) => program.call("").mount("devpts", `${root}/one`, "devpts", 0, "gid=5"),
  ["EINVAL", "the option gid=5 names an id that the container's user namespace does not have"],
  inUserNamespace(),
);
refuses(
  "mount in a user namespace: without what is mounted below",
  (program, root) => program.call("").mount("/dev", `${root}/one`, null, MS.BIND, null),
  ["EINVAL", "there are mounts below /dev, and a user namespace must take them along"],
  inUserNamespace(),
);
Deno.test({
  ...needs("mount in a user namespace: proc where parts of one are hidden", { root: true }),
  async fn() {
    await using root = await tempRoot();
    let inner: Ref;
    const error = await provoke((program) => {
      program.call("as containers do").mount("tmpfs", "/proc/acpi", "tmpfs", MS.RDONLY, null);
      const parent = program.label();
      const flags = CLONE.NEWUSER | CLONE.NEWNS | CLONE.NEWPID;
      inner = program.call("a container in it", { fork: { parent } }).clone3(cloneArgs(flags), 88);
      program.call("").mount("proc", root.path, "proc", 0, null);
      program.place(parent);
      program.call("").waitpid(inner, null, 0);
    }, { pid: () => inner, trial: { linux: namespaces("user", "mount", "pid") } });
    assertStringIncludes(
      error.message,
      "EPERM (operation not permitted): parts of /proc are hidden by other mounts, at /proc/acpi, " +
        "and a new proc would show them; run the outer container with --privileged",
    );
  },
});

Deno.test({
  ...needs("mount_setattr in a user namespace: looser than the host's mount", { root: true }),
  async fn() {
    await using root = await tempRoot();
    let inner: Ref;
    const error = await provoke((program) => {
      program.call("").mount("tmpfs", root.path, "tmpfs", MS.RDONLY, null);
      const parent = program.label();
      const flags = CLONE.NEWUSER | CLONE.NEWNS;
      inner = program.call("a container in it", { fork: { parent } }).clone3(cloneArgs(flags), 88);
      const attributes = mountAttr({ clear: MOUNT_ATTR.RDONLY });
      program.call("").mount_setattr(AT.FDCWD, root.path, 0, attributes, 32);
      program.place(parent);
      program.call("").waitpid(inner, null, 0);
    }, { pid: () => inner, trial: { linux: namespaces("user", "mount") } });
    assertStringIncludes(error.message, `the host has made the mount at ${root.path} stricter`);
  },
});

refuses(
  "open_tree: a volume's source is not there",
  (program, root) => {
    program.call("").open_tree(AT.FDCWD, `${root}/data`, OPEN_TREE.CLONE);
  },
  ["ENOENT", "ROOT/data is not there"],
);

Deno.test({
  ...needs("open_tree: the volume is named", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const source = `${root.path}/data`;
    const mounts = [{ destination: "/srv", type: "bind", source, options: ["bind"] }];
    const error = await provoke((program) => {
      program.call("").open_tree(AT.FDCWD, source, OPEN_TREE.CLONE);
    }, { trial: { spec: { mounts } } });
    assertStringIncludes(
      error.message,
      `${source} is not there, and a volume wants it at /srv; make it first: mkdir -p ${source}`,
    );
  },
});

refuses(
  "open_tree: without the right to",
  (program, root) => {
    program.call("").setresuid(1, 1, 1);
    program.call("").open_tree(AT.FDCWD, `${root}/..`, OPEN_TREE.CLONE);
  },
  ["EPERM", "open_tree(2) needs CAP_SYS_ADMIN here"],
);
refuses(
  "open_tree: an unbindable mount",
  (program, root) => {
    program.call("").mount("tmpfs", `${root}/one`, "tmpfs", 0, null);
    program.call("").mount(null, `${root}/one`, null, MS.UNBINDABLE, null);
    program.call("").open_tree(AT.FDCWD, `${root}/one`, OPEN_TREE.CLONE);
  },
  ["EINVAL", "ROOT/one is an unbindable mount"],
);
refuses(
  "move_mount: a directory onto a file",
  (program, root) => {
    const tree = program.call("").open_tree(AT.FDCWD, `${root}/one`, OPEN_TREE.CLONE);
    program.call("").move_mount(tree, "", AT.FDCWD, `${root}/file`, MOVE_MOUNT.F_EMPTY_PATH);
  },
  ["ROOT/one is a directory, and ROOT/file in the image is a regular file"],
);
refuses(
  "move_mount: a file onto a directory",
  (program, root) => {
    const tree = program.call("").open_tree(AT.FDCWD, `${root}/file`, OPEN_TREE.CLONE);
    program.call("").move_mount(tree, "", AT.FDCWD, `${root}/one`, MOVE_MOUNT.F_EMPTY_PATH);
  },
  ["ROOT/file is a file, and ROOT/one in the image is a directory"],
);
refuses(
  "move_mount: to a place that is not there",
  (program, root) => {
    const tree = program.call("").open_tree(AT.FDCWD, `${root}/file`, OPEN_TREE.CLONE);
    program.call("").move_mount(tree, "", AT.FDCWD, `${root}/none`, MOVE_MOUNT.F_EMPTY_PATH);
  },
  ["ENOENT", "ROOT/none is not there; choose another destination"],
);
refuses(
  "mount_setattr: on what is no mount",
  (program, root) => {
    const attributes = mountAttr({ set: MOUNT_ATTR.RDONLY });
    program.call("").mount_setattr(AT.FDCWD, `${root}/one`, 0, attributes, 32);
  },
  ["EINVAL", "ROOT/one is not a mount point"],
);
refuses(
  "umount2: what is no mount",
  (program, root) => program.call("").umount2(`${root}/one`, 0),
  ["EINVAL", "ROOT/one is not a mount point, or came from a namespace of more rights"],
);

Deno.test({
  ...needs("a kernel that is too old for a call", { root: true }),
  async fn() {
    const read = elsewhere({ "/proc/sys/kernel/osrelease": "5.1.0-generic\n" });
    // ENOSYS is what a kernel says that does not know the number
    const error = await provoke((program) => {
      forbidCall(program, 428);
      program.call("").open_tree(AT.FDCWD, "/", OPEN_TREE.CLONE);
    }, { read });
    assertStringIncludes(error.message, "open_tree(2) came with Linux 5.2, and this is 5.1");
  },
});
