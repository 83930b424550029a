/**
 * Kernel structs by value: bytes for the call, and the text that a person would write.
 *
 * @module
 */

import { formatFlags, formatOpenFlags } from "./calls.ts";
import type { Struct } from "./memory.ts";

/** Lays out 64-bit fields one after the other; all of the structs made so have only such fields. */
function words(...fields: (number | bigint)[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(fields.length * 8);
  const view = new DataView(bytes.buffer);
  fields.forEach((field, i) => view.setBigUint64(i * 8, BigInt.asUintN(64, BigInt(field)), true));
  return bytes;
}

/** `struct open_how` of openat2(2). */
export function openHow(how: { flags: number; mode?: number; resolve?: number }): Struct {
  const { flags, mode = 0, resolve = 0 } = how;
  const parts = [`flags=${formatOpenFlags(flags)}`];
  if (mode) parts.push(`mode=0${mode.toString(8)}`);
  if (resolve) parts.push(`resolve=${formatFlags("RESOLVE", resolve)}`);
  return { bytes: words(flags, mode, resolve), text: `{${parts.join(", ")}}` };
}

/** `struct mount_attr` of mount_setattr(2); `propagation` is MS_PRIVATE and its like, 0 for none. */
export function mountAttr(
  attr: { set?: number; clear?: number; propagation?: number; usernsFd?: number },
): Struct {
  const { set = 0, clear = 0, propagation = 0, usernsFd = 0 } = attr;
  const parts: string[] = [];
  if (set) parts.push(`attr_set=${formatFlags("MOUNT_ATTR", set)}`);
  if (clear) parts.push(`attr_clr=${formatFlags("MOUNT_ATTR", clear)}`);
  if (propagation) parts.push(`propagation=${formatFlags("MS", propagation)}`);
  if (usernsFd) parts.push(`userns_fd=${usernsFd}`);
  return { bytes: words(set, clear, propagation, usernsFd), text: `{${parts.join(", ")}}` };
}

/**
 * `struct rlimit` of getrlimit(2).
 *
 * 2^64 − 1 is RLIM_INFINITY; so is whatever is larger, since a JSON number of that size is rounded.
 */
export function rlimit(soft: number | bigint, hard: number | bigint): Struct {
  const infinity = 2n ** 64n - 1n;
  const [current, maximum] = [soft, hard].map((value) =>
    BigInt(value) < infinity ? BigInt(value) : infinity
  );
  const text = (value: bigint) => value === infinity ? "RLIM_INFINITY" : String(value);
  return {
    bytes: words(current, maximum),
    text: `{rlim_cur=${text(current)}, rlim_max=${text(maximum)}}`,
  };
}

/** A list of 32-bit numbers, such as the groups of setgroups(2). */
export function ints(numbers: readonly number[]): Struct {
  return {
    bytes: new Uint8Array(new Uint32Array(numbers).buffer),
    text: `[${numbers.join(", ")}]`,
  };
}

/** `struct winsize` of ioctl_tty(2). */
export function winsize(rows: number, columns: number): Struct {
  return {
    bytes: new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer),
    text: `{ws_row=${rows}, ws_col=${columns}}`,
  };
}

/**
 * `struct clone_args` of clone3(2): `flags` may hold CLONE_INTO_CGROUP, which is past 32 bits.
 *
 * @param flags the sum of CLONE flags
 * @param cgroup a descriptor of the cgroup that the child starts in, for CLONE_INTO_CGROUP
 */
export function cloneArgs(flags: number, cgroup = 0): Struct {
  const SIGCHLD = 17;
  const parts = [`flags=${formatFlags("CLONE", flags)}`, "exit_signal=SIGCHLD"];
  if (cgroup) parts.push(`cgroup=${cgroup}`);
  const bytes = words(flags, 0, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, cgroup);
  return { bytes, text: `{${parts.join(", ")}}` };
}
