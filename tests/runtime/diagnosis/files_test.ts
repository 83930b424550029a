/**
 * Files and directories that cannot be made, opened or written: on the host's disk, in proc, in a
 * container.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { CLONE, MS, O } from "../../../ffi/constants.ts";
import { E } from "../../../ffi/errno.ts";
import type { Program } from "../../../ffi/program.ts";
import { writeFile } from "../../../runtime/birth/files.ts";
import { setCapabilities } from "../../../runtime/birth/process.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { BUSYBOX, failure, makeRootfs, type Trial } from "../birth/trial.ts";
import { forbidCall, type Ground, provoke, provokeHere } from "./held.ts";
import { assertRefused, becomeNobody } from "./refusals.ts";

/** A test as root with a directory of its own; `ROOT` in a sentence is its path. */
function refuses(
  name: string,
  write: (program: Program, root: string) => void,
  says: string[],
  ground: (root: string) => Ground = () => ({}),
): void {
  Deno.test({
    ...needs(name, { root: true }),
    async fn() {
      await using root = await tempRoot();
      await Deno.chmod(root.path, 0o755);
      const error = await provoke((program) => write(program, root.path), ground(root.path));
      assertRefused(error, says, { ROOT: root.path });
    },
  });
}

/** A request whose container's own directory is in the given one. */
const withDirectory = (root: string): Ground => ({
  request: { directories: [{ path: `${root}/containers/1`, mode: 0o700, why: "" }] },
});

refuses(
  "the disk is full",
  (program, root) => {
    program.call("").mount("tmpfs", root, "tmpfs", 0, "nr_inodes=2");
    program.call("").mkdir(`${root}/one`, 0o755);
    program.call("").mkdir(`${root}/two`, 0o755);
  },
  ["ENOSPC", "the tmpfs mounted at ROOT has no room for ROOT/two: no bytes left, or no inodes"],
);
refuses(
  "the disk is full when a file is written",
  (program, root) => {
    program.call("").mount("tmpfs", root, "tmpfs", 0, "size=4k");
    writeFile(program, `${root}/file`, "x".repeat(4096), "", { flags: O.CREAT, mode: 0o644 });
    writeFile(program, `${root}/more`, "y", "", { flags: O.CREAT, mode: 0o644 });
  },
  ['write(4, "y", 1): ENOSPC', "the tmpfs mounted at ROOT has no room for ROOT/more"],
);
refuses(
  "a quota is used up",
  (program, root) => {
    // few file systems have quotas, so a filter says what such a one would
    const mkdir = Deno.build.arch === "x86_64" ? 83 : 34;
    forbidCall(program, mkdir, E.EDQUOT);
    program.call("").mkdir(`${root}/one`, 0o755);
  },
  ["EDQUOT", "the disk quota of user 0 is used up on the "],
);
refuses(
  "the data root has no directory for containers",
  (program, root) => {
    program.call("").mount("tmpfs", root, "tmpfs", MS.RDONLY, null);
    program.call("").mkdir(`${root}/containers/1`, 0o755);
  },
  ["ENOENT", "ROOT/containers is not there"],
);
refuses(
  "the data root is on a disk that cannot be written",
  (program, root) => {
    program.call("").mount("tmpfs", root, "tmpfs", 0, null);
    program.call("").mkdir(`${root}/containers`, 0o755);
    program.call("").mount(null, root, null, MS.REMOUNT | MS.RDONLY, null);
    program.call("").mkdir(`${root}/containers/1`, 0o755);
  },
  ["EROFS", "the tmpfs mounted at ROOT is read-only", "name another place with --root"],
  withDirectory,
);
refuses(
  "the data root belongs to somebody else",
  (program, root) => {
    program.call("").mkdir(`${root}/containers`, 0o755);
    becomeNobody(program);
    program.call("").mkdir(`${root}/containers/1`, 0o755);
  },
  [
    "EACCES",
    "user 61234 may not write in ROOT/containers; name a directory of your own with --root",
  ],
  withDirectory,
);
refuses(
  "a container's directory is there already",
  (program, root) => {
    program.call("").mkdir(`${root}/one`, 0o755);
    program.call("").mkdir(`${root}/one`, 0o755);
  },
  ["EEXIST", "ROOT/one is there already; remove it, or choose another name"],
);
refuses(
  "a file where a directory has to be",
  (program, root) => {
    program.call("").mknod(`${root}/file`, 0o100644, 0);
    program.call("").mkdir(`${root}/file/one`, 0o755);
  },
  ["ENOTDIR", "ROOT/file is a regular file, not a directory"],
);

