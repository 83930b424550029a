/**
 * Profiles compiled by libseccomp decide about calls as they are written.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import { compileSeccomp } from "../../../runtime/seccomp/compile.ts";
import { defaultProfile } from "../../../runtime/seccomp/default.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../../../runtime/spec/seccomp.ts";
import { needs, type Requirements } from "../../helpers/needs.ts";
import { DEFAULT_CAPABILITIES } from "./docker.ts";
import { answer, ARCH, type Call, NR } from "./interpreter.ts";

// libseccomp compiles for other machines too, but always adds its own: these are for x86-64
const requirements: Requirements = { libraries: ["libseccomp.so.2"], arch: "x86_64" };
const x86_64 = NR.x86_64;

/** Docker's default, with these capabilities. */
function compileDefault(capabilities: readonly string[] = DEFAULT_CAPABILITIES): Uint8Array {
  return compileSeccomp(defaultProfile({ capabilities, kernel: [6, 18], arch: "x86_64" }));
}

/** A filter that refuses everything but what these rules say. */
function compile(syscalls: LinuxSyscall[], more: Partial<LinuxSeccomp> = {}): Uint8Array {
  return compileSeccomp({ defaultAction: "SCMP_ACT_ERRNO", syscalls, ...more });
}

/** What a filter answers to an x86-64 program. */
function ask(filter: Uint8Array, name: keyof typeof x86_64, ...args: (number | bigint)[]): string {
  return answer(filter, { arch: ARCH.x86_64, nr: x86_64[name], args });
}

Deno.test({
  ...needs("the default filter: what a container may and may not do", requirements),
  fn() {
    const filter = compileDefault();
    for (const name of ["read", "write", "execve", "uname", "ptrace", "arch_prctl"] as const) {
      assertEquals(ask(filter, name), "allow", name);
    }
    for (
      const name of [
        "mount",
        "reboot",
        "keyctl",
        "unshare",
        "open_by_handle_at",
        "io_uring_setup",
        "set_mempolicy_home_node",
      ] as const
    ) {
      assertEquals(ask(filter, name), "errno 1", name);
    }
  },
});

Deno.test({
  ...needs("the default filter: clone may make threads and children, not namespaces", requirements),
  fn() {
    const filter = compileDefault();
    assertEquals(ask(filter, "clone", 0x3d0f00), "allow"); // what pthread_create asks for
    assertEquals(ask(filter, "clone", 0x1200011), "allow"); // what fork asks for
    const namespaces = [
      0x20000,
      0x2000000,
      0x4000000,
      0x8000000,
      0x10000000,
      0x20000000,
      0x40000000,
    ];
    for (const flag of namespaces) {
      assertEquals(ask(filter, "clone", flag | 17), "errno 1", flag.toString(16));
    }
    assertEquals(ask(filter, "clone3"), "errno 38");
  },
});

Deno.test({
  ...needs("the default filter: socket and personality by their first argument", requirements),
  fn() {
    const filter = compileDefault();
    const families = Array.from({ length: 48 }, (_, family) => family);
    const refused = families.filter((family) => ask(filter, "socket", family) !== "allow");
    assertEquals(refused, [0, 12, 19, 20, 23, 25, 34, 37, 38, 40, 46, 47]);
    for (const persona of [0, 8, 0x20000, 0x20008, 0xffffffff]) {
      assertEquals(ask(filter, "personality", persona), "allow");
    }
    assertEquals(ask(filter, "personality", 0x40000), "errno 1"); // ADDR_NO_RANDOMIZE
    assertEquals(ask(filter, "personality", 2n ** 32n), "errno 1"); // the upper half counts
  },
});

