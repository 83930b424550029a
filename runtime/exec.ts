/**
 * A further process in a container that runs, from its start to its end: birth/exec.ts carried out.
 *
 * What is joined is found out from the kernel and not from records: the namespaces that the
 * container's first process is in now, and the control group that it sits in. A descriptor of that
 * process is taken first and its start time compared after, so nobody who has got its number since
 * can be meant.
 *
 * @module
 */

import { SIG } from "../ffi/constants.ts";
import { attempt, libc } from "../ffi/libc.ts";
import { Arena } from "../ffi/memory.ts";
import { STEP } from "../ffi/machine.ts";
import { receive } from "../ffi/messages.ts";
import { Program, type Weave } from "../ffi/program.ts";
import { type Exec, type ExecRequest, writeExec } from "./birth/exec.ts";
import { ownExecutable } from "./birth/executable.ts";
import type { FailedRequest } from "./birth/launch.ts";
import { SAYS, waitFor, walkWithLine } from "./birth/line.ts";
import { NAMESPACE_FLAGS } from "./birth/namespaces.ts";
import { candidates, ignoredSignals, type SeccompFilter } from "./birth/process.ts";
import { type CgroupRecord, joinsOf } from "./cgroups/plan.ts";
import { later } from "./later.ts";
import { type Exit, isAlive, type ProcessIdentity, readWaitStatus } from "./processes.ts";
import type { LinuxNamespaceType, LinuxPersonality, Process } from "./spec.ts";

/** A container that a process can be started in. */
export interface ExecTarget {
  /** its first process */
  process: ProcessIdentity;
  /** its control group */
  cgroup?: CgroupRecord;
  /** its filter of system calls */
  seccomp?: SeccompFilter;
  /** its execution domain */
  personality?: LinuxPersonality;
}

/** How a further process is started. */
export interface ExecOptions {
  /** `none`: /dev/null for all three; a process with a terminal has that. Default `shared` */
  streams?: ExecRequest["streams"];
  /** whether it goes on when this process ends. Default false: it is killed then */
  outlives?: boolean;
  /** how many descriptors after standard error are passed on to it. Default none */
  keep?: number;
}

/** A process that could be started in a container; disposing of it lets go of the container. */
export interface PreparedExec extends Disposable {
  /** how it joins, written down */
  exec: Exec;
  /** the container */
  target: ExecTarget;
  /** what a diagnosis is told */
  request: FailedRequest;
}

/** The container has ended before anything could be started in it. */
export class ContainerEndedError extends Error {
  /** always `"ContainerEndedError"` */
  override name = "ContainerEndedError";
}

/**
 * Works out how a process joins a container; nothing is touched.
 *
 * @param weave steps around each call, for traces
 * @throws {ContainerEndedError} where the container's first process is not there any more
 */
export async function prepareExec(
  target: ExecTarget,
  process: Process,
  { streams = "shared", outlives = false, keep = 0 }: ExecOptions = {},
  weave?: Weave,
): Promise<PreparedExec> {
  const { pid } = target.process;
  const pidfd = attempt.pidfd_open(pid, 0);
  try {
    if (pidfd < 0 || !isAlive(target.process)) throw ended();
    const status = Deno.readTextFileSync("/proc/self/status");
    const namespaces = foreignNamespaces(pid);
    const request: ExecRequest = {
      process,
      pidfd,
      namespaces,
      cgroup: target.cgroup
        ? { into: currentGroup(target.cgroup, pid), joins: joinsOf(target.cgroup) }
        : { joins: [] },
      streams,
      keeps: keep ? await keepsOf(keep) : undefined,
      traits: await traitsOf(process, target.personality),
      seccomp: target.seccomp,
      ignoredSignals: ignoredSignals(status),
      executable: ownExecutable(),
      mayChangeGroups: mayChangeGroups(pid),
      dieWithParent: !outlives,
    };
    // all of it was read of one and the same process
    if (!isAlive(target.process)) throw ended();
    const paths = candidates(process);
    // a trace writes three further steps to each
    const steps = (STEPS + paths.length) * (weave ? 4 : 1);
    const program = new Program(arenaFor(process, paths, steps, request.seccomp), weave, steps);
    const exec = writeExec(program, request);
    const { seccomp } = target;
    const spec = { ociVersion: "1.2.1", process, linux: { namespaces: [] } };
    return {
      exec,
      target,
      request: { spec, seccomp, directories: [] },
      [Symbol.dispose]: () => void attempt.close(pidfd),
    };
  } catch (error) {
    if (pidfd >= 0) attempt.close(pidfd);
    throw error instanceof Deno.errors.NotFound ? ended() : error;
  }
}

function ended(): ContainerEndedError {
  return new ContainerEndedError("the container has ended");
}

/** More than any process takes, but for one step for each directory of PATH. */
const STEPS = 512;

/** Memory for the calls: what a test or a tool passes may be long. */
function arenaFor(
  { args = [], env = [] }: Process,
  paths: string[],
  steps: number,
  seccomp?: SeccompFilter,
): Arena {
  const strings = [...args, ...env, ...paths].reduce((sum, text) => sum + text.length * 3 + 16, 0);
  return new Arena((1 << 19) + steps * STEP.size + strings + (seccomp?.filter.length ?? 0));
}

