/**
 * A filter decides as the one that runc makes of the same profile.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { libc, library } from "../../../ffi/libc.ts";
import { compileSeccomp } from "../../../runtime/seccomp/compile.ts";
import { defaultProfile } from "../../../runtime/seccomp/default.ts";
import { seccompHost } from "../../../runtime/seccomp/load.ts";
import type { LinuxSeccomp } from "../../../runtime/spec/seccomp.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { DEFAULT_CAPABILITIES } from "./docker.ts";
import { ARCH, decide } from "./interpreter.ts";

/** ptrace(2), which the project itself never calls. */
const { ptrace } = library("libc.so.6", {
  ptrace: ["long", "request: number", "pid: number", "index: number", "data: pointer"],
});
const PTRACE = { SEIZE: 0x4206, INTERRUPT: 0x4207, DETACH: 17, SECCOMP_GET_FILTER: 0x420c };

/** The filter that a process is under, as ptrace(2)'s PTRACE_SECCOMP_GET_FILTER gives it. */
function filterOf(pid: number): Uint8Array {
  ptrace(PTRACE.SEIZE, pid, 0, null);
  try {
    ptrace(PTRACE.INTERRUPT, pid, 0, null);
    libc.waitpid(pid, new Uint8Array(4), 0x40000000 /* __WALL */);
    const filter = new Uint8Array(8 * 4096);
    const count = ptrace(PTRACE.SECCOMP_GET_FILTER, pid, 0, filter);
    return filter.subarray(0, 8 * count);
  } finally {
    ptrace(PTRACE.DETACH, pid, 0, null);
  }
}

/** What runc makes of a profile: the filter of a container that it has started with it. */
async function filterByRunc(directory: string, profile: LinuxSeccomp): Promise<Uint8Array> {
  const id = `tiffin-test-${crypto.randomUUID().slice(0, 8)}`;
  const binds = ["/bin", "/lib", "/lib64", "/usr"].map((path) => ({
    destination: path,
    source: path,
    type: "bind",
    options: ["rbind", "ro"],
  }));
  Deno.mkdirSync(`${directory}/rootfs/proc`, { recursive: true });
  const config = {
    ociVersion: "1.0.2",
    root: { path: "rootfs" },
    process: {
      args: ["/bin/sleep", "60"],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      noNewPrivileges: true,
    },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }, ...binds],
    linux: {
      cgroupsPath: `/${id}`,
      namespaces: [{ type: "pid" }, { type: "mount" }],
      seccomp: profile,
    },
  };
  Deno.writeTextFileSync(`${directory}/config.json`, JSON.stringify(config));
  const log = `${directory}/log`;
  const runc = async (...args: string[]) => {
    // a detached container keeps what it inherits, and a pipe would stay open as long as it lives
    const stdout = args[0] === "state" ? "piped" : "null";
    const output = await new Deno.Command("runc", {
      args: ["--root", `${directory}/state`, "--log", log, ...args],
      stdin: "null",
      stdout,
      stderr: "null",
    }).output();
    if (!output.success) throw new Error(`runc ${args.join(" ")}: ${Deno.readTextFileSync(log)}`);
    return stdout === "piped" ? new TextDecoder().decode(output.stdout) : "";
  };
  try {
    await runc("run", "--detach", "--bundle", directory, id);
    return filterOf(JSON.parse(await runc("state", id)).pid);
  } finally {
    await runc("delete", "--force", id);
  }
}

/** Every number that a system call has had until now, of both runs, and some that none has. */
const numbers = [...Array(600).keys(), ...Array.from({ length: 600 }, (_, i) => 0x4000_0000 + i)];

/** Arguments that the default profile's conditions tell apart. */
const argumentLists = [
  [],
  ...Array.from({ length: 50 }, (_, value) => [value, value]),
  ...[0x20000, 0x20008, 0x40000, 0xffffffff, 0x1200011, 0x7e020000, 2 ** 32, 2 ** 32 + 2].map(
    (value) => [value],
  ),
];

Deno.test({
  ...needs("a filter decides as runc's of the same profile does", {
    root: true,
    programs: ["runc"],
    libraries: ["libseccomp.so.2"],
    arch: "x86_64",
  }),
  async fn() {
    await using root = await tempRoot();
    const profile = defaultProfile(seccompHost(DEFAULT_CAPABILITIES));
    const ours = compileSeccomp(profile);
    const theirs = await filterByRunc(root.path, profile);
    const differences: string[] = [];
    for (const arch of [ARCH.x86_64, ARCH.i386]) {
      for (const nr of numbers) {
        for (const args of argumentLists) {
          const [one, other] = [ours, theirs].map((filter) => decide(filter, { arch, nr, args }));
          if (one !== other) differences.push(`${arch} ${nr} ${args}: ${one} ${other}`);
        }
      }
    }
    assertEquals(differences, []);
  },
});
