/**
 * A place where the machine code of ffi/machine.ts runs without Deno and without libc: a static
 * program, made by binutils, that walks a list of steps whose functions are a few instructions each.
 *
 * So the code of the other architecture can run too, under QEMU's user emulation.
 *
 * @module
 */

import { HEADER, LISTINGS, machineCode, STEP } from "../../ffi/machine.ts";

/** The machines that there is machine code for. */
export type Arch = typeof Deno.build.arch;

/** What a step can call. Each of them but `exit` spoils every register that it may spoil. */
export type Callee =
  /** a + 2b + 4c + 8d + 16e + 32f */
  | "sum"
  /** writes its first argument down in the log, and returns it */
  | "note"
  /** sets errno to its first argument and returns an `int` of −1 */
  | "fail"
  /** sets errno to its first argument and returns a `long` of −1 */
  | "fail_long"
  /** takes one from the word at the address and returns what is left */
  | "countdown"
  /** how far the stack is from where the calling convention wants it */
  | "misalignment"
  /** how many vector registers the caller says it uses, where the convention knows such a thing */
  | "vectors";

/** An argument, or a jump's target: a number, or the place of something in the scenario. */
export type Word = number | { step: number; offset?: number } | { cell: number };

/** One step. */
export interface StepSpec {
  call: Callee;
  args?: Word[];
  flags?: number;
  /** errnos that are no failure */
  allowed?: number[];
  jump?: Word;
}

/** A list of steps to walk. */
export interface Scenario {
  steps: StepSpec[];
  /** what a child walks that has failed */
  tail?: StepSpec[];
  /** exit status of a child that has failed */
  status?: number;
  /** words that steps can point to */
  cells?: number[];
}

/** What a step's words hold afterwards. */
export interface StepOutcome {
  result: bigint;
  errno: number;
  count: number;
}

/** What came of a walk. */
export interface Walked {
  /** Whether the walk came back to its caller, and with which step (null for the 0 of success). */
  returned?: number | null;
  /** The status that `_exit` was called with, where it did not come back. */
  exited?: number;
  /** What `note` wrote down. */
  log: number[];
  /** The header's words as steps' numbers, or null. */
  current: number | null;
  failed: number | null;
  steps: StepOutcome[];
  /** Whether the registers that belong to the caller were as before. */
  preserved: boolean;
}

/** What a slot holds for `result` before a step is made. */
export const UNTOUCHED = 0x7777_7777n;

const LOG_SIZE = 16 * 8;
const CELLS_SIZE = 4 * 8;
/** A scenario in memory: header, log, cells, steps, tail. */
const LOG = HEADER.size;
const CELLS = LOG + LOG_SIZE;
const STEPS = CELLS + CELLS_SIZE;

/** How the tools for a machine are named on this one. */
export function toolPrefix(arch: Arch): string {
  return arch === Deno.build.arch ? "" : `${arch}-linux-gnu-`;
}

/** What is needed to assemble and link for a machine. */
export function tools(arch: Arch): string[] {
  return ["as", "ld", "objcopy"].map((tool) => `${toolPrefix(arch)}${tool}`);
}

/** What is needed to run its programs. */
export function emulator(arch: Arch): string[] {
  return arch === Deno.build.arch ? [] : [`qemu-${arch}`];
}

/** The machine code that the assembler makes of a listing's right column. */
export async function assemble(arch: Arch, directory: string): Promise<Uint8Array> {
  const lines = LISTINGS[arch].split("\n").map((line) => line.replace(/^.*\|/, ""));
  const syntax = arch === "x86_64" ? ".intel_syntax noprefix\n" : "";
  Deno.writeTextFileSync(`${directory}/listing.s`, `${syntax}${lines.join("\n")}\n`);
  const object = `${directory}/listing.o`;
  await run(`${toolPrefix(arch)}as`, "-o", object, `${directory}/listing.s`);
  const binary = `${directory}/listing.bin`;
  await run(`${toolPrefix(arch)}objcopy`, "-O", "binary", "-j", ".text", object, binary);
  return Deno.readFileSync(binary);
}

/** Links a program that can walk each of the scenarios: call the result with a scenario's number. */
export async function build(
  arch: Arch,
  directory: string,
  scenarios: readonly Scenario[],
): Promise<(index: number) => Promise<Walked>> {
  Deno.writeFileSync(`${directory}/code.bin`, machineCode(LISTINGS[arch]));
  const source = [DRIVERS[arch], ".data", ".balign 16", ...scenarios.map(describe), "scenarios:"];
  scenarios.forEach((_, index) => source.push(`.quad scene${index}, end${index} - scene${index}`));
  Deno.writeTextFileSync(`${directory}/driver.s`, `${source.join("\n")}\n`);
  const program = `${directory}/driver`;
  await run(`${toolPrefix(arch)}as`, "-I", directory, "-o", `${program}.o`, `${program}.s`);
  await run(`${toolPrefix(arch)}ld`, "-o", program, `${program}.o`);
  return async (index) => {
    const command = [...emulator(arch), program, ...Array<string>(index).fill("x")];
    return read(scenarios[index], await run(...command));
  };
}

