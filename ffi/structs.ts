/**
 * Kernel structs by value: bytes for the call, and the text that a person would write.
 *
 * @module
 */

import { formatFlags, formatOpenFlags } from "./calls.ts";
import { CLONE, SCHED, SIG } from "./constants.ts";
import type { Struct } from "./memory.ts";

/** Lays out 64-bit fields one after the other; all of the structs made so have only such fields. */
function words(...fields: (number | bigint)[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(fields.length * 8);
  const view = new DataView(bytes.buffer);
  fields.forEach((field, i) => view.setBigUint64(i * 8, BigInt.asUintN(64, BigInt(field)), true));
  return bytes;
}

/** A struct that is written out when somebody reads it: its fields, without those that are 0. */
function struct(bytes: Uint8Array<ArrayBuffer>, fields: () => (string | 0)[]): Struct {
  return {
    bytes,
    get text() {
      return `{${fields().filter((field) => field !== 0).join(", ")}}`;
    },
  };
}

/** `struct open_how` of openat2(2). */
export function openHow(how: { flags: number; mode?: number; resolve?: number }): Struct {
  const { flags, mode = 0, resolve = 0 } = how;
  return struct(words(flags, mode, resolve), () => [
    `flags=${formatOpenFlags(flags)}`,
    mode && `mode=0${mode.toString(8)}`,
    resolve && `resolve=${formatFlags("RESOLVE", resolve)}`,
  ]);
}

/** `struct mount_attr` of mount_setattr(2); `propagation` is MS_PRIVATE and its like, 0 for none. */
export function mountAttr(
  attr: { set?: number; clear?: number; propagation?: number; usernsFd?: number },
): Struct {
  const { set = 0, clear = 0, propagation = 0, usernsFd = 0 } = attr;
  return struct(words(set, clear, propagation, usernsFd), () => [
    set && `attr_set=${formatFlags("MOUNT_ATTR", set)}`,
    clear && `attr_clr=${formatFlags("MOUNT_ATTR", clear)}`,
    propagation && `propagation=${formatFlags("MS", propagation)}`,
    usernsFd && `userns_fd=${usernsFd}`,
  ]);
}

/**
 * `struct rlimit` of getrlimit(2).
 *
 * 2^64 - 1 is RLIM_INFINITY; so is whatever is larger, since a JSON number of that size is rounded.
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
  // a child of the caller's own parent tells that one, as the caller itself would
  const signal = flags & CLONE.PARENT ? 0 : SIG.CHLD;
  return struct(words(flags, 0, 0, 0, signal, 0, 0, 0, 0, 0, cgroup), () => [
    `flags=${formatFlags("CLONE", flags)}`,
    signal && "exit_signal=SIGCHLD",
    cgroup && `cgroup=${cgroup}`,
  ]);
}

/** `struct sched_attr` of sched_setattr(2). */
export function schedAttr(
  attr: {
    policy: keyof typeof SCHED;
    flags?: number;
    nice?: number;
    priority?: number;
    runtime?: number;
    deadline?: number;
    period?: number;
  },
): Struct {
  const { policy, flags = 0, nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = attr;
  const bytes = new Uint8Array(56);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, SCHED[policy], true);
  view.setBigUint64(8, BigInt(flags), true);
  view.setInt32(16, nice, true);
  view.setUint32(20, priority, true);
  [runtime, deadline, period].forEach((time, i) =>
    view.setBigUint64(24 + i * 8, BigInt(time), true)
  );
  return struct(bytes, () => [
    `sched_policy=SCHED_${policy}`,
    flags && `sched_flags=${formatFlags("SCHED_FLAG", flags)}`,
    nice && `sched_nice=${nice}`,
    priority && `sched_priority=${priority}`,
    runtime && `sched_runtime=${runtime}`,
    deadline && `sched_deadline=${deadline}`,
    period && `sched_period=${period}`,
  ]);
}

/** `struct pollfd`, poll(2). */
export function pollfd(fd: number, events: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, events, true);
  return bytes;
}

/** A device's number as makedev(3) puts it together: the low bits of both halves, then the high ones. */
export function makedev(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (high & 0xfffn) << 8n | (high & ~0xfffn) << 32n | low & 0xffn | (low & ~0xffn) << 12n;
}

/** Bytes behind one another. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