Deno.test({
  ...needs("the default filter: capabilities open what belongs to them", requirements),
  fn() {
    const admin = compileDefault([...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN"]);
    for (const name of ["mount", "unshare", "clone3"] as const) {
      assertEquals(ask(admin, name), "allow");
    }
    assertEquals(ask(admin, "clone", 0x10000000), "allow");
    assertEquals(ask(admin, "reboot"), "errno 1");
    const reader = compileDefault(["CAP_DAC_READ_SEARCH"]);
    assertEquals(ask(reader, "open_by_handle_at"), "allow");
  },
});

Deno.test({
  ...needs(
    "the default filter: 32-bit and x32 programs have the same rules, others are killed",
    requirements,
  ),
  fn() {
    const filter = compileDefault();
    const i386 = (nr: number, ...args: number[]) => answer(filter, { arch: ARCH.i386, nr, args });
    assertEquals(i386(NR.i386.read), "allow");
    assertEquals(i386(NR.i386.mount), "errno 1");
    assertEquals(i386(NR.i386.clone, 0x10000000), "errno 1");
    assertEquals(i386(NR.i386.clone, 0), "allow");
    assertEquals(i386(NR.i386.socketcall, 1), "allow");
    assertEquals(i386(NR.i386.socket, 2), "allow");
    assertEquals(i386(NR.i386.socket, 38), "errno 1");
    const x32 = (nr: number) => answer(filter, { arch: ARCH.x86_64, nr: 0x40000000 + nr });
    assertEquals(x32(x86_64.read), "allow");
    assertEquals(x32(x86_64.mount), "errno 1");
    for (const arch of [ARCH.aarch64, ARCH.arm, ARCH.riscv64, 0, 0xffffffff]) {
      assertEquals(answer(filter, { arch, nr: 0 }), "kill process");
    }
  },
});

Deno.test({
  ...needs("the default filter of aarch64, compiled here beside this machine's", requirements),
  fn() {
    const host = { capabilities: DEFAULT_CAPABILITIES, kernel: [6, 18], arch: "aarch64" } as const;
    const filter = compileSeccomp(defaultProfile(host));
    const arm64 = (name: keyof typeof NR.aarch64, ...args: number[]) =>
      answer(filter, { arch: ARCH.aarch64, nr: NR.aarch64[name], args });
    assertEquals(arm64("read"), "allow");
    assertEquals(arm64("execve"), "allow");
    assertEquals(arm64("mount"), "errno 1");
    assertEquals(arm64("clone", 0x1200011), "allow");
    assertEquals(arm64("clone", 0x10000011), "errno 1");
    assertEquals(arm64("clone3"), "errno 38");
    assertEquals([1, 38, 40].map((family) => arm64("socket", family)), [
      "allow",
      "errno 1",
      "errno 1",
    ]);
    assertEquals(answer(filter, { arch: ARCH.aarch64, nr: 900 }), "errno 38");
    const arm = (nr: number, ...args: number[]) => answer(filter, { arch: ARCH.arm, nr, args });
    assertEquals(arm(NR.arm.read), "allow");
    assertEquals(arm(NR.arm.mount), "errno 1");
    assertEquals(arm(NR.arm.clone, 0x10000000), "errno 1");
    assertEquals(arm(NR.arm.set_tls), "allow");
    assertEquals(arm(900), "errno 38");
    assertEquals(answer(filter, { arch: ARCH.i386, nr: NR.i386.read }), "kill process");
  },
});

Deno.test({
  ...needs("calls newer than the profile are ENOSYS, in every convention", requirements),
  fn() {
    const filter = compileDefault();
    const at = (arch: number, nr: number): Call => ({ arch, nr });
    assertEquals(answer(filter, at(ARCH.x86_64, 900)), "errno 38");
    assertEquals(answer(filter, at(ARCH.x86_64, 0x3fffffff)), "errno 38");
    assertEquals(answer(filter, at(ARCH.i386, 900)), "errno 38");
    assertEquals(answer(filter, at(ARCH.x86_64, 0x40000000 + 900)), "errno 38");
    // seccomp(2): a tracer that cancels a call leaves −1 as its number
    assertEquals(answer(filter, at(ARCH.x86_64, -1)), "errno 38");
    // not newer, only left out
    assertEquals(ask(filter, "io_uring_setup"), "errno 1");
  },
});

Deno.test({
  ...needs("a default that lets calls through does so for new ones", requirements),
  fn() {
    const deny: LinuxSyscall[] = [{ names: ["mount"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }];
    for (const [action, word] of [["ALLOW", "allow"], ["LOG", "log"], ["TRACE", "trace 1"]]) {
      const defaultAction = `SCMP_ACT_${action}` as LinuxSeccomp["defaultAction"];
      const filter = compile(deny, { defaultAction });
      assertEquals(answer(filter, { arch: ARCH.x86_64, nr: 900 }), word);
      assertEquals(ask(filter, "mount"), "errno 13");
    }
  },
});

Deno.test({
  ...needs("every action and errno arrives in the filter", requirements),
  fn() {
    const rule = (names: string[], action: string, errnoRet?: number) =>
      ({ names, action: `SCMP_ACT_${action}`, errnoRet }) as LinuxSyscall;
    const filter = compile([
      rule(["read"], "ALLOW"),
      rule(["write"], "KILL"),
      rule(["socket"], "KILL_THREAD"),
      rule(["clone"], "KILL_PROCESS"),
      rule(["execve"], "TRAP"),
      rule(["ptrace"], "TRACE", 7),
      rule(["uname"], "LOG"),
      rule(["mount"], "NOTIFY"),
      rule(["reboot"], "ERRNO", 95),
      rule(["clone3"], "ERRNO"),
    ], { defaultErrnoRet: 22, listenerPath: "/run/agent.sock" });
    assertEquals(ask(filter, "read"), "allow");
    assertEquals(ask(filter, "write"), "kill thread");
    assertEquals(ask(filter, "socket"), "kill thread");
    assertEquals(ask(filter, "clone"), "kill process");
    assertEquals(ask(filter, "execve"), "trap");
    assertEquals(ask(filter, "ptrace"), "trace 7");
    assertEquals(ask(filter, "uname"), "log");
    assertEquals(ask(filter, "mount"), "notify");
    assertEquals(ask(filter, "reboot"), "errno 95");
    assertEquals(ask(filter, "clone3"), "errno 1");
    assertEquals(ask(filter, "keyctl"), "errno 22");
  },
});

Deno.test({
  ...needs("every operator compares all 64 bits", requirements),
  fn() {
    const big = 0x1_0000_0002n;
    const table: ["NE" | "LT" | "LE" | "EQ" | "GE" | "GT", Record<string, boolean>][] = [
      ["NE", { below: true, equal: false, above: true }],
      ["LT", { below: true, equal: false, above: false }],
      ["LE", { below: true, equal: true, above: false }],
      ["EQ", { below: false, equal: true, above: false }],
      ["GE", { below: false, equal: true, above: true }],
      ["GT", { below: false, equal: false, above: true }],
    ];
    for (const [op, expected] of table) {
      const args = [{ index: 3, value: big, op: `SCMP_CMP_${op}` as const }];
      const filter = compile([{ names: ["read"], action: "SCMP_ACT_ALLOW", args }]);
      const matches = (value: bigint) => ask(filter, "read", 0, 0, 0, value) === "allow";
      assertEquals(
        { below: matches(2n), equal: matches(big), above: matches(big + 2n ** 40n) },
        expected as Record<"below" | "equal" | "above", boolean>,
        op,
      );
    }
    const masked = compile([{
      names: ["read"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 0xff00n, valueTwo: 0x1200, op: "SCMP_CMP_MASKED_EQ" }],
    }]);
    assertEquals(ask(masked, "read", 0x3_0000_12ffn), "allow");
    assertEquals(ask(masked, "read", 0x1300), "errno 1");
  },
});

Deno.test({
  ...needs(
    "conditions on several arguments must all hold; two on one argument are alternatives",
    requirements,
  ),
  fn() {
    const both = compile([{
      names: ["socket"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 2, op: "SCMP_CMP_EQ" }, { index: 1, value: 1, op: "SCMP_CMP_EQ" }],
    }]);
    assertEquals(ask(both, "socket", 2, 1), "allow");
    assertEquals(ask(both, "socket", 2, 3), "errno 1");
    const either = compile([{
      names: ["socket"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }, { index: 0, value: 2, op: "SCMP_CMP_EQ" }],
    }]);
    assertEquals([0, 1, 2, 3].map((family) => ask(either, "socket", family)), [
      "errno 1",
      "allow",
      "allow",
      "errno 1",
    ]);
  },
});

