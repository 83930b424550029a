/**
 * The default profile is Docker's, rule by rule.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import type { LinuxSeccomp } from "../../../runtime/spec/seccomp.ts";
import { DEFAULT_RULES, defaultProfile } from "../../../runtime/seccomp/default.ts";
import { ALWAYS, BY_CAPABILITY, BY_MACHINE, DEFAULT_CAPABILITIES, SINCE_4_8 } from "./docker.ts";

const host = { capabilities: DEFAULT_CAPABILITIES, kernel: [6, 18], arch: "x86_64" } as const;

/** The calls that a profile allows with any arguments, sorted. */
function unconditional(profile: LinuxSeccomp): string[] {
  const names = profile.syscalls!
    .filter((rule) => rule.action === "SCMP_ACT_ALLOW" && !rule.args)
    .flatMap((rule) => rule.names);
  return [...new Set(names)].sort();
}

Deno.test("the default profile allows what Docker's does with the default capabilities", () => {
  const expected = [...ALWAYS, ...SINCE_4_8, ...BY_MACHINE.x86_64, ...BY_CAPABILITY.CAP_SYS_CHROOT];
  assertEquals(unconditional(defaultProfile(host)), expected.sort());
});

Deno.test("the default profile on aarch64 differs by the machine's own calls", () => {
  const profile = defaultProfile({ ...host, arch: "aarch64" });
  const expected = [...ALWAYS, ...SINCE_4_8, ...BY_MACHINE.aarch64, "chroot"];
  assertEquals(unconditional(profile), expected.sort());
  assertEquals(profile.architectures, ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
});

Deno.test("a kernel before 4.8 gets no ptrace", () => {
  const profile = defaultProfile({ ...host, kernel: [4, 7] });
  assertEquals(unconditional(profile).filter((name) => SINCE_4_8.includes(name)), []);
});

Deno.test("each capability adds what it adds in Docker's profile", () => {
  const without = unconditional(defaultProfile({ ...host, capabilities: [] }));
  const known = DEFAULT_RULES.syscalls!.flatMap((rule) => rule.includes?.caps ?? []);
  assertEquals([...new Set(known)].sort(), Object.keys(BY_CAPABILITY).sort());
  for (const [capability, names] of Object.entries(BY_CAPABILITY)) {
    const allowed = unconditional(defaultProfile({ ...host, capabilities: [capability] }));
    assertEquals(allowed, [...new Set([...without, ...names])].sort(), capability);
  }
});

Deno.test("the conditions on arguments are Docker's", () => {
  const rules = defaultProfile(host).syscalls!.filter((rule) => rule.args);
  const families = rules.filter((rule) => rule.names[0] === "socket").map((rule) => rule.args);
  const allowed = [
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30],
    ...[31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45],
  ];
  assertEquals(families, allowed.map((value) => [{ index: 0, value, op: "SCMP_CMP_EQ" }]));
  const others = rules.filter((rule) => rule.names[0] !== "socket");
  assertEquals(others.map((rule) => [rule.names, rule.args![0].value]), [
    [["personality"], 0],
    [["personality"], 8],
    [["personality"], 0x20000],
    [["personality"], 0x20008],
    [["personality"], 0xffffffff],
    [["clone"], 0x7e020000],
  ]);
});

Deno.test("what is not allowed is EPERM, and clone3 ENOSYS", () => {
  const profile = defaultProfile(host);
  assertEquals([profile.defaultAction, profile.defaultErrnoRet], ["SCMP_ACT_ERRNO", 1]);
  const refused = profile.syscalls!.filter((rule) => rule.action !== "SCMP_ACT_ALLOW");
  assertEquals(refused, [{ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }]);
  const admin = defaultProfile({ ...host, capabilities: ["CAP_SYS_ADMIN"] });
  assertEquals(admin.syscalls!.filter((rule) => rule.action !== "SCMP_ACT_ALLOW"), []);
});

Deno.test("every group says what it is for, and no group repeats a name", () => {
  for (const rule of DEFAULT_RULES.syscalls!) {
    assertEquals(typeof rule.comment, "string");
    assertEquals(new Set(rule.names).size, rule.names!.length, rule.comment);
  }
  const plain = DEFAULT_RULES.syscalls!.filter((rule) => !rule.includes && !rule.args);
  const names = plain.flatMap((rule) => rule.names ?? []);
  assertEquals(names.length, new Set(names).size);
});
