/**
 * execve(2) of a program that is not there, may not be executed, or is told too much.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { E } from "../../../ffi/errno.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { failure, makeRootfs, run } from "../birth/trial.ts";
import { bpf } from "./held.ts";
import { NEEDED, tryAll } from "./unstartable.ts";

Deno.test({
  ...needs("a program that is not there", NEEDED),
  fn: (context) =>
    tryAll(context, [
      {
        name: "in no directory of PATH, and a shell that is there",
        trial: { args: ["bash"] },
        says: [
          '"/bin/bash", ["bash"], [1 variables]): ENOENT (no such file or directory): ' +
          "there is no program bash in any directory of PATH: /usr/bin, /bin; " +
          "the image has sh: try that",
        ],
        code: 127,
      },
      {
        name: "a misspelt one",
        trial: { args: ["sleeep"] },
        change: (rootfs) => Deno.symlink("busybox", `${rootfs}/bin/sleep`),
        says: ["there is no program sleeep", "the image has sleep: try that"],
        code: 127,
      },
      {
        name: "one with a number at its end",
        trial: { args: ["python"] },
        change: (rootfs) => Deno.symlink("busybox", `${rootfs}/bin/python3.11`),
        says: ["there is no program python", "the image has python3.11: try that"],
        code: 127,
      },
      {
        name: "no directory of PATH is there",
        trial: { args: ["sh"], process: { env: ["PATH=/opt/bin:/usr/local/bin"] } },
        says: ["/opt/bin, /usr/local/bin; none of them is there or has anything in it"],
        code: 127,
      },
      {
        name: "in none of very many directories",
        trial: {
          args: ["sh"],
          process: { env: [`PATH=${Array.from({ length: 99 }, (_, i) => `/${i}`).join(":")}`] },
        },
        says: ["/18, /19, and 79 more; none of them is there"],
        code: 127,
      },
      {
        name: "an absolute path",
        trial: { args: ["/opt/app/start"] },
        says: ["/opt is not there, on the way to /opt/app/start"],
        code: 127,
      },
      {
        name: "a relative path",
        trial: { args: ["./start"], process: { cwd: "/tmp" } },
        says: ["/tmp/start is not there"],
        code: 127,
      },
      {
        name: "through a file",
        trial: { args: ["/bin/busybox/sh"] },
        says: ["ENOTDIR (not a directory): /bin/busybox is not a directory, on the way to"],
        code: 127,
      },
      {
        name: "a link that leads nowhere",
        change: (rootfs) => Deno.symlink("/opt/real", `${rootfs}/bin/program`),
        says: ["/bin/program is a symbolic link to /opt/real, and /opt is not there"],
        code: 127,
      },
      {
        name: "a link that leads nowhere, found in PATH",
        trial: { args: ["program"] },
        change: (rootfs) => Deno.symlink("missing", `${rootfs}/bin/program`),
        says: ["/bin/program is a symbolic link to missing, and /bin/missing is not there"],
        code: 127,
      },
      {
        name: "links in a circle",
        change: (rootfs) => Deno.symlink("program", `${rootfs}/bin/program`),
        says: ["ELOOP", "the symbolic links of /bin/program go round in a circle"],
        code: 126,
      },
      {
        name: "an empty word",
        trial: { args: [""] },
        says: ["the command is an empty word; name a program"],
        code: 126,
      },
    ]),
});

Deno.test({
  ...needs("a program that may not be executed", NEEDED),
  fn: (context) =>
    tryAll(context, [
      {
        name: "no x bit",
        program: "#!/bin/sh\n",
        mode: 0o644,
        says: [
          "EACCES (permission denied): /bin/program is not executable: its mode is 0644; give",
        ],
        code: 126,
      },
      {
        name: "no x bit, found in PATH",
        program: "#!/bin/sh\n",
        mode: 0o644,
        trial: { args: ["program"], process: { env: ["PATH=/bin:/nowhere"] } },
        says: ['execve("/bin/program", ["program"]', "/bin/program is not executable"],
        code: 126,
      },
      {
        name: "for the owner alone",
        program: "#!/bin/sh\n",
        mode: 0o700,
        trial: { process: { user: { uid: 1000, gid: 1000 } } },
        says: [
          "/bin/program may not be executed by user 1000:1000: its mode is 0700, its owner 0:0",
        ],
        code: 126,
      },
      {
        name: "in a closed directory",
        change: async (rootfs) => {
          await Deno.mkdir(`${rootfs}/closed`, { mode: 0o700 });
          await Deno.copyFile(`${rootfs}/bin/busybox`, `${rootfs}/closed/app`);
        },
        trial: { args: ["/closed/app"], process: { user: { uid: 1000, gid: 1000 } } },
        says: ["the directory /closed does not let user 1000:1000 through: its mode is 0700"],
        code: 126,
      },
      {
        name: "a directory",
        change: (rootfs) => Deno.mkdir(`${rootfs}/bin/program`),
        says: ["/bin/program is a directory, not a program"],
        code: 126,
      },
      {
        name: "a mount without programs",
        trial: {
          args: ["/volume/busybox"],
          spec: {
            mounts: [{
              destination: "/volume",
              type: "bind",
              source: "/usr/bin",
              options: ["bind", "noexec"],
            }],
          },
        },
        says: ["/volume/busybox lies in /volume, which is mounted noexec; leave noexec away"],
        code: 126,
      },
      {
        name: "a script whose interpreter may not be executed",
        program: "#!/bin/interpreter\n",
        change: (rootfs) => Deno.writeTextFile(`${rootfs}/bin/interpreter`, "", { mode: 0o644 }),
        says: ["/bin/program is a script, and /bin/interpreter is not executable"],
        code: 126,
      },
    ]),
});

Deno.test({
  ...needs("what a program is told can be too much", NEEDED),
  fn: (context) =>
    tryAll(context, [
      {
        name: "one argument",
        trial: { args: ["/bin/busybox", "x".repeat(131072)] },
        says: ['E2BIG (argument list too long): one argument, "xxxx', "has 131073 bytes, and the"],
        code: 126,
      },
      {
        name: "all of them",
        trial: {
          args: ["/bin/busybox", ...Array.from({ length: 30 }, () => "x".repeat(100_000))],
          process: { rlimits: [{ type: "RLIMIT_STACK", soft: 8388608, hard: 8388608 }] },
        },
        says: ["the arguments and the environment have 3000062 bytes"],
        code: 126,
      },
    ]),
});

Deno.test({
  ...needs("a program that somebody writes to", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    using _writer = await Deno.open(`${rootfs}/bin/busybox`, { write: true });
    const error = await failure(rootfs, { args: ["/bin/busybox"] });
    assertStringIncludes(error.message, "ETXTBSY (text file busy): /bin/busybox is open for");
    assertEquals(error.exitCode, 126);
  },
});

Deno.test({
  ...needs("a filter that forbids the program, and even that the child says so", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    // EPERM for everything but exit_group(2)
    const exit = Deno.build.arch === "x86_64" ? 231 : 94;
    const filter = bpf([[0x20, 0, 0, 0], [0x15, 0, 1, exit], [6, 0, 0, 0x7fff0000], [
      6,
      0,
      0,
      0x50000 | E.EPERM,
    ]]);
    const error = await failure(rootfs, { request: { seccomp: { filter, flags: 0 } } });
    assertStringIncludes(error.message, "the container's own seccomp profile forbids execve(2)");
    assertEquals(error.exitCode, 126);
  },
});

Deno.test({
  ...needs("hostile links do not lead the diagnosis out of the container", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    const outside = `${root.path}/outside`;
    await Deno.writeTextFile(outside, "#!/bin/secret\n", { mode: 0o755 });
    for (const target of [outside, `../../../../../..${outside}`, `/proc/self/root${outside}`]) {
      await Deno.symlink(target, `${rootfs}/bin/program`);
      const { message } = await failure(rootfs, { args: ["/bin/program"] });
      assertStringIncludes(message, "/bin/program is a symbolic link to");
      assertEquals(message.includes("secret"), false);
      await Deno.remove(`${rootfs}/bin/program`);
    }
    // a container of this root does start
    assertEquals(await run(rootfs, { args: ["busybox", "sh", "-c", "exit 7"] }), 7);
  },
});
