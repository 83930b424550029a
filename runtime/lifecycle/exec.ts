/**
 * `exec`: what a further process in a container is, worked out from the container's record and from
 * the container as it is now.
 *
 * It has what the first process was given, unless it is told otherwise: environment, directory,
 * user, rights, limits, and the same filter of system calls. The user is looked up in the files of
 * the container that runs: somebody may have added one.
 *
 * @module
 */

import { boundingSet } from "../capabilities.ts";
import { type ContainerInfo, findContainer } from "../containers.ts";
import { ContainerEndedError, type ExecTarget } from "../exec.ts";
import type { ResolvedUser } from "../image_config/options.ts";
import { profileOf } from "../prepare.ts";
import { loadSeccomp, seccompFlags } from "../seccomp/load.ts";
import type { ConsoleSize, LinuxCapabilities, LinuxIDMapping, Process, User } from "../spec.ts";
import { resolveUser } from "../users.ts";
import { isMapped } from "../image_config/namespaces.ts";
import { StateError } from "./state_error.ts";

/** What is asked of a further process. */
export interface ExecWish {
  /** the program and its arguments */
  command: string[];
  /** gives it a terminal */
  terminal?: boolean;
  /** the terminal's first size */
  consoleSize?: ConsoleSize;
  /** `KEY=value` sets; `KEY` alone takes away what the container has */
  env?: string[];
  /** names or numbers, as in Docker's `--user`; unless given, the container's own */
  user?: string;
  /** where it starts; unless given, where the container's first process did */
  workdir?: string;
  /** every capability, where the container may have fewer */
  privileged?: boolean;
}

/** What is started, and where. */
export interface ExecPlan {
  /** the container as it is now */
  info: ContainerInfo;
  /** what is joined */
  target: ExecTarget;
  /** what is run */
  process: Process;
}

/**
 * Works out a further process of a container.
 *
 * @param name the container's name, its id, or the beginning of its id
 * @throws {StateError} where the container does not run, or is paused
 * @throws {UserError} for a user that the container does not know
 */
export async function planExec(dataRoot: string, name: string, wish: ExecWish): Promise<ExecPlan> {
  const info = await findContainer(dataRoot, name);
  const { record, process: first } = info;
  if (info.state === "paused") {
    throw new StateError(`${name} is paused: tiffin unpause ${name} lets it go on`);
  }
  if (!first || info.state !== "running") {
    throw new StateError(`${name} is not running: tiffin start ${name} starts it`);
  }
  if (!record.process) {
    throw new StateError(`${name} was made by an older Tiffin, which did not keep what it needs`);
  }
  const process = processOf(info, record.process, first.pid, wish);
  const profile = await profileOf(record.request, record.process.capabilities?.bounding ?? []);
  const seccomp = profile && {
    filter: await loadSeccomp(`${dataRoot}/cache`, profile),
    flags: seccompFlags(profile),
  };
  return { info, target: { process: first, cgroup: record.cgroup, seccomp }, process };
}

function processOf(info: ContainerInfo, own: Process, pid: number, wish: ExecWish): Process {
  const { request } = info.record;
  const image = typeof request.from === "string" ? undefined : request.from.config.config;
  const found = wish.user === undefined ? undefined : findUser(pid, wish.user, request.groups);
  const user = found ?? own.user;
  const isHomeGiven = [...image?.Env ?? [], ...request.options.env ?? []]
    .some((entry) => /^HOME=./.test(entry));
  const env = [
    ...own.env ?? [],
    ...found && !isHomeGiven ? [`HOME=${found.home || "/"}`] : [],
    ...wish.terminal && !own.terminal ? defaultTerm(own.env) : [],
    ...wish.env ?? [],
  ];
  return {
    ...own,
    terminal: wish.terminal ?? false,
    consoleSize: wish.consoleSize,
    args: wish.command,
    env: merged(env),
    cwd: wish.workdir ?? own.cwd,
    user: { uid: user.uid, gid: user.gid, umask: own.user.umask, ...groupsOf(user) },
    capabilities: capabilitiesFor(user.uid, own, wish.privileged ?? false),
  };
}

/** Looks a user up in the container's own files, and keeps the groups that exist in it. */
function findUser(
  pid: number,
  wanted: string,
  groups: readonly string[] = [],
): User & Pick<ResolvedUser, "home"> {
  try {
    const { user, groupAdd } = resolveUser([`/proc/${pid}/root`], wanted, groups);
    const { uid, gid, home, additionalGids } = user;
    const maps = groupMap(pid);
    const all = [gid, ...additionalGids].filter((id) => isMapped(id, maps));
    const isDenied = Deno.readTextFileSync(`/proc/${pid}/setgroups`).startsWith("deny");
    const own = isDenied ? [] : [...all, ...groupAdd];
    return { uid, gid, home, additionalGids: [...new Set(own)] };
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    throw new ContainerEndedError("the container has ended");
  }
}

/** The groups that there are in a process's user namespace, user_namespaces(7). */
function groupMap(pid: number): LinuxIDMapping[] {
  return Deno.readTextFileSync(`/proc/${pid}/gid_map`).trim().split("\n").map((line) => {
    const [containerID, hostID, size] = line.trim().split(/\s+/).map(Number);
    return { containerID, hostID, size };
  });
}

function groupsOf({ additionalGids = [] }: User): Pick<User, "additionalGids"> {
  return additionalGids.length > 0 ? { additionalGids } : {};
}

/** Root has what the container has; anyone else has none to begin with, as execve(2) does it. */
function capabilitiesFor(uid: number, own: Process, privileged: boolean): LinuxCapabilities {
  const bounding = privileged
    ? boundingSet(Deno.readTextFileSync("/proc/self/status"))
    : own.capabilities?.bounding ?? [];
  return uid === 0 ? { bounding, effective: bounding, permitted: bounding } : { bounding };
}

function defaultTerm(env: readonly string[] = []): string[] {
  return env.some((entry) => entry.startsWith("TERM=")) ? [] : ["TERM=xterm"];
}

/** A later value takes an earlier one's place; a name without a value takes it away. */
function merged(entries: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const entry of entries) {
    const name = entry.split("=", 1)[0];
    if (name === entry) found.delete(name);
    else found.set(name, entry);
  }
  return [...found.values()];
}
