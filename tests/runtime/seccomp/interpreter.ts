/**
 * A machine for classic BPF, written from bpf(4)'s description and not from our own code: what a
 * compiled filter decides about a call.
 *
 * @module
 */

/** One system call as a filter sees it: `struct seccomp_data`. */
export interface Call {
  /** one of {@linkcode ARCH} */
  arch: number;
  /** its number there */
  nr: number;
  /** up to six; the rest are 0 */
  args?: readonly (number | bigint)[];
}

/** Runs a filter (an array of `struct sock_filter`) on a call: the 32 bits that it returns. */
export function decide(filter: Uint8Array, call: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, call.nr, true);
  data.setUint32(4, call.arch, true);
  for (const [index, value] of (call.args ?? []).entries()) {
    data.setBigUint64(16 + 8 * index, BigInt.asUintN(64, BigInt(value)), true);
  }
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let accumulator = 0;
  for (let pc = 0;; pc++) {
    const code = program.getUint16(8 * pc, true);
    const jump = (condition: boolean) => pc += program.getUint8(8 * pc + (condition ? 2 : 3));
    const k = program.getUint32(8 * pc + 4, true);
    if (code === 0x20) accumulator = data.getUint32(k, true);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) pc += k;
    else if (code === 0x15) jump(accumulator === k);
    else if (code === 0x25) jump(accumulator > k);
    else if (code === 0x35) jump(accumulator >= k);
    else if (code === 0x45) jump((accumulator & k) !== 0);
    else if (code === 0x06) return k;
    else throw new Error(`instruction ${pc} has the unknown code ${code}`);
  }
}

/** The answers of a filter in words: `"allow"`, `"errno 1"`, `"kill process"` … */
export function answer(filter: Uint8Array, call: Call): string {
  const value = decide(filter, call);
  const names = new Map([
    [0x0000_0000, "kill thread"],
    [0x8000_0000, "kill process"],
    [0x0003_0000, "trap"],
    [0x0005_0000, "errno"],
    [0x7fc0_0000, "notify"],
    [0x7ff0_0000, "trace"],
    [0x7ffc_0000, "log"],
    [0x7fff_0000, "allow"],
  ]);
  const name = names.get((value & 0xffff_0000) >>> 0) ?? `0x${value.toString(16)}`;
  const number = value & 0xffff;
  return number ? `${name} ${number}` : name;
}

/** The architectures as the kernel names them to a filter, linux/audit.h. */
export const ARCH = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
  riscv64: 0xc00000f3,
} as const;

/** Numbers of system calls that the tests use, from the kernel's tables. */
export const NR = {
  x86_64: {
    read: 0,
    write: 1,
    socket: 41,
    clone: 56,
    execve: 59,
    uname: 63,
    ptrace: 101,
    personality: 135,
    arch_prctl: 158,
    mount: 165,
    reboot: 169,
    keyctl: 250,
    unshare: 272,
    open_by_handle_at: 304,
    clone3: 435,
    io_uring_setup: 425,
    set_mempolicy_home_node: 450,
  },
  i386: { read: 3, execve: 11, mount: 21, socketcall: 102, clone: 120, socket: 359 },
  aarch64: { read: 63, execve: 221, mount: 40, clone: 220, socket: 198, clone3: 435 },
  arm: { read: 3, mount: 21, clone: 120, set_tls: 0x0f0005 },
} as const;
