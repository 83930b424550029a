/**
 * A further process in a container that runs: everything that its first process is in is joined, and
 * then the process becomes its program as the first one did.
 *
 * A process in between does the joining. setns(2) takes a descriptor of the container's first
 * process and enters all of its namespaces in one call, whatever their order and whoever owns them;
 * by /proc/PID/ns one after the other, a process that ends in the middle could be taken for another.
 * What needs a file of the host's is done before that call, because after it the files of /proc and
 * /dev are what the container says they are.
 *
 * Whoever joins a PID namespace stays in its own, so the program is run by a child of the one in
 * between; CLONE_PARENT makes that a child of this process.
 *
 * @module
 */

import { CLONE, O, PR } from "../../ffi/constants.ts";
import type { Memory } from "../../ffi/memory.ts";
import type { Program, Step } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import type { CgroupJoin } from "../cgroups/plan.ts";
import type { LinuxNamespaceType, LinuxPersonality, Process } from "../spec.ts";
import { openTerminal, takeTerminal } from "./devices.ts";
import { writeFile } from "./files.ts";
import { jump } from "./jump.ts";
import type { Kept } from "./keep.ts";
import { checkParent, closeFrom, LINE, makeLine, SAYS, tieToParent, writeFailure } from "./line.ts";
import { NAMESPACE_FLAGS } from "./namespaces.ts";
import { becomeProcess, setOomScore } from "./process.ts";
import type { ProcessRequest } from "./request.ts";

/** What a further process is written from; nothing of it is touched by writing. */
export interface ExecRequest extends Omit<ProcessRequest, "spec" | "chapters"> {
  /** what runs, as whom, with which rights */
  process: Process;
  /** a descriptor of the container's first process, pidfd_open(2) */
  pidfd: number;
  /** the namespaces that it is in and this process is not */
  namespaces: readonly LinuxNamespaceType[];
  /** the control group: the directory of version 2 to be born in, and version 1's to be entered */
  cgroup: { into?: string; joins: readonly CgroupJoin[] };
  /** whether it has this process's standard input, output and errors, or /dev/null for some */
  streams: "shared" | "no input" | "none";
  /** notes which descriptors after standard error its program gets from this process */
  keeps?: (program: Program) => Kept;
  /** what few processes are given, and the module that writes it */
  traits?: { write: typeof import("./traits.ts"); personality?: LinuxPersonality };
}

/** A further process as written, and what this process needs of it. */
export interface Exec {
  /** the calls of all three processes, in order */
  program: Program;
  /** the step that makes the process in between */
  between: Step;
  /** the step that makes the process itself */
  clone: Step;
  /** the two ends of the line, as socketpair(2) leaves them */
  line: Memory;
}

/** The exit status of a process that could not become its program. */
const SETUP_FAILED = 125;

const TIED = "if the parent dies, the kernel kills this process";

/** Writes down how a process joins a container; nothing is touched. */
export function writeExec(program: Program, request: ExecRequest): Exec {
  const { process, namespaces } = request;
  program.phase("joining the container", 8);
  const line = makeLine(program);
  const kept = request.keeps?.(program);
  const between = clone(program, request);
  prepareInBetween(program, request, line, kept);
  join(program, request, kept);

  const [leave, on] = [program.label(), program.label()];
  const struct = cloneArgs(CLONE.PARENT + CLONE.CLEAR_SIGHAND);
  program.call("the process itself: in the pid namespace, and a child of this one's parent", {
    name: "pid",
    fork: { parent: leave },
  }).clone3(struct, struct.bytes.length);
  const step = program.steps.at(-1)!;
  jump(program, on, "the process goes on");
  program.place(leave);
  program.call("the process in between has done its work")._exit(0);
  program.place(on);

  tieToParent(program, TIED);
  checkParent(program, "is the parent still there? If not, this fails, and the process ends");
  if (namespaces.includes("user")) {
    program.call("the namespace's own root group…").setresgid(0, 0, 0);
    program.call("…and user: the host's ids may not be there at all").setresuid(0, 0, 0);
  }
  program.call("a session of its own: no terminal of the host's controls it").setsid();
  if (process.terminal) giveTerminal(program, process);
  if (process.execCPUAffinity?.final) {
    const why = "the processors that its program may run on";
    request.traits!.write.runOn(program, process.execCPUAffinity.final, why);
  }
  // who goes on without this process must not end with it
  if (!request.dieWithParent) {
    program.call("from here on it may outlive this command").prctl(PR.SET_PDEATHSIG, 0, 0, 0, 0);
  }
  becomeProcess(program, { ...request, spec: { ociVersion: "1.2.1", process } }, kept);
  writeFailure(program, SETUP_FAILED, { kept });
  return { program, between, clone: step, line };
}