Deno.test({
  ...needs(
    "names that nobody knows are passed over, and the rest of the profile stands",
    requirements,
  ),
  fn() {
    const filter = compile([
      { names: ["no_such_call", "read", "s390_runtime_instr"], action: "SCMP_ACT_ALLOW" },
    ]);
    assertEquals(ask(filter, "read"), "allow");
    assertEquals(ask(filter, "uname"), "errno 38"); // nothing after read is named
    const profile: LinuxSyscall[] = [{ names: ["muont"], action: "SCMP_ACT_ERRNO", errnoRet: 2 }];
    const error = assertThrows(() =>
      compile(profile, { defaultAction: "SCMP_ACT_ALLOW" })
    ) as Error;
    assertStringIncludes(error.message, "libseccomp knows no system call named muont");
    assertEquals(ask(compile([]), "read"), "errno 1");
  },
});

Deno.test({
  ...needs("a word that does not exist is refused with the field's path", requirements),
  fn() {
    const allow = { names: ["read"], action: "SCMP_ACT_ALLOW" } as const;
    const args = [{ index: 0, value: 0, op: "SCMP_CMP_EQ" }, { index: 1, value: 0, op: "==" }];
    const refused: [string, unknown[], Record<string, unknown>?][] = [
      ['linux.seccomp.defaultAction: "DENY" is no action', [], { defaultAction: "DENY" }],
      ['linux.seccomp.syscalls[1].action: "toString"', [allow, { ...allow, action: "toString" }]],
      ['linux.seccomp.syscalls[0].args[1].op: "=="', [{ ...allow, args }]],
      ['linux.seccomp.architectures[1]: libseccomp knows no "SCMP_ARCH_Z80"', [], {
        architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_Z80"],
      }],
    ];
    for (const [message, syscalls, more] of refused) {
      const error = assertThrows(() => compile(syscalls as LinuxSyscall[], more)) as Error;
      assertStringIncludes(error.message, message);
    }
  },
});

Deno.test({
  ...needs("a filter that the kernel would find too long is refused here", requirements),
  fn() {
    const syscalls = Array.from({ length: 1500 }, (_, number): LinuxSyscall => {
      const value = BigInt(number) * 0x1_0001_0001n;
      const args = [{ index: 0, value, op: "SCMP_CMP_EQ" as const }];
      return { names: ["read"], action: "SCMP_ACT_ALLOW", args };
    });
    const error = assertThrows(() => compile(syscalls)) as Error;
    assertStringIncludes(error.message, "more than the 4096 instructions");
  },
});
