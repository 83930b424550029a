/**
 * The status record: how a container's run has ended, as bytes that a program of calls can write.
 *
 * A detached container has no JavaScript beside it when it ends. Its monitor (birth/monitor.ts) has
 * the kernel fill in a struct, and writes that to a file as it is; this module reads it, and writes
 * the same for a container that ends in the foreground.
 *
 * @module
 */

import {
  type Exit,
  formatStat,
  parseStat,
  type ProcessIdentity,
  readWaitStatus,
} from "./processes.ts";

/** Byte offsets in a status record; all numbers are little-endian. */
export const STATUS = {
  /** what waitpid(2) says, an `int` */
  wait: 0,
  /** when the first process was made, a `struct timespec` of the real-time clock */
  started: 8,
  /** when its end was seen, likewise */
  ended: 24,
  /** the beginning of memory.events or memory.oom_control, text */
  memory: 40,
  /** who has watched it: the line of /proc/PID/stat, text */
  owner: 296,
  size: 808,
} as const;

/** One run of a container, from its start to its end. */
export interface RunStatus {
  /** how it ended */
  exit: Exit;
  /** when it was started */
  started: Date;
  /** when it had ended */
  ended: Date;
  /** the process that has watched it: the monitor, or a command in the foreground */
  owner: ProcessIdentity;
}

/** Where a container keeps the status record of its last run. */
export function statusFile(directory: string): string {
  return `${directory}/status`;
}

/** Reads a status record; `undefined` where there is none, or only the beginning of one. */
export function readStatus(directory: string): RunStatus | undefined {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(statusFile(directory));
  } catch {
    return undefined;
  }
  if (bytes.length < STATUS.size) return undefined;
  const view = new DataView(bytes.buffer);
  const exit = readWaitStatus(view.getInt32(STATUS.wait, true));
  const text = (from: number, to: number) => new TextDecoder().decode(bytes.subarray(from, to));
  const kills = /^oom_kill (\d+)$/m.exec(text(STATUS.memory, STATUS.owner))?.[1] ?? "0";
  // a shell in front of the process that was killed gives the same code
  exit.isOutOfMemory = exit.code === 128 + SIGKILL && kills !== "0";
  const owner = parseStat(text(STATUS.owner, STATUS.size));
  if (!owner) return undefined;
  return { exit, started: time(view, STATUS.started), ended: time(view, STATUS.ended), owner };
}

const SIGKILL = 9;

/** Reads a `struct timespec`. */
function time(view: DataView, offset: number): Date {
  const seconds = Number(view.getBigInt64(offset, true));
  return new Date(seconds * 1000 + Number(view.getBigInt64(offset + 8, true)) / 1e6);
}

/** What a status record is written from by a command that has waited for the container itself. */
export interface RunFacts {
  /** what waitpid(2) said, or the number of the signal that must have killed it */
  wait: number;
  /** when it was started, in milliseconds since 1970 */
  started: number;
  /** when it had ended, likewise */
  ended: number;
  /** how many of its processes were killed for memory */
  kills: number;
  /** the process that has watched it */
  owner: ProcessIdentity;
}

/** Writes a status record; it is there whole, or not at all. */
export function writeStatus(directory: string, facts: RunFacts): void {
  const bytes = new Uint8Array(STATUS.size);
  const view = new DataView(bytes.buffer);
  view.setInt32(STATUS.wait, facts.wait, true);
  for (const at of ["started", "ended"] as const) {
    const seconds = Math.floor(facts[at] / 1000);
    view.setBigInt64(STATUS[at], BigInt(seconds), true);
    view.setBigInt64(STATUS[at] + 8, BigInt(Math.round((facts[at] - seconds * 1000) * 1e6)), true);
  }
  const encoder = new TextEncoder();
  bytes.set(encoder.encode(`oom_kill ${facts.kills}\n`), STATUS.memory);
  bytes.set(encoder.encode(formatStat(facts.owner)), STATUS.owner);
  const path = statusFile(directory);
  Deno.writeFileSync(`${path}.new`, bytes, { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}
