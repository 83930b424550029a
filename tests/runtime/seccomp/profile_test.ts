/**
 * Docker's conditions in a profile are resolved for one host and one container.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { type ConditionalProfile, resolveProfile } from "../../../runtime/seccomp/profile.ts";

const host = { capabilities: ["CAP_CHOWN"], kernel: [5, 10], arch: "x86_64" } as const;

/** A profile of one rule for `read`. */
function one(rule: Record<string, unknown>): ConditionalProfile {
  const action = "SCMP_ACT_ALLOW";
  return { defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ names: ["read"], action, ...rule }] };
}

/** Whether a rule with these conditions holds on `host`. */
function holds(rule: Record<string, unknown>): boolean {
  return resolveProfile(one(rule), host).syscalls!.length === 1;
}

Deno.test("includes wants every condition", () => {
  assertEquals(holds({ includes: { caps: ["CAP_CHOWN"] } }), true);
  assertEquals(holds({ includes: { caps: ["CAP_CHOWN", "CAP_BPF"] } }), false);
  assertEquals(holds({ includes: { arches: ["arm64", "amd64"] } }), true);
  assertEquals(holds({ includes: { arches: ["arm64"] } }), false);
  assertEquals(holds({ includes: { minKernel: "5.10" } }), true);
  assertEquals(holds({ includes: { minKernel: "5.11" } }), false);
  assertEquals(holds({ includes: { minKernel: "4.19" } }), true);
  assertEquals(holds({ includes: { minKernel: "6.0" } }), false);
  assertEquals(holds({ includes: { caps: ["CAP_CHOWN"], minKernel: "6.0" } }), false);
  assertEquals(holds({ includes: {} }), true);
});

Deno.test("excludes wants none of them", () => {
  assertEquals(holds({ excludes: { caps: ["CAP_BPF", "CAP_CHOWN"] } }), false);
  assertEquals(holds({ excludes: { caps: ["CAP_BPF"], arches: ["s390x"] } }), true);
  assertEquals(holds({ excludes: { minKernel: "5.9" } }), false);
  assertEquals(holds({ excludes: {} }), true);
});

Deno.test("a profile file's architectures are those of the machine", () => {
  const archMap = [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: null },
  ] as const;
  const profile: ConditionalProfile = { defaultAction: "SCMP_ACT_ALLOW", archMap };
  assertEquals(resolveProfile(profile, host).architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
  const arm = resolveProfile(profile, { ...host, arch: "aarch64" });
  assertEquals(arm.architectures, ["SCMP_ARCH_AARCH64"]);
  assertThrows(
    () => resolveProfile({ ...profile, architectures: ["SCMP_ARCH_X86"] }, host),
    Error,
    "archMap and architectures exclude each other",
  );
});

Deno.test("a plain OCI profile passes through unchanged", () => {
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    architectures: ["SCMP_ARCH_X86_64"],
    flags: ["SECCOMP_FILTER_FLAG_LOG"],
    syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: [] }],
  } satisfies ConditionalProfile;
  assertEquals(resolveProfile(profile, host), { ...profile });
});

Deno.test("a rule may have one name in the old way, and not both", () => {
  const old = { names: undefined, name: "write" };
  assertEquals(resolveProfile(one(old), host).syscalls, [
    { names: ["write"], action: "SCMP_ACT_ALLOW" },
  ]);
  assertThrows(() => resolveProfile(one({ name: "write" }), host), Error, "syscalls[0]");
});

Deno.test("a kernel version that is none is refused with the rule's place", () => {
  const profile = one({ includes: { minKernel: "4" } });
  assertThrows(() => resolveProfile(profile, host), Error, `syscalls[0]: minKernel "4"`);
});
