/**
 * The kernel itself takes the filters and does what they say.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { AT, PR, SECCOMP_SET_MODE } from "../../../ffi/constants.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { offthread } from "../../../ffi/libc.ts";
import { Arena } from "../../../ffi/memory.ts";
import { Program } from "../../../ffi/program.ts";
import { cloneArgs } from "../../../ffi/structs.ts";
import { compileSeccomp } from "../../../runtime/seccomp/compile.ts";
import { defaultProfile } from "../../../runtime/seccomp/default.ts";
import { seccompFlags, seccompHost } from "../../../runtime/seccomp/load.ts";
import type { LinuxSeccomp } from "../../../runtime/spec/seccomp.ts";
import { needs } from "../../helpers/needs.ts";
import { DEFAULT_CAPABILITIES } from "./docker.ts";

const libraries = ["libseccomp.so.2"];

/** Calls that a test makes under a filter; each may fail. */
type Body = (program: Program) => void;

/** How a child that lived under a filter came to its end. */
interface Life {
  /** For each call of the body its result, or the name of its errno. */
  results: (number | string)[];
  /** The exit status, or the negative number of the signal. */
  status: number;
}

/** Forks a child that puts itself under a profile's filter and makes the body's calls. */
async function live(profile: LinuxSeccomp, body: Body): Promise<Life> {
  const filter = compileSeccomp(profile);
  const arena = new Arena(512 * 1024);
  const program = new Program(arena);
  // struct sock_fprog: how many instructions, and where they are
  const fprog = arena.allocate(16, "filter");
  new DataView(fprog.bytes.buffer, fprog.bytes.byteOffset).setUint16(0, filter.length / 8, true);
  arena.setWord(fprog.address + 8, arena.copy(filter));
  const parent = program.label();
  const args = cloneArgs(0);
  const child = program.call("a child to be filtered", { fork: { parent } })
    .clone3(args, args.bytes.length);
  // without CAP_SYS_ADMIN only a process that can gain no rights may filter itself
  program.call("so that anybody may").prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  program.call("the filter").seccomp(SECCOMP_SET_MODE.FILTER, seccompFlags(profile), fprog);
  const first = program.steps.length;
  body(program);
  const last = program.steps.length;
  program.call("the end")._exit(0);
  program.place(parent);
  program.end();
  program.walk();
  const status = new Uint8Array(4);
  await offthread.waitpid(child.value, status, 0);
  if (program.failed && program.steps.indexOf(program.failed) < first) {
    throw program.error(program.failed);
  }
  const [signal, code] = [status[0] & 0x7f, status[1]];
  return {
    results: program.steps.slice(first, last).map((step) => {
      const { result, errno } = program.outcome(step);
      return result === -1 ? errnoName(errno) : result;
    }),
    status: signal ? -signal : code,
  };
}

const anyFailure = { allow: ["EPERM", "ENOSYS", "EINVAL", "EAFNOSUPPORT", "ENOENT", "EFAULT"] };
const defaults = () => defaultProfile(seccompHost(DEFAULT_CAPABILITIES));

Deno.test({
  ...needs("the kernel takes the default filter and refuses what it refuses", { libraries }),
  async fn() {
    const { results, status } = await live(defaults(), (program) => {
      const call = () => program.call("", anyFailure);
      call().umask(0o22);
      call().keyctl(1, new TextEncoder().encode("session\0"));
      call().unshare(0x10000000);
      call().unshare(0x20000);
      call().mount("none", "/tmp", "tmpfs", 0, null);
      call().personality(0x40000);
      call().personality(0xffffffff);
      call().socket(38, 5, 0); // AF_ALG, SOCK_SEQPACKET
      call().bpf(0, null, 0);
      call().setns(AT.FDCWD, 0);
      const { bytes } = cloneArgs(0);
      call().clone3(bytes, bytes.length);
    });
    const umask = results.shift();
    assertEquals(typeof umask, "number");
    assertEquals(results, [
      "EPERM",
      "EPERM",
      "EPERM",
      "EPERM",
      "EPERM",
      0,
      "EPERM",
      "EPERM",
      "EPERM",
      "ENOSYS",
    ]);
    assertEquals(status, 0);
  },
});

Deno.test({
  ...needs("programs run under the default filter, threads and all", {
    libraries,
    programs: ["unshare", "setarch"],
  }),
  async fn() {
    const script = `
      unshare -U true 2>/dev/null && exit 11
      unshare -m true 2>/dev/null && exit 12
      setarch -R true 2>/dev/null && exit 13
      (sleep 0; echo inner | cat) >/dev/null || exit 14
      test -x /bin/sh || exit 15
      exit 7`;
    const { status } = await live(defaults(), (program) => {
      program.call("").execve("/bin/sh", ["sh", "-c", script], ["PATH=/usr/sbin:/usr/bin:/bin"]);
    });
    assertEquals(status, 7);
  },
});

Deno.test({
  ...needs("a filter may kill", { libraries }),
  async fn() {
    const profile: LinuxSeccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["umask"], action: "SCMP_ACT_KILL_PROCESS" }],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
    };
    const life = await live(profile, (program) => program.call("").umask(0));
    assertEquals(life.status, -31); // SIGSYS
  },
});

Deno.test({
  ...needs("a rule with SCMP_ACT_NOTIFY makes seccomp(2) return a descriptor", { libraries }),
  async fn() {
    const profile: LinuxSeccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: "/run/agent.sock",
      syscalls: [{ names: ["mount"], action: "SCMP_ACT_NOTIFY" }],
      flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    };
    const { results } = await live(profile, (program) => {
      const filter = program.steps.find((step) => step.name === "seccomp")!;
      program.call("").close(filter.result);
    });
    assertEquals(results, [0]);
  },
});
