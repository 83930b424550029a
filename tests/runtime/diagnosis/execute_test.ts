/**
 * execve(2), with everything that can be wrong with a program; each time a container really starts
 * and fails.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs, type Requirements } from "../../helpers/needs.ts";
import { type TempRoot, tempRoot } from "../../helpers/temp_root.ts";
import { E } from "../../../ffi/errno.ts";
import { bpf } from "./held.ts";
import { BUSYBOX, failure, makeRootfs, run, type Trial } from "../birth/trial.ts";

const NEEDED: Requirements = { root: true, files: [BUSYBOX] };

interface Case {
  name: string;
  /** the program's text; it is written to /bin/program with the mode */
  program?: string | Uint8Array;
  mode?: number;
  /** changes the root before the start */
  change?: (rootfs: string) => Promise<void>;
  trial?: Trial;
  says: string[];
  code: 126 | 127;
}

/** One root for a list of cases. */
async function tryAll(context: Deno.TestContext, cases: Case[]): Promise<void> {
  await using root: TempRoot = await tempRoot();
  const rootfs = await makeRootfs(`${root.path}/rootfs`);
  for (const { name, program, mode = 0o755, change, trial, says, code } of cases) {
    await context.step(name, async () => {
      const path = `${rootfs}/bin/program`;
      await Deno.remove(path, { recursive: true }).catch(() => {});
      const bytes = typeof program === "string" ? new TextEncoder().encode(program) : program;
      if (bytes) {
        await Deno.writeFile(path, bytes);
        await Deno.chmod(path, mode);
      }
      await change?.(rootfs);
      const error = await failure(rootfs, { args: ["/bin/program"], ...trial });
      for (const words of says) assertStringIncludes(error.message, words);
      assertEquals([error.exitCode, error.step.name], [code, "execve"]);
      assertStringIncludes(error.message, "the program: execve(");
    });
  }
}

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

const ELF_HEADER = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** An ELF file that has its header only, as the kernel and a reader need it. */
function elf(machine: number, type = 2, interpreter?: string): Uint8Array {
  const bytes = new Uint8Array(64 + 56 + 64);
  const view = new DataView(bytes.buffer);
  bytes.set(ELF_HEADER);
  view.setUint16(16, type, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  if (interpreter !== undefined) {
    view.setBigUint64(32, 64n, true);
    view.setUint16(56, 1, true);
    view.setUint32(64, 3, true);
    view.setBigUint64(64 + 8, 120n, true);
    view.setBigUint64(64 + 32, BigInt(interpreter.length + 1), true);
    bytes.set(new TextEncoder().encode(interpreter), 120);
  }
  return bytes;
}

const [OWN, OTHER, OTHER_NAME] = Deno.build.arch === "x86_64"
  ? [62, 183, "aarch64"]
  : [183, 62, "x86-64"];
const LOADERS = Deno.build.arch === "x86_64"
  ? { glibc: "/lib64/ld-linux-x86-64.so.2", musl: "/lib/ld-musl-x86_64.so.1" }
  : { glibc: "/lib/ld-linux-aarch64.so.1", musl: "/lib/ld-musl-aarch64.so.1" };

Deno.test({
  ...needs("a program that the kernel cannot start", NEEDED),
  fn: (context) =>
    tryAll(context, [
      {
        name: "a script whose interpreter is not there",
        program: "#!/usr/bin/python3 -u\nprint()\n",
        says: ["ENOENT", "/bin/program is a script for /usr/bin/python3, and /usr is not there"],
        code: 127,
      },
      {
        name: "a script with the line ends of Windows",
        program: "#!/bin/sh\r\necho\r\n",
        says: [
          "the first line of /bin/program ends with a carriage return, as on Windows",
          'an interpreter called "/bin/sh\\r"; take them out where the image is made: sed -i',
        ],
        code: 127,
      },
      {
        name: "a script of a script of a script",
        program: "#!/bin/program\n",
        says: ["ELOOP", "/bin/program is a script, and ", "interpreter is a script, and so on"],
        code: 126,
      },
      {
        name: "a script without a first line",
        program: "echo hello\n",
        says: [
          "ENOEXEC",
          "/bin/program is text without a first line",
          "run it as: sh /bin/program",
        ],
        code: 126,
      },
      {
        name: "a script for nobody",
        program: "#!\n",
        says: ["ENOEXEC", "the first line of /bin/program names no interpreter"],
        code: 126,
      },
      {
        name: "an empty file",
        program: "",
        says: ["ENOEXEC (exec format error): /bin/program is an empty file"],
        code: 126,
      },
      {
        name: "a program for Windows",
        program: "MZ\x90\0\x03\0\0\0",
        says: ["ENOEXEC", "/bin/program is a program for Windows, not for Linux"],
        code: 126,
      },
      {
        name: "something else",
        program: new Uint8Array([1, 2, 3, 0, 5]),
        says: ["/bin/program is neither an ELF program nor a script"],
        code: 126,
      },
      {
        name: "for another machine",
        program: elf(OTHER),
        says: ["ENOEXEC", `is a program for ${OTHER_NAME}, and this machine is ${Deno.build.arch}`],
        code: 126,
      },
      {
        name: "an object file",
        program: elf(OWN, 1, LOADERS.glibc),
        says: ["ENOEXEC", "/bin/program is an object file; link it"],
        code: 126,
      },
      {
        name: "a damaged one",
        program: new Uint8Array(ELF_HEADER),
        says: ["ENOEXEC", "/bin/program is a damaged ELF file: cut short"],
        code: 126,
      },
      {
        name: "without its loader",
        program: elf(OWN, 3, LOADERS.glibc),
        says: [
          `ENOENT (no such file or directory): /bin/program needs the loader ${LOADERS.glibc}, ` +
          "which is glibc's, and /lib",
          "use a program that is built for what the image has or linked statically, or an image " +
          "with glibc such as debian",
        ],
        code: 127,
      },
      {
        name: "for glibc, where there is musl",
        program: elf(OWN, 3, LOADERS.glibc),
        change: async (rootfs) => {
          await Deno.mkdir(`${rootfs}/lib`);
          await Deno.writeTextFile(rootfs + LOADERS.musl, "", { mode: 0o755 });
        },
        says: [
          "which is glibc's, and ",
          "the container's C library is musl; use a program that is",
        ],
        code: 127,
      },
      {
        name: "found in PATH",
        program: "#!/bin/zsh\n",
        trial: { args: ["program"], process: { env: ["PATH=/bin:/usr/bin"] } },
        says: ['execve("/bin/program", ["program"]', "a script for /bin/zsh, and /bin/zsh is not"],
        code: 127,
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
