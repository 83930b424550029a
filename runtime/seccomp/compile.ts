/**
 * A seccomp profile compiled to BPF, by libseccomp.
 *
 * libseccomp knows what each system call is called on each architecture, arranges the comparisons
 * as a tree, and takes 64-bit comparisons apart into the 32-bit ones that BPF has. The filter is
 * not loaded here: that is a step of the container's start, made by the container's own process.
 *
 * @module
 */

import { isErrno, SyscallError } from "../../ffi/errno.ts";
import { libc, library } from "../../ffi/libc.ts";
import { MFD } from "../../ffi/constants.ts";
import type { Signature } from "../../ffi/signatures.ts";
import type { LinuxSeccomp } from "../spec/seccomp.ts";
import { AUDIT_ARCH, decodeFilter, encodeFilter, LARGEST_FILTER, RETURN } from "./bpf.ts";
import { enosysStub } from "./enosys.ts";
import { readRules, type Rule } from "./rules.ts";

/** The library's file, as the dynamic linker looks it up. */
export const LIBSECCOMP = "libseccomp.so.2";

/** libseccomp's functions, each with a man page of its own. */
const functions = {
  seccomp_init: ["pointer", "action: address"],
  seccomp_release: ["void", "filter: address"],
  seccomp_arch_native: ["value"],
  seccomp_arch_resolve_name: ["value", "name: string"],
  seccomp_arch_add: ["negated", "filter: address", "architecture: address"],
  seccomp_attr_set: ["negated", "filter: address", "attribute: number", "value: address"],
  seccomp_syscall_resolve_name: ["value", "name: string"],
  seccomp_syscall_resolve_name_arch: ["value", "architecture: address", "name: string"],
  seccomp_rule_add_array: [
    "negated",
    "filter: address",
    "action: address",
    "syscall: number",
    "count: number",
    "conditions: pointer",
  ],
  seccomp_export_bpf: ["negated", "filter: address", "fd: fd"],
} satisfies Record<string, Signature>;

type Seccomp = ReturnType<typeof library<typeof functions>>;

/** Attributes of a filter, seccomp_attr_set(3). */
const ATTRIBUTE = { ACT_BADARCH: 2, CTL_OPTIMIZE: 8 } as const;

/** libseccomp's own number for x32, which the kernel counts as x86-64. */
const X32 = 0x4000_003e;

/** What name lookups give for a call that libseccomp has never heard of, `__NR_SCMP_ERROR`. */
const UNKNOWN = -1;

/** From how many rules on runc lets libseccomp build a tree; 2.5.4 fails on a tree of nothing. */
const WORTH_A_TREE = 32;

/** For each architecture (`AUDIT_ARCH_*`): the names of a profile's system calls, by number. */
type SyscallNames = Map<number, Map<number, string>>;

/**
 * Compile a profile for this machine.
 *
 * @returns an array of `struct sock_filter`, as seccomp(2) takes it
 * @throws {Error} where libseccomp is missing, or with the field's path, where the profile is wrong
 */
export function compileSeccomp(profile: LinuxSeccomp): Uint8Array<ArrayBuffer> {
  const { defaultAction, rules } = readRules(profile);
  const seccomp = openLibrary();
  const architectures = resolveArchitectures(seccomp, profile);
  const filter = seccomp.seccomp_init(defaultAction);
  if (filter === 0) throw new Error("seccomp_init: libseccomp could not make a filter");
  try {
    for (const architecture of architectures.slice(1)) {
      seccomp.seccomp_arch_add(filter, architecture);
    }
    // a thread killed alone can leave the others waiting for a lock that it holds
    seccomp.seccomp_attr_set(filter, ATTRIBUTE.ACT_BADARCH, RETURN.KILL_PROCESS);
    if (rules.length > WORTH_A_TREE) buildTree(seccomp, filter);
    const added = rules.filter((rule) => addRule(seccomp, filter, rule)).length;
    if (rules.length > 0 && added === 0) {
      throw new Error(
        `linux.seccomp.syscalls: libseccomp knows no system call named ${rules[0].name}, nor any ` +
          "other in this profile, so it would have no effect",
      );
    }
    const program = decodeFilter(exportFilter(seccomp, filter));
    if (needsStub(defaultAction)) {
      const names = resolveNames(seccomp, architectures, profile);
      program.unshift(...enosysStub(new Map([...names].map(([arch, map]) => [arch, map.keys()]))));
    }
    if (program.length > LARGEST_FILTER) {
      throw new Error(
        `linux.seccomp.syscalls: the rules need more than the ${LARGEST_FILTER} instructions that ` +
          "the kernel takes in one filter",
      );
    }
    return encodeFilter(program);
  } finally {
    seccomp.seccomp_release(filter);
  }
}

