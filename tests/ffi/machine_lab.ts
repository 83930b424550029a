/**
 * A place where the machine code of ffi/machine.ts runs without Deno and without libc: a static
 * program, made by binutils, that walks a list of steps whose functions are a few instructions each.
 *
 * So the code of the other architecture can run too, under QEMU's user emulation.
 *
 * @module
 */

import { HEADER, LISTINGS, machineCode, STEP } from "../../ffi/machine.ts";
import { type Arch, drivers, LAYOUT } from "./machine_drivers.ts";

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
  /** the function */
  call: Callee;
  /** up to six; the rest are 0 */
  args?: Word[];
  /** FLAG bits */
  flags?: number;
  /** errnos that are no failure */
  allowed?: number[];
  /** where a jump flag leads; 0, the end of the list, unless given */
  jump?: Word;
}

/** A list of steps to walk. */
export interface Scenario {
  /** the list */
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
  /** what the call returned, signed */
  result: bigint;
  /** its errno */
  errno: number;
  /** how often it returned */
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
  /** The number of the step that was made last; null for none. */
  current: number | null;
  /** The number of the step that failed; null for none. */
  failed: number | null;
  /** The steps, then an empty one and the tail's, where there is a tail. */
  steps: StepOutcome[];
  /** Whether the registers that belong to the caller were as before. */
  preserved: boolean;
}

/** What a slot holds for `result` before a step is made. */
export const UNTOUCHED = 0x7777_7777n;

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
  const source = [drivers[arch], ".data", ".balign 16", ...scenarios.map(describe), "scenarios:"];
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
    const offset = "cell" in word
      ? LAYOUT.cells + 8 * word.cell
      : stepOffset(word.step, word.offset);
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
    `.zero ${LAYOUT.cells - LAYOUT.log}`,
    ...Array.from({ length: LAYOUT.cellCount }, (_, number) => `.quad ${cells[number] ?? 0}`),
    ...steps.map(words),
    end,
    ...tail.map(words),
    end,
    `end${index}:`,
  ].join("\n");
}

function stepOffset(step: number, offset = 0): number {
  return LAYOUT.steps + step * STEP.size + offset;
}

/** What the program wrote: four words of its own, and the scenario as it was afterwards. */
function read(scenario: Scenario, output: Uint8Array): Walked {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const word = (offset: number) => view.getBigUint64(offset, true);
  const [exited, value, spoilt, start] = [0, 8, 16, 24].map(word);
  const memory = 32;
  const stepNumber = (address: bigint) =>
    address === 0n ? null : (Number(address - start) - LAYOUT.steps) / STEP.size;
  const count = scenario.steps.length + (scenario.tail ? scenario.tail.length + 1 : 0);
  return {
    ...(exited ? { exited: Number(value) } : { returned: stepNumber(value) }),
    log: Array.from(
      { length: Number(word(memory + LAYOUT.log)) },
      (_, index) => Number(word(memory + LAYOUT.log + 8 + 8 * index)),
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
