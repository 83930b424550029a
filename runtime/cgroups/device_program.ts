/**
 * The program that decides on devices under version 2: eBPF of the type
 * `BPF_PROG_TYPE_CGROUP_DEVICE`, which the kernel runs at each open(2) and mknod(2) of a device.
 * 1 is "allow", 0 is "deny". See bpf(2), and Documentation/bpf/standardization/instruction-set.rst.
 *
 * Each of read, write and mknod is decided by the last rule that names it, so the program starts
 * with the last rule and keeps the bits that no rule has decided yet: an allowing rule clears its
 * own, a denying one ends it all if one of its own is left.
 *
 * @module
 */

import { aboutEverything, type DeviceRule } from "./devices.ts";

/** Operation codes; those that end in 32 look at the lower half of a register. */
const CODES = {
  ldxw: 0x61, // BPF_LDX  | BPF_MEM  | BPF_W    dst = *(u32 *)(src + offset)
  mov32: 0xb4, // BPF_ALU  | BPF_MOV  | BPF_K    dst = number
  movr32: 0xbc, // BPF_ALU  | BPF_MOV  | BPF_X    dst = src
  and32: 0x54, // BPF_ALU  | BPF_AND  | BPF_K    dst &= number
  rsh32: 0x74, // BPF_ALU  | BPF_RSH  | BPF_K    dst >>= number
  jeq32: 0x16, // BPF_JMP32 | BPF_JEQ  | BPF_K   if dst == number skip offset instructions
  jne32: 0x56, // BPF_JMP32 | BPF_JNE  | BPF_K   if dst != number skip offset instructions
  jset32: 0x46, // BPF_JMP32 | BPF_JSET | BPF_K   if dst & number skip offset instructions
  exit: 0x95, // BPF_JMP  | BPF_EXIT            return r0
} as const;

/** Registers: the result, the context that the kernel hands in, and four of our own. */
const [R0, CONTEXT, TYPE, UNDECIDED, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5];

/** The types as `struct bpf_cgroup_dev_ctx` numbers them. */
const TYPES = { b: 1, c: 2 };

interface Instruction {
  code: keyof typeof CODES;
  dst?: number;
  src?: number;
  /** A distance, in bytes for ldxw; a name is that of a place in the program. */
  offset?: number | string;
  number?: number;
}

type Line = Instruction | { place: string };

/** The program for rules that {@linkcode deviceRules} made complete, 8 bytes an instruction. */
export function deviceProgram(rules: DeviceRule[]): Uint8Array<ArrayBuffer> {
  const start = rules.findLastIndex(aboutEverything);
  const standard = rules[start]?.allow ?? false;
  const program: Line[] = [
    { code: "ldxw", dst: TYPE, src: CONTEXT, offset: 0 }, // u32 access_type: access << 16 | type
    { code: "movr32", dst: UNDECIDED, src: TYPE },
    { code: "and32", dst: TYPE, number: 0xffff },
    { code: "rsh32", dst: UNDECIDED, number: 16 },
    { code: "ldxw", dst: MAJOR, src: CONTEXT, offset: 4 }, // u32 major
    { code: "ldxw", dst: MINOR, src: CONTEXT, offset: 8 }, // u32 minor
  ];
  const decisive = rules.slice(start + 1).reverse();
  decisive.forEach((rule, i) => program.push(...decide(rule, `rule ${i} ends`)));
  program.push(...verdict(standard));
  // the verifier refuses a program with an instruction that nothing leads to
  if (decisive.some((rule) => rule.allow !== standard)) program.push(...verdict(!standard));
  return assemble(program);
}

function decide({ type, major, minor, access, allow }: DeviceRule, end: string): Line[] {
  const lines: Line[] = [];
  const unless = (dst: number, number: number) => {
    lines.push({ code: "jne32", dst, number, offset: end });
  };
  if (type !== "a") unless(TYPE, TYPES[type]);
  if (major >= 0) unless(MAJOR, major);
  if (minor >= 0) unless(MINOR, minor);
  if (allow) {
    lines.push({ code: "and32", dst: UNDECIDED, number: ~access });
    lines.push({ code: "jeq32", dst: UNDECIDED, number: 0, offset: "allow" });
  } else {
    lines.push({ code: "jset32", dst: UNDECIDED, number: access, offset: "deny" });
  }
  return [...lines, { place: end }];
}

function verdict(allow: boolean): Line[] {
  return [
    { place: allow ? "allow" : "deny" },
    { code: "mov32", dst: R0, number: allow ? 1 : 0 },
    { code: "exit" },
  ];
}

/** `struct bpf_insn`: u8 code, two registers of 4 bits, s16 offset, s32 number. */
function assemble(lines: Line[]): Uint8Array<ArrayBuffer> {
  const instructions: Instruction[] = [];
  const places = new Map<string, number>();
  for (const line of lines) {
    if ("place" in line) places.set(line.place, instructions.length);
    else instructions.push(line);
  }
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, dst = 0, src = 0, offset = 0, number = 0 }, i) => {
    const distance = typeof offset === "string" ? places.get(offset)! - i - 1 : offset;
    view.setUint8(8 * i, CODES[code]);
    view.setUint8(8 * i + 1, src << 4 | dst);
    view.setInt16(8 * i + 2, distance, true);
    view.setInt32(8 * i + 4, number, true);
  });
  return bytes;
}