/** The namespaces that a process is in and this one is not, by the kernel's own names for them. */
function foreignNamespaces(pid: number): LinuxNamespaceType[] {
  const types = Object.keys(NAMESPACE_FLAGS) as LinuxNamespaceType[];
  return types.filter((type) => {
    const file = FILES[type] ?? type;
    const own = linkOf(`/proc/self/ns/${file}`);
    // a kernel without time namespaces has no file for them
    return own !== undefined && Deno.readLinkSync(`/proc/${pid}/ns/${file}`) !== own;
  });
}

/** The files of /proc/PID/ns that are not named as the specification names their type. */
const FILES: Partial<Record<LinuxNamespaceType, string>> = { mount: "mnt", network: "net" };

function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

/**
 * The directory of version 2 that the container's first process is in. A container that makes groups
 * of its own, as systemd does, has nobody in the one that it was given, and nobody may enter that.
 */
function currentGroup({ v2 }: CgroupRecord, pid: number): string | undefined {
  if (!v2) return undefined;
  const [, path = ""] = /^0::(.*)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/cgroup`)) ?? [];
  const name = v2.slice(v2.lastIndexOf("/"));
  const at = `${path}/`.indexOf(`${name}/`);
  const below = at < 0 ? "" : path.slice(at + name.length);
  return below.split("/").includes("..") ? v2 : v2 + below;
}

/** Whether setgroups(2) is allowed in a process's user namespace, user_namespaces(7). */
function mayChangeGroups(pid: number): boolean {
  return Deno.readTextFileSync(`/proc/${pid}/setgroups`).trim() !== "deny";
}

async function keepsOf(count: number): Promise<ExecRequest["keeps"]> {
  const { Kept } = await later<typeof import("./birth/keep.ts")>(
    import.meta,
    "./birth/keep.ts",
  );
  return (program) => new Kept(program, count);
}

async function traitsOf(
  process: Process,
  personality: LinuxPersonality | undefined,
): Promise<ExecRequest["traits"]> {
  const { scheduler, apparmorProfile, selinuxLabel, execCPUAffinity } = process;
  if (!personality && !scheduler && !apparmorProfile && !selinuxLabel && !execCPUAffinity) return;
  const write = await later<typeof import("./birth/traits.ts")>(
    import.meta,
    "./birth/traits.ts",
  );
  return { write, personality };
}

/** A process that was started in a container. */
export class ExecProcess {
  #hasEnded = false;

  /** Takes charge of a process that {@linkcode startExec} has started. */
  constructor(
    /** its process id, as the host counts */
    readonly pid: number,
    /** the master of its terminal, if it has one; whoever started the process closes it */
    readonly terminal: number | undefined,
  ) {}

  /** Sends it a signal; one that has ended already gets none. */
  signal(signal: number): void {
    if (!this.#hasEnded) attempt.kill(this.pid, signal);
  }

  /** Waits until it has ended. */
  async wait(): Promise<Exit> {
    return readWaitStatus(await waitFor(this.pid, () => this.#hasEnded = true));
  }
}

/**
 * Starts what was prepared, as a child of this process.
 *
 * @throws {StartError} where a call fails; nothing of the process is left then
 */
export async function startExec(prepared: PreparedExec): Promise<ExecProcess> {
  const { program, between, line } = prepared.exec;
  const cgroup = program.steps.find((step) => step.options.name === "cgroup")?.result;
  try {
    walkWithLine(program, line);
  } catch (error) {
    throw program.failed ? await examine(prepared) : error;
  } finally {
    if (cgroup && cgroup.value > 0) attempt.close(cgroup.value);
  }
  const ours = line.at(0).value;
  libc.close(line.at(4).value);
  try {
    const terminal = await converse(prepared, ours);
    return new ExecProcess(prepared.exec.clone.result.value, terminal);
  } catch (error) {
    end(prepared.exec.clone.result.value);
    attempt.kill(between.result.value, SIG.KILL);
    throw error;
  } finally {
    attempt.close(ours);
    attempt.waitpid(between.result.value, null, 0);
  }
}

/** Ends a process that has not become its program. */
function end(pid: number): void {
  if (pid <= 0) return;
  attempt.kill(pid, SIG.KILL);
  attempt.waitpid(pid, null, 0);
}

/** Listens until execve(2) cuts the line. @returns the terminal's master */
async function converse(prepared: PreparedExec, line: number): Promise<number | undefined> {
  const { program, clone } = prepared.exec;
  let terminal: number | undefined;
  for (;;) {
    const { byte, descriptor } = await receive(line);
    if (byte === SAYS.terminal) terminal = descriptor;
    else if (byte === "" && !program.failed && clone.result.value > 0) return terminal;
    else if (byte === SAYS.failed || byte === "") {
      if (terminal !== undefined) attempt.close(terminal);
      throw program.failed ? await examine(prepared) : ended();
    }
  }
}

async function examine({ exec, request, target }: PreparedExec): Promise<Error> {
  // whatever failed then, it is no wonder: ESRCH of setns(2), ENOMEM of a pid namespace that ends
  if (!isAlive(target.process)) return ended();
  const { program, clone } = exec;
  const diagnosis = await later<typeof import("./diagnosis.ts")>(import.meta, "./diagnosis.ts");
  const pid = clone.result.value || undefined;
  const root = pid && target.process.pid;
  return await diagnosis.examine({ request, program, step: program.failed!, pid, root });
}