async function run(...[command, ...args]: string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (success) return stdout;
  throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** A scenario as data for the assembler. */
function describe(scenario: Scenario, index: number): string {
  const { steps, tail = [], status = 0, cells = [] } = scenario;
  const at = (word: Word) => {
    if (typeof word === "number") return String(word);
    const offset = "cell" in word ? CELLS + 8 * word.cell : stepOffset(word.step, word.offset);
    return `scene${index} + ${offset}`;
  };
  const header = Array<string>(HEADER.size / 8).fill("0");
  header[HEADER.errnoLocation / 8] = "f_errno_location";
  header[HEADER.exit / 8] = "f_exit";
  header[HEADER.tail / 8] = tail.length ? at({ step: steps.length + 1 }) : "0";
  header[HEADER.status / 8] = String(status);
  const words = (spec: StepSpec) => {
    const step = Array<string>(STEP.size / 8).fill("0");
    step[STEP.call / 8] = `f_${spec.call}`;
    spec.args?.forEach((arg, number) => step[STEP.args / 8 + number] = at(arg));
    step[STEP.flags / 8] = String(spec.flags ?? 0);
    const allowed = [0n, 0n, 0n];
    for (const errno of spec.allowed ?? []) allowed[errno >> 6] |= 1n << BigInt(errno & 63);
    allowed.forEach((bits, number) => step[STEP.allowed / 8 + number] = String(bits));
    step[STEP.jump / 8] = at(spec.jump ?? 0);
    step[STEP.result / 8] = String(UNTOUCHED);
    return `.quad ${step.join(", ")}`;
  };
  const end = `.zero ${STEP.size}`;
  return [
    `scene${index}:`,
    `.quad ${header.join(", ")}`,
    `.zero ${LOG_SIZE}`,
    ...Array.from({ length: CELLS_SIZE / 8 }, (_, number) => `.quad ${cells[number] ?? 0}`),
    ...steps.map(words),
    end,
    ...tail.map(words),
    end,
    `end${index}:`,
  ].join("\n");
}

function stepOffset(step: number, offset = 0): number {
  return STEPS + step * STEP.size + offset;
}

/** What the program wrote: four words of its own, and the scenario as it was afterwards. */
function read(scenario: Scenario, output: Uint8Array): Walked {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const word = (offset: number) => view.getBigUint64(offset, true);
  const [exited, value, spoilt, start] = [0, 8, 16, 24].map(word);
  const memory = 32;
  const stepNumber = (address: bigint) =>
    address === 0n ? null : (Number(address - start) - STEPS) / STEP.size;
  const count = scenario.steps.length + (scenario.tail ? scenario.tail.length + 1 : 0);
  return {
    ...(exited ? { exited: Number(value) } : { returned: stepNumber(value) }),
    log: Array.from(
      { length: Number(word(memory + LOG)) },
      (_, index) => Number(word(memory + LOG + 8 + 8 * index)),
    ),
    current: stepNumber(word(memory + HEADER.current)),
    failed: stepNumber(word(memory + HEADER.failed)),
    steps: Array.from({ length: count }, (_, index) => ({
      result: BigInt.asIntN(64, word(memory + stepOffset(index, STEP.result))),
      errno: Number(word(memory + stepOffset(index, STEP.errno))),
      count: Number(word(memory + stepOffset(index, STEP.count))),
    })),
    preserved: spoilt === 0n,
  };
}

/** Finds the scenario by argc, sets up registers, walks, and writes down what came of it. */
const X86_64 = `
.intel_syntax noprefix
.macro spoil
  .irp register, rcx, rdx, rsi, rdi, r8, r9, r10, r11
    mov \\register, -1
  .endr
.endm
.text
.globl _start
_start:
  mov rax, [rsp]
  shl rax, 4
  lea rcx, scenarios[rip]
  mov rdx, [rcx+rax-16]
  mov block[rip], rdx
  mov rdx, [rcx+rax-8]
  mov block[rip+8], rdx
  and rsp, -16
  mov stack[rip], rsp
  mov rbx, 1
  mov rbp, 2
  mov r12, 3
  mov r13, 4
  mov r14, 5
  mov r15, 6
  mov rsi, block[rip]
  lea rdi, [rsi+${STEPS}]
  call code
  mov report[rip+8], rax
  sub rbx, 1
  sub rbp, 2
  sub r12, 3
  sub r13, 4
  sub r14, 5
  sub r15, 6
  sub rsp, stack[rip]
  .irp register, rbp, r12, r13, r14, r15, rsp
    or rbx, \\register
  .endr
  mov report[rip+16], rbx
  jmp finish
f_exit:
  mov edi, edi
  mov report[rip+8], rdi
  mov qword ptr report[rip], 1
finish:
  mov rdx, block[rip]
  mov report[rip+24], rdx
  mov eax, 1
  mov edi, 1
  lea rsi, report[rip]
  mov edx, 32
  syscall
  mov eax, 1
  mov edi, 1
  mov rsi, block[rip]
  mov rdx, block[rip+8]
  syscall
  mov eax, 231
  xor edi, edi
  syscall
f_sum:
  lea rax, [rdi+2*rsi]
  lea rax, [rax+4*rdx]
  lea rax, [rax+8*rcx]
  shl r8, 4
  add rax, r8
  shl r9, 5
  add rax, r9
  spoil
  ret
f_note:
  mov rcx, block[rip]
  inc qword ptr [rcx+${LOG}]
  mov rdx, [rcx+${LOG}]
  mov [rcx+8*rdx+${LOG}], rdi
  mov rax, rdi
  spoil
  ret
f_fail:
  mov errno[rip], edi
  mov eax, -1
  spoil
  ret
f_fail_long:
  mov errno[rip], edi
  mov rax, -1
  spoil
  ret
f_countdown:
  dec qword ptr [rdi]
  mov rax, [rdi]
  spoil
  ret
f_misalignment:
  lea rax, [rsp+8]
  and eax, 15
  ret
f_vectors:
  movzx eax, al
  ret
f_errno_location:
  lea rax, errno[rip]
  spoil
  ret
code:
  .incbin "code.bin"
.data
block: .quad 0, 0
stack: .quad 0
report: .quad 0, 0, 0, 0
errno: .quad 0
`;

const AARCH64 = `
.macro spoil
  .irp number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
    mov x\\number, #-1
  .endr
.endm
.text
.globl _start
_start:
  ldr x9, [sp]
  ldr x10, =scenarios
  add x10, x10, x9, lsl #4
  ldp x11, x12, [x10, #-16]
  ldr x13, =block
  stp x11, x12, [x13]
  mov x14, sp
  ldr x13, =stack
  str x14, [x13]
  .irp number, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    mov x\\number, #\\number
  .endr
  mov x1, x11
  add x0, x11, #${STEPS}
  bl code
  ldr x9, =report
  str x0, [x9, #8]
  mov x10, sp
  ldr x13, =stack
  ldr x14, [x13]
  sub x10, x10, x14
  .irp number, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
    sub x\\number, x\\number, #\\number
    orr x10, x10, x\\number
  .endr
  str x10, [x9, #16]
  b finish
f_exit:
  mov w0, w0
  ldr x9, =report
  str x0, [x9, #8]
  mov x10, #1
  str x10, [x9]
finish:
  ldr x13, =block
  ldp x11, x12, [x13]
  ldr x9, =report
  str x11, [x9, #24]
  mov x0, #1
  mov x1, x9
  mov x2, #32
  mov x8, #64
  svc #0
  mov x0, #1
  mov x1, x11
  mov x2, x12
  svc #0
  mov x0, #0
  mov x8, #94
  svc #0
f_sum:
  add x0, x0, x1, lsl #1
  add x0, x0, x2, lsl #2
  add x0, x0, x3, lsl #3
  add x0, x0, x4, lsl #4
  add x0, x0, x5, lsl #5
  spoil
  ret
f_note:
  ldr x9, =block
  ldr x9, [x9]
  add x9, x9, #${LOG}
  ldr x10, [x9]
  add x10, x10, #1
  str x10, [x9]
  str x0, [x9, x10, lsl #3]
  spoil
  ret
f_fail:
  ldr x9, =errno
  str w0, [x9]
  mov w0, #-1
  spoil
  ret
f_fail_long:
  ldr x9, =errno
  str w0, [x9]
  mov x0, #-1
  spoil
  ret
f_countdown:
  ldr x9, [x0]
  sub x9, x9, #1
  str x9, [x0]
  mov x0, x9
  spoil
  ret
f_misalignment:
  mov x0, sp
  and x0, x0, #15
  ret
f_vectors:
  mov x0, #0
  ret
f_errno_location:
  ldr x0, =errno
  spoil
  ret
  .ltorg
  .balign 4
code:
  .incbin "code.bin"
.data
block: .quad 0, 0
stack: .quad 0
report: .quad 0, 0, 0, 0
errno: .quad 0
`;

const DRIVERS: Record<Arch, string> = { x86_64: X86_64, aarch64: AARCH64 };
