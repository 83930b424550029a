/**
 * What happens to a control group while its container lives, and when it has ended: held still, let
 * go, emptied, removed.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import { E, SyscallError } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { CgroupError, type CgroupRecord } from "./plan.ts";

/** Longest that a group is waited for, in milliseconds; a process in the `D` state may outlast it. */
const PATIENCE = 10_000;

/**
 * Holds every process of a group where it is, and waits until all of them are.
 *
 * @throws {SyscallError} where one of them cannot be held; they all go on then
 */
export async function freeze(record: CgroupRecord): Promise<void> {
  try {
    await hold(record);
  } catch (error) {
    await thaw(record).catch(() => {});
    throw error;
  }
}

async function hold(record: CgroupRecord): Promise<void> {
  if (record.v2) {
    Deno.writeTextFileSync(`${record.v2}/cgroup.freeze`, "1");
    const events = `${record.v2}/cgroup.events`;
    return await until(() => Deno.readTextFileSync(events).includes("frozen 1"), record, "freeze");
  }
  const state = `${freezerOf(record)}/freezer.state`;
  await until(
    () => {
      // a process that was being forked can escape the first time: cgroup-v1/freezer-subsystem.rst
      Deno.writeTextFileSync(state, "FROZEN");
      return Deno.readTextFileSync(state).startsWith("FROZEN");
    },
    record,
    "freeze",
  );
}

/** Lets a frozen group go on. */
export async function thaw(record: CgroupRecord): Promise<void> {
  if (record.v2) {
    Deno.writeTextFileSync(`${record.v2}/cgroup.freeze`, "0");
    const events = `${record.v2}/cgroup.events`;
    return await until(() => Deno.readTextFileSync(events).includes("frozen 0"), record, "thaw");
  }
  Deno.writeTextFileSync(`${freezerOf(record)}/freezer.state`, "THAWED");
}

function freezerOf({ path, v1 }: CgroupRecord): string {
  if (v1.freezer) return v1.freezer;
  throw new CgroupError(
    path,
    "this group cannot be frozen: neither cgroup2 nor version 1's freezer was writable when it was made",
  );
}

/**
 * The processes of a group and of all below it, as this process's PID namespace numbers them.
 * Empty when it has gone.
 */
export function processesIn(record: CgroupRecord): number[] {
  const top = record.v2 ?? Object.values(record.v1)[0];
  const pids = new Set<number>();
  for (const directory of top ? withChildren(top) : []) {
    for (const line of read(`${directory}/cgroup.procs`).split("\n")) {
      if (line !== "" && line !== "0") pids.add(Number(line));
    }
  }
  return [...pids];
}

/**
 * Kills whatever is left in a group, and removes it. A group that has gone already is no error, nor
 * is a directory above it that others have come to use.
 *
 * @throws {SyscallError} when processes in it do not end
 */
export async function removeCgroup(record: CgroupRecord): Promise<void> {
  // nearly always the container's processes have all been waited for, and this is all there is to do
  const leaves = [...new Set([record.v2, ...Object.values(record.v1)])].filter((path) =>
    path !== undefined
  );
  const busy = leaves.filter((path) => !isRemoved(path));
  if (busy.length) {
    killAll(record);
    await until(() => busy.every(removeTree), record, "remove", () => {
      killAll(record);
    });
  }
  for (const path of record.made.toReversed()) {
    if (!leaves.includes(path)) attempt.rmdir(path);
  }
}

/** Kills all processes in a group at once: none of them can fork faster than this. */
export function killAll(record: CgroupRecord): void {
  // Linux 5.14 and later do it in one go
  if (record.v2 && writes(`${record.v2}/cgroup.kill`, "1")) return;
  const holds = record.v2
    ? writes(`${record.v2}/cgroup.freeze`, "1")
    : record.v1.freezer !== undefined && writes(`${record.v1.freezer}/freezer.state`, "FROZEN");
  try {
    for (const pid of processesIn(record)) killMember(pid, record);
  } finally {
    // version 2 lets a frozen process die, version 1 only once it is let go
    if (holds && record.v2) writes(`${record.v2}/cgroup.freeze`, "0");
    else if (holds) writes(`${record.v1.freezer}/freezer.state`, "THAWED");
  }
}

/** Kills a process if it still is of the group: its number may have gone to another meanwhile. */
function killMember(pid: number, record: CgroupRecord): void {
  const fd = attempt.pidfd_open(pid, 0);
  if (fd < 0) return;
  try {
    if (processesIn(record).includes(pid)) attempt.pidfd_send_signal(fd, SIG.KILL, null, 0);
  } finally {
    attempt.close(fd);
  }
}

/** Removes a directory and all below it; whether it has gone. */
function removeTree(top: string): boolean {
  // a container may have made groups of its own, and deeper ones have to go first
  return withChildren(top).toReversed().every(isRemoved);
}

/** Removes a directory; false when something is in it. */
function isRemoved(path: string): boolean {
  const result = attempt.rmdir(path);
  if (result === 0 || result === -E.ENOENT) return true;
  if (result === -E.EBUSY) return false;
  throw new SyscallError("rmdir", JSON.stringify(path), -result);
}

/** A directory and all below it, parents first. There are no symbolic links in a cgroup hierarchy. */
function withChildren(top: string): string[] {
  const found = [top];
  for (const path of found) {
    try {
      for (const { name, isDirectory } of Deno.readDirSync(path)) {
        if (isDirectory) found.push(`${path}/${name}`);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

/** Asks again and again, at first often. */
async function until(
  isDone: () => boolean,
  { path, v1, v2 }: CgroupRecord,
  what: string,
  again: () => void = () => {},
): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (let pause = 1; !isDone(); pause = Math.min(2 * pause, 100)) {
    if (performance.now() > end) {
      const directory = v2 ?? Object.values(v1)[0] ?? path;
      const pids = processesIn({ path, v1, v2, made: [] }).join(", ") || "none";
      throw new SyscallError(what, directory, E.EBUSY, `processes that are still there: ${pids}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    again();
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function writes(path: string, value: string): boolean {
  try {
    Deno.writeTextFileSync(path, value, { create: false });
    return true;
  } catch {
    return false;
  }
}