/** Loads libseccomp; only here, so that nobody needs it who asks for no filter. */
function openLibrary(): Seccomp {
  try {
    return library(LIBSECCOMP, functions);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    throw new Error(
      `${LIBSECCOMP} cannot be loaded, and the seccomp profile is compiled with it: install it ` +
        "(Debian and Ubuntu: apt install libseccomp2), or run without a filter: " +
        "--security-opt seccomp=unconfined",
      { cause: error },
    );
  }
}

/** libseccomp's numbers for the architectures, the machine's own first: it is always in a filter. */
function resolveArchitectures(seccomp: Seccomp, profile: LinuxSeccomp): number[] {
  const architectures = new Set([seccomp.seccomp_arch_native() >>> 0]);
  for (const [index, name] of (profile.architectures ?? []).entries()) {
    const short = /^SCMP_ARCH_([0-9A-Z_]+)$/.exec(name)?.[1].toLowerCase() ?? "";
    const architecture = seccomp.seccomp_arch_resolve_name(short) >>> 0;
    if (architecture === 0) {
      throw new Error(`linux.seccomp.architectures[${index}]: libseccomp knows no "${name}"`);
    }
    architectures.add(architecture);
  }
  return [...architectures];
}

/**
 * A binary search over the numbers, in the place of one comparison after the other. The kernel runs
 * the filter once for each number when it is loaded, to remember what is always allowed: for the
 * default profile that takes 0.25 ms with the tree and 0.74 without.
 */
function buildTree(seccomp: Seccomp, filter: number): void {
  try {
    seccomp.seccomp_attr_set(filter, ATTRIBUTE.CTL_OPTIMIZE, 2);
  } catch (error) {
    // libseccomp before 2.5 has no trees; the filter decides the same, only slower
    if (!(error instanceof SyscallError)) throw error;
  }
}

/** Adds a rule, unless libseccomp does not know the call's name: then it cannot be in a filter. */
function addRule(seccomp: Seccomp, filter: number, rule: Rule): boolean {
  const number = seccomp.seccomp_syscall_resolve_name(rule.name);
  if (number === UNKNOWN) return false;
  try {
    seccomp.seccomp_rule_add_array(filter, rule.action, number, rule.count, rule.conditions);
    return true;
  } catch (error) {
    throw new Error(`${rule.path} (${rule.name}): ${(error as Error).message}`, { cause: error });
  }
}

/** The filter's instructions. libseccomp writes them to a descriptor, so a memfd is in between. */
function exportFilter(seccomp: Seccomp, filter: number): Uint8Array {
  const fd = libc.memfd_create("seccomp", MFD.CLOEXEC);
  try {
    seccomp.seccomp_export_bpf(filter, fd);
    const buffer = new Uint8Array(8 * (LARGEST_FILTER + 1));
    return buffer.subarray(0, libc.pread(fd, buffer, buffer.length, 0));
  } finally {
    libc.close(fd);
  }
}

/** A default that lets calls through answers for new calls as well. */
function needsStub(defaultAction: number): boolean {
  // TRACE carries data in its lower bits
  const action = (defaultAction & 0xffff_0000) >>> 0;
  return action !== RETURN.ALLOW && action !== RETURN.LOG && action !== RETURN.TRACE;
}

function resolveNames(
  seccomp: Seccomp,
  architectures: readonly number[],
  profile: LinuxSeccomp,
): SyscallNames {
  const names = new Set((profile.syscalls ?? []).flatMap((rule) => rule.names));
  const found: SyscallNames = new Map();
  for (const architecture of architectures) {
    const arch = architecture === X32 ? AUDIT_ARCH.x86_64 : architecture;
    const numbers = found.get(arch) ?? new Map<number, string>();
    for (const name of names) {
      // negative: another architecture's call
      const number = seccomp.seccomp_syscall_resolve_name_arch(architecture, name);
      if (number >= 0) numbers.set(number, name);
    }
    found.set(arch, numbers);
  }
  return found;
}
