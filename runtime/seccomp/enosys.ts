/**
 * The instructions before a filter that answer ENOSYS to system calls newer than the profile.
 *
 * A profile lists what is allowed, and the rest is EPERM. So a call that the kernel gained after
 * the profile was written, or that this libseccomp does not know by name yet, would be EPERM too.
 * C libraries try a new call first and fall back to an old one when they see ENOSYS, which is what
 * an older kernel would say; with EPERM they believe that the thing itself is forbidden, and fail:
 * when glibc 2.33 began to use `faccessat2`, `test -x` was false in its containers on every host
 * whose profile was older. System calls are numbered in the order of their arrival, so "newer" is:
 * a number above the largest that the profile names. runc does the same.
 *
 * @module
 */

import { AUDIT_ARCH, BPF, type Instruction, RETURN, SECCOMP_DATA } from "./bpf.ts";

const ENOSYS = 38;

/** A number that no system call exceeds. */
const NO_LIMIT = 0xffff_ffff;

/**
 * Architectures whose numbers come in two runs, and where the second starts: x32's calls on
 * x86-64 (`__X32_SYSCALL_BIT`), and 32-bit ARM's own (`__ARM_NR_BASE`).
 */
const SECOND_RUN = new Map<number, number>([
  [AUDIT_ARCH.x86_64, 0x4000_0000],
  [AUDIT_ARCH.arm, 0x000f_0000],
]);

/**
 * The stub to put before a filter.
 *
 * @param numbers for each architecture (`AUDIT_ARCH_*`) the numbers of the calls that the profile
 * names; what is asked by another architecture goes to the filter, which refuses it
 */
export function enosysStub(numbers: ReadonlyMap<number, Iterable<number>>): Instruction[] {
  let sections: Instruction[] = [];
  for (const [arch, named] of [...numbers].reverse()) {
    sections = [...section(arch, [...named], sections.length), ...sections];
  }
  return [load(SECCOMP_DATA.arch), ...sections];
}

/** One architecture's part, which ends with a jump to the filter, over the `rest` that follows. */
function section(arch: number, named: readonly number[], rest: number): Instruction[] {
  const start = SECOND_RUN.get(arch);
  const end = [
    { code: BPF.RET, jt: 0, jf: 0, k: RETURN.ERRNO + ENOSYS },
    { code: BPF.JA, jt: 0, jf: 0, k: rest },
  ];
  if (start === undefined) {
    return [
      compare(BPF.JEQ, arch, 0, 4),
      load(SECCOMP_DATA.nr),
      compare(BPF.JGT, largest(named), 0, 1),
      ...end,
    ];
  }
  return [
    compare(BPF.JEQ, arch, 0, 6),
    load(SECCOMP_DATA.nr),
    compare(BPF.JGE, start, 1, 0),
    compare(BPF.JGT, largest(named.filter((number) => number < start)), 1, 2),
    compare(BPF.JGT, largest(named.filter((number) => number >= start)), 0, 1),
    ...end,
  ];
}

/** The newest call; where a profile names none of that run, nothing in it can be called newer. */
function largest(numbers: readonly number[]): number {
  return numbers.length ? Math.max(...numbers) : NO_LIMIT;
}

function load(offset: number): Instruction {
  return { code: BPF.LD, jt: 0, jf: 0, k: offset };
}

function compare(code: number, k: number, jt: number, jf: number): Instruction {
  return { code, jt, jf, k };
}
