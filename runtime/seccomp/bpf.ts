/**
 * Classic BPF, the language of seccomp filters: instructions of eight bytes, read and written.
 *
 * A filter is a program for a machine with one 32-bit register, run on each system call's
 * `struct seccomp_data`: number, architecture, instruction pointer, six arguments. It can load a
 * word of that, compare, jump forwards, and return what shall happen to the call. It cannot loop
 * and cannot follow a pointer, so it always ends, and what it has looked at cannot change
 * afterwards. See bpf(4) of the BSDs, seccomp(2), and Linux's Documentation/networking/filter.rst.
 *
 * @module
 */

/** `struct sock_filter`: one instruction. */
export interface Instruction {
  /** What to do: one of {@linkcode BPF}. */
  code: number;
  /** How many instructions to skip where a comparison holds. */
  jt: number;
  /** How many to skip where it does not. */
  jf: number;
  /** A constant, an offset into `struct seccomp_data`, or how many instructions `JA` skips. */
  k: number;
}

/** The operations that occur in filters made by libseccomp, in the names of linux/bpf_common.h. */
export const BPF = {
  /** load the 32-bit word at offset `k` */
  LD: 0x20,
  /** keep the bits of `k` alone */
  AND: 0x54,
  /** skip `k` instructions */
  JA: 0x05,
  /** compare with `k`: equal */
  JEQ: 0x15,
  /** greater, unsigned */
  JGT: 0x25,
  /** greater or equal, unsigned */
  JGE: 0x35,
  /** any bit of `k` is set */
  JSET: 0x45,
  /** end with `k` */
  RET: 0x06,
} as const;

/** The kernel's limit for one filter, `BPF_MAXINSNS`. */
export const LARGEST_FILTER = 4096;

/** Byte offsets in `struct seccomp_data`; the arguments have 64 bits each. */
export const SECCOMP_DATA = { nr: 0, arch: 4, ip: 8, args: 16, size: 64 } as const;

/** What `struct seccomp_data` calls each architecture: the `AUDIT_ARCH_*` of linux/audit.h. */
export const AUDIT_ARCH = {
  i386: 0x4000_0003,
  x86_64: 0xc000_003e,
  arm: 0x4000_0028,
  aarch64: 0xc000_00b7,
} as const;

/** What a filter returns, without the 16 bits of data that some of them carry. */
export const RETURN = {
  KILL_THREAD: 0,
  KILL_PROCESS: 0x8000_0000,
  TRAP: 0x0003_0000,
  ERRNO: 0x0005_0000,
  NOTIFY: 0x7fc0_0000,
  TRACE: 0x7ff0_0000,
  LOG: 0x7ffc_0000,
  ALLOW: 0x7fff_0000,
} as const;

/** The instructions of a filter given as an array of `struct sock_filter`. */
export function decodeFilter(filter: Uint8Array): Instruction[] {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  return Array.from({ length: filter.length >> 3 }, (_, index) => ({
    code: view.getUint16(8 * index, true),
    jt: view.getUint8(8 * index + 2),
    jf: view.getUint8(8 * index + 3),
    k: view.getUint32(8 * index + 4, true),
  }));
}

/** The array of `struct sock_filter` for a list of instructions. */
export function encodeFilter(instructions: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * instructions.length);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, jt);
    view.setUint8(8 * index + 3, jf);
    view.setUint32(8 * index + 4, k, true);
  }
  return bytes;
}
