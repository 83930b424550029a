/**
 * execve(2) of files that are there and may be executed, and that the kernel cannot start.
 *
 * @module
 */

import { needs } from "../../helpers/needs.ts";
import { NEEDED, tryAll } from "./unstartable.ts";

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
        name: "a script for what runs already",
        program: "#!/proc/self/exe\n",
        says: [
          "ENOEXEC (exec format error): /bin/program is a script for /proc/self/exe, and " +
          "/proc/self/exe is what the process runs itself, and until it is the container's " +
          "program that is an empty file",
        ],
        code: 126,
      },
      {
        name: "whose loader is what runs already",
        program: elf(OWN, 3, "/proc/self/exe"),
        says: ["needs the loader /proc/self/exe, and /proc/self/exe is what the process runs"],
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
