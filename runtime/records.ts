/**
 * What is kept of containers on the disk: a directory for each, and a claim for each that runs.
 *
 * ```text
 * containers/<id>/record.json   what the container is, in words that can start it again
 * containers/<id>/process       its first process: the line of /proc/PID/stat
 * containers/<id>/status        how its last run has ended: status.ts
 * containers/<id>/log, log.1    what it has written, if it was detached: birth/output.ts, rotation.ts
 * containers/<id>/upper, work   every change to its root file system
 * running/<id>                  the process that answers for it now: the line of /proc/PID/stat
 * names/<name>                  a link whose text is the id, and who has taken the name
 * ```
 *
 * The claim in `running/` is made first and taken away last. So whatever a killed command or a
 * killed monitor leaves behind, there is a claim of a process that is no more, and the next command
 * finds it without looking at any other container.
 *
 * @module
 */

import { later } from "./later.ts";
import type { CgroupRecord } from "./cgroups/plan.ts";
import type { ContainerRequest } from "./container_request.ts";
import { isAlive, parseStat, type ProcessIdentity } from "./processes.ts";
import type { Process } from "./spec.ts";

/** What ps(1) shows of a monitor, and the claim that it writes. */
export const MONITOR_NAME = "tiffin-monitor";

/** What is known of a container for as long as it lasts. */
export interface ContainerRecord {
  /** its id, which also names its directory */
  id: string;
  /** the name that was given with `--name`, or that it got */
  name?: string;
  /** whether it stays when it has ended */
  keep?: boolean;
  /** the image's name as it was found, or the directory that is the root */
  image: string;
  /** the digest of the image's manifest: what it is made of stays as long as the container does */
  imageDigest?: string;
  /** the first process's program and arguments */
  command: string[];
  /** all that its first process was given: what a further one has too, unless told otherwise */
  process?: Process;
  /** values by key, for whoever looks for containers */
  labels?: Record<string, string>;
  /** when it was made, as Date.prototype.toISOString has it */
  created: string;
  /** the control groups that go with it while it runs */
  cgroup?: CgroupRecord;
  /** all that it was made from */
  request: StoredRequest;
}

/** A request as it is kept: what follows from where the record is, is not in it. */
export type StoredRequest = Omit<ContainerRequest, "dataRoot" | "id" | "isAgain" | "detach">;

/** A fresh id: 64 hexadecimal digits, as Docker's. */
export function newId(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

/** The directory of all containers below a data root. */
export function containersDirectory(dataRoot: string): string {
  return `${dataRoot}/containers`;
}

/** The directory of a container. */
export function containerDirectory(dataRoot: string, id: string): string {
  return `${dataRoot}/containers/${id}`;
}

/** Where a container keeps what it is. */
export function recordFile(directory: string): string {
  return `${directory}/record.json`;
}

/** Where a container keeps the identity of its first process. */
export function processFile(directory: string): string {
  return `${directory}/process`;
}

/** The directory of the claims on the containers that run. */
export function claimsDirectory(dataRoot: string): string {
  return `${dataRoot}/running`;
}

/** Where it is said which process answers for a container. */
export function claimFile(dataRoot: string, id: string): string {
  return `${dataRoot}/running/${id}`;
}

/** Reads a container's record; `undefined` where there is none, or none that is whole. */
export function readRecord(directory: string): ContainerRecord | undefined {
  const text = readText(recordFile(directory));
  try {
    return text === undefined ? undefined : JSON.parse(text) as ContainerRecord;
  } catch {
    return undefined;
  }
}

/** Writes a container's record; a power cut leaves the old one or the new one. */
export function writeRecord(directory: string, record: ContainerRecord): void {
  const path = recordFile(directory);
  const file = Deno.openSync(`${path}.new`, {
    write: true,
    create: true,
    truncate: true,
    mode: 0o600,
  });
  try {
    const bytes = new TextEncoder().encode(JSON.stringify(record));
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  } finally {
    file.close();
  }
  Deno.renameSync(`${path}.new`, path);
}

/** Reads who a file says a process is: a claim, or a container's first process. */
export function readIdentity(path: string): ProcessIdentity | undefined {
  const text = readText(path);
  return text === undefined ? undefined : parseStat(text);
}

/** Whether the process that answers for a container is, or was, its monitor: birth/monitor.ts. */
export function isMonitored(dataRoot: string, id: string): boolean {
  return readText(claimFile(dataRoot, id))?.includes(`(${MONITOR_NAME})`) ?? false;
}

/** The text of a file that may be missing; one that cannot be read now is not taken for missing. */
function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const { NotFound, NotADirectory } = Deno.errors;
    if (error instanceof NotFound || error instanceof NotADirectory) return undefined;
    throw error;
  }
}

/** A claim without a word in it is somebody's first step, unless it is older than this. */
const GRACE = 10_000;

/**
 * Clears away what killed commands and monitors left: processes, groups, directories.
 *
 * What cannot be cleared away now is left for the next command: it is no reason for a container
 * that has nothing to do with it not to start.
 */
export async function clearLeftovers(dataRoot: string): Promise<void> {
  const dead = claims(dataRoot).filter((id) => isDead(claimFile(dataRoot, id)));
  if (dead.length === 0) return;
  const { clearLeftover } = await later<typeof import("./leftovers.ts")>(
    import.meta,
    "./leftovers.ts",
  );
  for (const id of dead) await clearLeftover(dataRoot, id).catch(() => {});
}

/** Whether a claim is that of a process that is no more. */
function isDead(claim: string): boolean {
  try {
    const text = readText(claim);
    if (!text) return text === "" && isOld(claim);
    const owner = parseStat(text);
    // a removal that was killed has left the record in its place
    return owner === undefined || !isAlive(owner);
  } catch {
    return false;
  }
}

/** The ids of the containers that somebody answers for. */
export function claims(dataRoot: string): string[] {
  try {
    return Array.from(Deno.readDirSync(claimsDirectory(dataRoot)), (entry) => entry.name)
      .filter((name) => !name.endsWith(".new"));
  } catch {
    return [];
  }
}

function isOld(path: string): boolean {
  try {
    return Date.now() - Deno.lstatSync(path).mtime!.getTime() >= GRACE;
  } catch {
    return false;
  }
}
