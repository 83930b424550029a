/**
 * A compiled filter as lines that a person can read.
 *
 * @module
 */

import { errnoName } from "../../ffi/errno.ts";
import { AUDIT_ARCH, BPF, decodeFilter, type Instruction, RETURN, SECCOMP_DATA } from "./bpf.ts";
import type { SyscallNames } from "./compile.ts";

/** What is known when an instruction is reached. */
interface Knowledge {
  /** What the register holds: `arch`, `nr`, `args[0]` … */
  loaded: string;
  /** The calling architecture; 0 before it was asked for. */
  arch: number;
}

const COMPARISONS = new Map<number, string>([
  [BPF.JEQ, "=="],
  [BPF.JGT, ">"],
  [BPF.JGE, ">="],
  [BPF.JSET, "has a bit of"],
]);

/**
 * One line an instruction: `7  nr == 59 (execve) ? 12 : 8`, where the numbers after the question
 * mark are the lines to go on with if so, and if not.
 *
 * @param filter an array of `struct sock_filter`
 * @param names what to call the system calls, as `syscallNames` of compile.ts gives it
 */
export function disassemble(filter: Uint8Array, names?: SyscallNames): string[] {
  const program = decodeFilter(filter);
  const known: Knowledge[] = [{ loaded: "nothing", arch: 0 }];
  const width = String(program.length - 1).length;
  return program.map((instruction, index) => {
    // every jump goes forwards, so by now all that lead here have been seen
    const here = known[index] ?? { loaded: "?", arch: 0 };
    for (const [target, knowledge] of follow(instruction, index, here)) {
      known[target] = merge(known[target], knowledge);
    }
    return `${String(index).padStart(width)}  ${line(instruction, index, here, names)}`;
  });
}

/** Where an instruction can lead, and what is known there. */
function follow(
  { code, jt, jf, k }: Instruction,
  index: number,
  here: Knowledge,
): [target: number, knowledge: Knowledge][] {
  const next = index + 1;
  if (code === BPF.RET) return [];
  if (code === BPF.JA) return [[next + k, here]];
  if (code === BPF.LD) return [[next, { ...here, loaded: word(k) }]];
  if (code === BPF.AND) return [[next, { ...here, loaded: `${here.loaded} & ${hex(k)}` }]];
  const isArch = code === BPF.JEQ && here.loaded === "arch";
  return [[next + jt, isArch ? { ...here, arch: k } : here], [next + jf, here]];
}

/** What is known at a place that can be reached in two ways. */
function merge(one: Knowledge | undefined, other: Knowledge): Knowledge {
  if (!one) return other;
  return {
    loaded: one.loaded === other.loaded ? one.loaded : "?",
    arch: one.arch === other.arch ? one.arch : 0,
  };
}

function line(
  { code, jt, jf, k }: Instruction,
  index: number,
  here: Knowledge,
  names?: SyscallNames,
): string {
  const next = index + 1;
  if (code === BPF.LD) return `load ${word(k)}`;
  if (code === BPF.AND) return `keep ${hex(k)}`;
  if (code === BPF.JA) return `go to ${next + k}`;
  if (code === BPF.RET) return `return ${returned(k)}`;
  const comparison = COMPARISONS.get(code);
  if (!comparison) return `unknown instruction ${hex(code)}`;
  return `${here.loaded} ${comparison} ${operand(k, here, names)} ? ${next + jt} : ${next + jf}`;
}

/** The word at an offset of `struct seccomp_data`; x86-64 and aarch64 have the lower half first. */
function word(offset: number): string {
  if (offset === SECCOMP_DATA.nr) return "nr";
  if (offset === SECCOMP_DATA.arch) return "arch";
  if (offset < SECCOMP_DATA.args) return offset === SECCOMP_DATA.ip ? "ip" : "ip (upper half)";
  const argument = `args[${(offset - SECCOMP_DATA.args) >> 3}]`;
  return offset % 8 ? `${argument} (upper half)` : argument;
}

/** A constant, with its meaning where what it is compared with is known. */
function operand(k: number, { loaded, arch }: Knowledge, names?: SyscallNames): string {
  if (loaded === "arch") {
    return Object.entries(AUDIT_ARCH).find(([, value]) => value === k)?.[0] ?? hex(k);
  }
  if (loaded !== "nr") return hex(k);
  const name = names?.get(arch)?.get(k);
  const number = k < 0x1_0000 ? String(k) : hex(k);
  return name ? `${number} (${name})` : number;
}

/** A filter's answer: `ALLOW`, `ERRNO EPERM`, `KILL_PROCESS`. */
function returned(k: number): string {
  const action = (k & 0xffff_0000) >>> 0;
  const name = Object.entries(RETURN).find(([, value]) => value === action)?.[0] ?? hex(k);
  const data = k & 0xffff;
  if (action === RETURN.ERRNO) return `${name} ${errnoName(data)}`;
  return data ? `${name} ${data}` : name;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
