/**
 * The containers that there are, and what each of them is doing now.
 *
 * Nothing that was written down is believed where the kernel can be asked: a container runs if its
 * first process is there, by process id *and* start time, and somebody alive answers for it.
 *
 * @module
 */

import { isAlive, type ProcessIdentity } from "./processes.ts";
import {
  claimFile,
  clearLeftovers,
  containerDirectory,
  type ContainerRecord,
  containersDirectory,
  processFile,
  readIdentity,
  readRecord,
} from "./records.ts";
import { idOf } from "./names.ts";
import { isStopped } from "./lifecycle/stop_mark.ts";
import { readStatus, type RunStatus } from "./status.ts";

/** What a container is doing, in Docker's words. */
export type State = "created" | "running" | "paused" | "restarting" | "exited";

/** A container as it is now. */
export interface ContainerInfo {
  /** its id: 64 hexadecimal digits */
  id: string;
  /** its directory below the data root */
  directory: string;
  /** what it is */
  record: ContainerRecord;
  /** what it is doing */
  state: State;
  /** its first process, while it runs */
  process?: ProcessIdentity;
  /** the process that answers for it: its monitor, or a command that starts or watches it */
  owner?: ProcessIdentity;
  /** when it was started, while it runs */
  started?: Date;
  /** its last run, once that has ended */
  status?: RunStatus;
}

/** No container, or more than one, goes by a name that was given. */
export class NoSuchContainerError extends Error {
  /** always `"NoSuchContainerError"` */
  override name = "NoSuchContainerError";
}

/** Lists all containers, the newest first. */
export async function listContainers(dataRoot: string): Promise<ContainerInfo[]> {
  await clearLeftovers(dataRoot);
  return ids(dataRoot).map((id) => inspectContainer(dataRoot, id))
    .filter((info) => info !== undefined)
    .sort((a, b) => a.record.created < b.record.created ? 1 : -1);
}

/**
 * Finds a container by its name, its id, or the beginning of its id, as Docker does.
 *
 * @throws {NoSuchContainerError} where there is none, or where several begin so
 */
export async function findContainer(dataRoot: string, name: string): Promise<ContainerInfo> {
  await clearLeftovers(dataRoot);
  const info = inspectContainer(dataRoot, idFor(dataRoot, name));
  if (!info) throw noSuch(name);
  return info;
}

/** The id that an id, a name or an id's beginning stands for, in this order. */
function idFor(dataRoot: string, name: string): string {
  if (/^[0-9a-f]{64}$/.test(name) && ids(dataRoot).includes(name)) return name;
  const exact = /^[\w.-]+$/.test(name) ? idOf(dataRoot, name) : undefined;
  if (exact !== undefined) return exact;
  if (!/^[0-9a-f]{1,64}$/.test(name)) throw noSuch(name);
  const [id, second] = ids(dataRoot).filter((id) => id.startsWith(name));
  if (second !== undefined) {
    throw new NoSuchContainerError(
      `${name}: the ids of several containers begin so: write more of the one that is meant`,
    );
  }
  if (id === undefined) throw noSuch(name);
  return id;
}

function noSuch(name: string): NoSuchContainerError {
  return new NoSuchContainerError(`no such container: ${name}: tiffin ps -a lists those there are`);
}

function ids(dataRoot: string): string[] {
  try {
    return Array.from(Deno.readDirSync(containersDirectory(dataRoot)), (entry) => entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Looks at one container; `undefined` where there is none, or it is just being made or removed. */
export function inspectContainer(dataRoot: string, id: string): ContainerInfo | undefined {
  const directory = containerDirectory(dataRoot, id);
  const record = readRecord(directory);
  if (!record) return undefined;
  const owner = readIdentity(claimFile(dataRoot, id));
  const status = readStatus(directory);
  const info: ContainerInfo = {
    id,
    directory,
    record,
    state: status ? "exited" : "created",
    status,
  };
  if (!owner || !isAlive(owner)) return info;
  info.owner = owner;
  if (isOver(info)) {
    const isRestarting = record.request.restart && !isStopped(directory);
    return isRestarting ? { ...info, state: "restarting" } : info;
  }
  const process = readIdentity(processFile(directory));
  // between its claim and its first process it is still what it was
  if (!process || !isAlive(process)) return info;
  const state = isFrozen(record) ? "paused" : "running";
  const started = startOf(directory);
  return { id, directory, record, state, process, owner, started };
}

/** Whether the last run that is written down is the one that its owner has watched. */
export function isOver({ status, owner }: Pick<ContainerInfo, "status" | "owner">): boolean {
  return owner !== undefined && status?.owner.pid === owner.pid &&
    status.owner.start === owner.start;
}

/** When the container's first process was made: the last time that its file was written. */
function startOf(directory: string): Date | undefined {
  try {
    return Deno.statSync(processFile(directory)).mtime ?? undefined;
  } catch {
    return undefined;
  }
}

function isFrozen({ cgroup }: ContainerRecord): boolean {
  if (cgroup?.v2) return reads(`${cgroup.v2}/cgroup.freeze`).startsWith("1");
  return cgroup?.v1.freezer !== undefined &&
    reads(`${cgroup.v1.freezer}/freezer.state`).startsWith("FR");
}

function reads(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