/** Makes the process in between. */
function clone(program: Program, { cgroup }: ExecRequest): Step {
  const flags = cgroup.into ? CLONE.INTO_CGROUP : 0;
  const args = program.arena.allocate(88, "clone_args");
  const struct = cloneArgs(flags);
  args.bytes.set(struct.bytes);
  args.text = struct.text;
  if (cgroup.into) {
    const directory = program.call("the container's control group, to be born in", {
      name: "cgroup",
    }).open(cgroup.into, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
    args.text = struct.text.replace("}", ", cgroup=cgroup}");
    program.call("which cgroup to be born in").memcpy(args.address + 80, directory.address, 4);
  }
  program.call("a process in between: it joins, and makes the process itself", {
    name: "between",
    fork: {},
  }).clone3(args, args.bytes.length);
  return program.steps.at(-1)!;
}

/** What needs the host's files, or a right that the container's root has not. */
function prepareInBetween(
  program: Program,
  request: ExecRequest,
  line: Memory,
  kept: Kept | undefined,
): void {
  const { process, cgroup, streams, traits } = request;
  tieToParent(program, TIED);
  const end = line.at(4, "child's end");
  const moved = kept?.putAside(end);
  program.call("the line gets the number after standard error's", { allow: ["EINVAL"] })
    .dup3(moved?.line ?? end, LINE, O.CLOEXEC);
  checkParent(program, "is the parent still there? If not, this fails, and the process ends");
  for (const { path, why } of cgroup.joins) writeFile(program, path, "0", why);
  setOomScore(program, process);
  traits?.write.setTraits(program, process, traits.personality);
  if (process.execCPUAffinity?.initial) {
    const why = "the processors that it may run on until its program does";
    traits!.write.runOn(program, process.execCPUAffinity.initial, why);
  }
  if (streams !== "shared" && !process.terminal) takeNothing(program, streams);
  program.call("nobody in the container may look into a process that is still half the host's")
    .prctl(PR.SET_DUMPABLE, 0, 0, 0, 0);
}

/** Puts the host's /dev/null in place of streams; the container's could be anything. */
function takeNothing(program: Program, streams: "no input" | "none"): void {
  const nothing = program.call("nothing to read, and nobody who listens", { name: "nothing" })
    .open("/dev/null", O.RDWR | O.CLOEXEC, 0);
  for (const fd of streams === "none" ? [0, 1, 2] : [0]) {
    program.call("in place of what this command itself has").dup3(nothing, fd, 0);
  }
}

/** Enters the container. */
function join(
  program: Program,
  { namespaces, pidfd }: ExecRequest,
  kept: Kept | undefined,
): void {
  program.phase("namespaces", 2);
  const flags = namespaces.reduce((sum, type) => sum + NAMESPACE_FLAGS[type], 0);
  if (flags) {
    const slot = program.arena.allocate(8, "first process");
    program.arena.setWord(slot.address, pidfd);
    program.call("all namespaces of the container's first process; its root becomes this one's")
      .setns(slot.at(0, "first process"), flags);
  }
  closeFrom(program, kept?.firstToClose ?? LINE + 1);
}

/** A terminal in the container's own devpts. */
function giveTerminal(program: Program, process: Process): void {
  const { height = 24, width = 80 } = process.consoleSize ?? {};
  program.phase("devices", 3);
  const terminal = openTerminal(program, {
    socket: LINE,
    byte: SAYS.terminal,
    rows: height,
    columns: width,
    owner: process.user.uid,
  });
  takeTerminal(program, terminal);
}