refuses(
  "a kernel parameter that is not there",
  (program) => writeFile(program, "/proc/sys/net/none/such", "1", ""),
  ["ENOENT", "this kernel has no parameter net.none.such, or its module is not loaded"],
);
refuses(
  "a kernel parameter that does not take the value",
  (program) => writeFile(program, "/proc/sys/net/ipv4/ip_forward", "often", ""),
  ["EINVAL", 'the parameter net.ipv4.ip_forward does not take the value "often"'],
  () => ({ flags: CLONE.NEWNET }),
);
refuses(
  "a kernel parameter of the whole machine",
  // one that nobody at all may write
  (program) => writeFile(program, "/proc/sys/kernel/ostype", "Linux", ""),
  ["EACCES", "the parameter kernel.ostype cannot be written in here: it is the whole machine's"],
);
refuses(
  "an oom_score_adj that is lower",
  (program) => {
    setCapabilities(program, { effective: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] });
    writeFile(program, "/proc/self/oom_score_adj", "-500", "");
  },
  ["EACCES", 'oom_score_adj cannot be lowered to "-500" without CAP_SYS_RESOURCE; leave'],
);

Deno.test({
  ...needs("maps that may not be written", { root: true, programs: ["unshare"] }),
  async fn() {
    const args = ["--user", "--map-root-user", "sh", "-c", "echo ready; exec sleep 60"];
    const child = new Deno.Command("unshare", { args, stdout: "piped" }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    try {
      // a map is written once, and this one is there
      const error = await provokeHere((program) =>
        writeFile(program, `/proc/${child.pid}/uid_map`, "0 0 10\n", "")
      );
      assertStringIncludes(
        error.message,
        "EPERM (operation not permitted): the kernel refuses the",
      );
      assertStringIncludes(error.message, 'map "0 0 10\\n": an ordinary user may map its own id');
    } finally {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    }
  },
});

interface Planted {
  name: string;
  change: (rootfs: string) => Promise<void>;
  trial?: Trial;
  says: string[];
}

const PLANTED: Planted[] = [
  {
    name: "proc is a link",
    change: async (rootfs) => {
      await Deno.remove(`${rootfs}/proc`);
      await Deno.symlink("/etc", `${rootfs}/proc`);
    },
    says: [
      "open(",
      "/proc in the image is a symbolic link to /etc, and what is mounted there would",
    ],
  },
  {
    name: "proc is a file",
    change: async (rootfs) => {
      await Deno.remove(`${rootfs}/proc`);
      await Deno.writeTextFile(`${rootfs}/proc`, "");
    },
    says: ["/proc in the image is a regular file, not a directory"],
  },
  {
    name: "dev is a file",
    change: async (rootfs) => {
      await Deno.remove(`${rootfs}/dev`);
      await Deno.writeTextFile(`${rootfs}/dev`, "");
    },
    says: ["mounts: mount(", "/dev is a regular file, and a file system can only be mounted on a"],
  },
  {
    name: "the working directory is a file",
    change: (rootfs) => Deno.writeTextFile(`${rootfs}/etc/passwd`, ""),
    trial: { process: { cwd: "/etc/passwd" } },
    says: ["chdir(", "/etc/passwd is a regular file: it cannot be the working directory; choose"],
  },
  {
    name: "the working directory is closed",
    change: (rootfs) => Deno.mkdir(`${rootfs}/root`, { mode: 0o700 }),
    trial: { process: { cwd: "/root", user: { uid: 1000, gid: 1000 } } },
    says: [
      "EACCES",
      "user 1000 may not enter /root, or a directory above; choose another --workdir",
    ],
  },
];

Deno.test({
  ...needs("an image that is in the way", { root: true, files: [BUSYBOX] }),
  async fn(context) {
    await using root = await tempRoot();
    for (const [i, { name, change, trial, says }] of PLANTED.entries()) {
      await context.step(name, async () => {
        const rootfs = await makeRootfs(`${root.path}/${i}`);
        await change(rootfs);
        const { message, exitCode } = await failure(rootfs, trial);
        for (const words of says) assertStringIncludes(message, words);
        assertEquals(exitCode, 125);
      });
    }
  },
});
