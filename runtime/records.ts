/**
 * The records of containers, and what is done about those whose maker is gone.
 *
 * A container's directory is made first and its record is written into it next, before its cgroup
 * and its process: whatever a killed command leaves behind, there is a record that names it, and
 * the next command clears it away.
 *
 * @module
 */

import { later } from "./later.ts";
import { SIG } from "../ffi/constants.ts";
import { isErrno } from "../ffi/errno.ts";
import { attempt } from "../ffi/libc.ts";
import type { CgroupRecord } from "./cgroups/plan.ts";
import { identify, isAlive, type ProcessIdentity } from "./processes.ts";

/** What is known of a container for as long as it lasts. */
export interface ContainerRecord {
  /** its id, which also names its directory */
  id: string;
  /** the name that was given with `--name` */
  name?: string;
  /** the image's name as it was found, or the directory that is the root */
  image: string;
  /** the digest of the image's manifest: what it is made of stays as long as the container does */
  imageDigest?: string;
  /** the first process's program and arguments */
  command: string[];
  /** values by key, for whoever looks for containers */
  labels?: Record<string, string>;
  /** when it was made, as Date.prototype.toISOString has it */
  created: string;
  /** the process that answers for the container: while it lives nobody else touches it */
  owner: ProcessIdentity;
  /** the control groups that go with it */
  cgroup?: CgroupRecord;
}

/** The directory of all containers below a data root. */
export function containersDirectory(dataRoot: string): string {
  return `${dataRoot}/containers`;
}

/** Where a container keeps the identity of its first process. */
export function processFile(directory: string): string {
  return `${directory}/process.json`;
}

/** Reads a container's record; `undefined` where there is none that can be read. */
export function readRecord(directory: string): ContainerRecord | undefined {
  return readJson(`${directory}/record.json`);
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path)) as T;
  } catch {
    return undefined;
  }
}

/** A directory without a record is somebody's first step, unless it is older than this. */
const GRACE = 10_000;

/**
 * Clears away what killed commands left: their containers, groups and directories.
 *
 * What cannot be cleared away now is left for the next command: it is no reason for a container
 * that has nothing to do with it not to start.
 */
export async function clearLeftovers(dataRoot: string): Promise<void> {
  for (const entry of list(containersDirectory(dataRoot))) {
    const directory = `${containersDirectory(dataRoot)}/${entry}`;
    const record = readRecord(directory);
    if (record ? isAlive(record.owner) : isYoung(directory)) continue;
    await clear(directory, record).catch(() => {});
  }
}

function list(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), (entry) => entry.name);
  } catch {
    return [];
  }
}

function isYoung(directory: string): boolean {
  try {
    return Date.now() - Deno.lstatSync(directory).mtime!.getTime() < GRACE;
  } catch {
    return true;
  }
}

async function clear(directory: string, record: ContainerRecord | undefined): Promise<void> {
  const first = readJson<ProcessIdentity>(processFile(directory));
  if (first) await end(first);
  if (record?.cgroup) {
    const { removeCgroup } = await later<typeof import("./cgroups/lifecycle.ts")>(
      import.meta,
      "./cgroups/lifecycle.ts",
    );
    await removeCgroup(record.cgroup);
  }
  await removeDirectory(directory);
}

/** Kills a process by descriptor, so that no other can be meant, and waits until it is gone. */
async function end(process: ProcessIdentity): Promise<void> {
  const fd = attempt.pidfd_open(process.pid, 0);
  if (fd < 0) return;
  try {
    if (!isAlive(process)) return;
    attempt.pidfd_send_signal(fd, SIG.KILL, null, 0);
    while (identify(process.pid)?.start === process.start) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    attempt.close(fd);
  }
}

/**
 * Removes a container's directory with all that the container has written.
 *
 * Deno's own removal is quick and goes down step by step, so it gets small trees alone: a hostile
 * one would be too deep for its stack, and end each command that tries. What an ordinary user's
 * container leaves of its other ids is removed by root of a user namespace.
 */
export async function removeDirectory(directory: string): Promise<void> {
  try {
    if (isSmall(directory, { directories: 32 })) {
      return Deno.removeSync(directory, { recursive: true });
    }
    const { removeTree } = await later<typeof import("./remove_tree.ts")>(
      import.meta,
      "./remove_tree.ts",
    );
    return removeTree(directory);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!isErrno(error, "EACCES", "EPERM")) throw error;
    const [{ runInUserNamespace }, { hostIdentity }] = await Promise.all([
      later<typeof import("./user_namespace.ts")>(import.meta, "./user_namespace.ts"),
      later<typeof import("./rootless.ts")>(import.meta, "./rootless.ts"),
    ]);
    const status = await runInUserNamespace(
      hostIdentity(),
      ["/bin/rm", "-rf", "--", directory],
      [],
    );
    if (status !== 0) throw error;
  }
}

/** Whether a tree has so few directories that it cannot be deep, and all of them can be read. */
function isSmall(directory: string, left: { directories: number }): boolean {
  try {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (isDirectory && (left.directories-- === 0 || !isSmall(`${directory}/${name}`, left))) {
        return false;
      }
    }
    return true;
  } catch {
    return false;
  }
}
