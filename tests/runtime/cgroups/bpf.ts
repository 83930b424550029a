/**
 * The part of eBPF that a device program uses, interpreted: a second reading of the instructions,
 * made from the standard (Documentation/bpf/standardization/instruction-set.rst) and not from the
 * generator, with the checks of the kernel's verifier that matter to it.
 *
 * @module
 */

/** What the kernel asks of the program: `struct bpf_cgroup_dev_ctx`. */
export interface DeviceRequest {
  /** 1 for a block device, 2 for a character device. */
  type: number;
  /** 1 mknod, 2 read, 4 write. */
  access: number;
  /** Of the device. */
  major: number;
  /** Of the device. */
  minor: number;
}

/** Runs the program; its result. */
export function run(program: Uint8Array<ArrayBuffer>, request: DeviceRequest): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const context = new DataView(new ArrayBuffer(12));
  context.setUint32(0, request.access << 16 | request.type, true);
  context.setUint32(4, request.major, true);
  context.setUint32(8, request.minor, true);
  /** Undefined is a register that nobody has written: reading it is an error. */
  const registers: (number | "context" | undefined)[] = Array(11).fill(undefined);
  registers[1] = "context";
  const number = (register: number) => {
    const value = registers[register];
    if (typeof value !== "number") throw new Error(`r${register} is ${value}`);
    return value;
  };

  let next = 0;
  for (let steps = 0; steps < 1_000_000; steps++) {
    if (next < 0 || 8 * next >= program.length) throw new Error(`jump out of the program: ${next}`);
    const at = 8 * next++;
    const opcode = code.getUint8(at);
    const dst = code.getUint8(at + 1) & 0xf;
    const src = code.getUint8(at + 1) >> 4;
    const offset = code.getInt16(at + 2, true);
    const immediate = code.getInt32(at + 4, true);
    const [kind, operation] = [opcode & 0x07, opcode & 0xf0];
    if (opcode === 0x95) return number(0);
    if (opcode === 0x61) { // LDX | MEM | W
      if (registers[src] !== "context") throw new Error(`load through r${src}`);
      registers[dst] = context.getUint32(offset, true);
      continue;
    }
    const operand = (opcode & 0x08 ? number(src) : immediate) >>> 0;
    if (kind === 0x04) { // ALU, 32 bits
      registers[dst] = arithmetic(operation, () => number(dst), operand) >>> 0;
    } else if (kind === 0x06) { // JMP32
      if (offset < 0) throw new Error("jump back");
      if (isTaken(operation, number(dst), operand)) next += offset;
    } else throw new Error(`instruction ${at / 8}: opcode ${opcode}`);
  }
  throw new Error("no end");
}

function arithmetic(operation: number, old: () => number, operand: number): number {
  if (operation === 0xb0) return operand;
  if (operation === 0x50) return old() & operand;
  if (operation === 0x70) return old() >>> operand;
  throw new Error(`arithmetic ${operation}`);
}

function isTaken(operation: number, value: number, operand: number): boolean {
  if (operation === 0x10) return value === operand;
  if (operation === 0x50) return value !== operand;
  if (operation === 0x40) return (value & operand) !== 0;
  throw new Error(`jump ${operation}`);
}

/** The instructions that nothing leads to; the verifier refuses a program that has any. */
export function unreachable(program: Uint8Array<ArrayBuffer>): number[] {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const seen = new Set<number>();
  const open = [0];
  for (const at of open) {
    if (seen.has(at)) continue;
    seen.add(at);
    const opcode = code.getUint8(8 * at);
    if (opcode === 0x95) continue;
    open.push(at + 1);
    if ((opcode & 0x07) === 0x06) open.push(at + 1 + code.getInt16(8 * at + 2, true));
  }
  return Array.from({ length: program.length / 8 }, (_, at) => at).filter((at) => !seen.has(at));
}
