/**
 * What is kept of a container that an engine has asked for: its directory below the runtime's root,
 * what stands in it, and what can be seen of the container by it.
 *
 * `state.json` is written before there is anybody to lose, `process` by the container's first
 * process itself, and `gate` is there until the container is started. Everything else is asked of
 * the kernel, so that no record can be wrong about what runs.
 *
 * @module
 */

import type { CgroupRecord } from "../cgroups/plan.ts";
import { isAlive, parseStat, type ProcessIdentity } from "../processes.ts";
import type { Process, Spec } from "../spec.ts";
import type { State } from "../spec/state.ts";

/** The version of the specification that states are written by. */
export const OCI_VERSION = "1.2.1";

/** What `state.json` says of a container. */
export interface OciRecord {
  /** its id */
  id: string;
  /** its bundle, an absolute path */
  bundle: string;
  /** its root file system, an absolute path */
  root: string;
  /** when it was made, as an ISO 8601 string */
  created: string;
  /** the user id of who made it */
  owner: number;
  /** who made it: without that process, a container without a first one is no more */
  maker: ProcessIdentity;
  /** its control group */
  cgroup?: CgroupRecord;
  /** its config.json, as it was */
  spec: Spec & { process: Process };
}

/** Where a container is in its life, in the words of runc. */
export type OciStatus = State["status"] | "paused";

/** A container that was found. */
export interface OciContainer {
  /** its directory */
  directory: string;
  /** what is kept of it */
  record: OciRecord;
  /** its first process, as long as that runs */
  process?: ProcessIdentity;
  /** where it is in its life */
  status: OciStatus;
}

/** Something that cannot be done with a container as it is; engines look for some of the words. */
export class OciError extends Error {
  /** The class's name, for messages. */
  override name = "OciError";
}

/** Where runc has its own; root's is gone after a reboot, as the containers are. */
export function defaultRoot(): string {
  if (Deno.uid() === 0) return "/run/tiffin-oci";
  const directory = Deno.env.get("XDG_RUNTIME_DIR") || `/tmp/tiffin-oci-${Deno.uid()}`;
  return `${directory}/tiffin-oci`;
}

/**
 * The directory of a container.
 *
 * @throws {OciError} for an id that would be another's, or none: it becomes a file's name
 */
export function directoryOf(root: string, id: string): string {
  if (/^[A-Za-z0-9_+][A-Za-z0-9_+.-]{0,1023}$/.test(id)) return `${root}/${id}`;
  throw new OciError(
    `invalid container id ${JSON.stringify(id)}: letters, digits and _ + - . make an id, ` +
      "and the first is none of the last two",
  );
}

/** The file in which the first process says who it is. */
export function processFile(directory: string): string {
  return `${directory}/process`;
}

/** The FIFO at which a container that was not started waits. */
export function gateFile(directory: string): string {
  return `${directory}/gate`;
}

/** Where compiled filters are kept: no id begins with a dot. */
export function cacheDirectory(root: string): string {
  return `${root}/.cache`;
}

/** The file that says what a container is. */
export function stateFile(directory: string): string {
  return `${directory}/state.json`;
}

/** Finds a container. @throws {OciError} where there is none */
export function findContainer(root: string, id: string): OciContainer {
  const directory = directoryOf(root, id);
  const container = look(directory);
  // engines wait for these three words
  if (!container) throw new OciError(`container ${JSON.stringify(id)} does not exist`);
  return container;
}

/** All containers below a root, by id. */
export function listContainers(root: string): OciContainer[] {
  const names: string[] = [];
  try {
    for (const { name, isDirectory } of Deno.readDirSync(root)) {
      if (isDirectory && !name.startsWith(".")) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort().flatMap((name) => look(`${root}/${name}`) ?? []);
}

/** Looks at a container now. */
function look(directory: string): OciContainer | undefined {
  const text = read(stateFile(directory));
  if (text === undefined) return undefined;
  const record: OciRecord = JSON.parse(text);
  const identity = parseStat(read(processFile(directory)) ?? "");
  const process = identity && isAlive(identity) ? identity : undefined;
  return { directory, record, process, status: statusOf(directory, record, identity, process) };
}

function statusOf(
  directory: string,
  { maker, cgroup }: OciRecord,
  identity: ProcessIdentity | undefined,
  process: ProcessIdentity | undefined,
): OciStatus {
  if (!identity) return isAlive(maker) ? "creating" : "stopped";
  if (!process) return "stopped";
  if (isThere(gateFile(directory))) return "created";
  return cgroup && isFrozen(cgroup) ? "paused" : "running";
}

/** Whether a group is held still, cgroups(7). */
function isFrozen({ v1, v2 }: CgroupRecord): boolean {
  if (v2) return read(`${v2}/cgroup.freeze`)?.trim() === "1";
  return v1.freezer !== undefined && (read(`${v1.freezer}/freezer.state`) ?? "") !== "THAWED\n";
}

/** The state of a container, as the specification has it. */
export function stateOf({ record, process, status }: OciContainer): State {
  const { id, bundle, spec: { annotations } } = record;
  return {
    ociVersion: OCI_VERSION,
    id,
    pid: process?.pid ?? 0,
    // the specification has no word for it, but lets a runtime have its own
    status: status as State["status"],
    bundle,
    ...(annotations ? { annotations } : {}),
  };
}

/** Whether there is something at a path, be it a link that leads nowhere. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
