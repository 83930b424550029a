/**
 * A birth carried out: the program is walked, and the parent does its part of the conversation.
 *
 * @module
 */

import { later } from "../later.ts";
import { SIG } from "../../ffi/constants.ts";
import { attempt, libc, offthread } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { STEP } from "../../ffi/machine.ts";
import { receive, send } from "../../ffi/messages.ts";
import { Program, type Step, type Weave } from "../../ffi/program.ts";
import { writeBirth } from "./birth.ts";
import { joinCgroup } from "./cgroup.ts";
import { walkAlone } from "./executable.ts";
import { SAYS } from "./line.ts";
import type { MapWriter } from "./maps.ts";
import { candidates } from "./process.ts";
import type { Birth, BirthRequest } from "./request.ts";

/** A container whose program runs. */
export interface Launched {
  /** the process id of its first process, as the host counts */
  pid: number;
  /** the master of its terminal, if it has one and no monitor; whoever gets it closes it */
  terminal?: number;
  /** the process id of its monitor, if it has one: whoever launched it waits for that */
  monitor?: number;
}

/** What is done with a failed child before it is let go: see diagnosis.ts. */
export type Examine = (failure: Failure) => Promise<Error>;

/** A start that failed, while the child is still held where it fell. */
export interface Failure {
  /** what was to be started */
  request: FailedRequest;
  /** the program that was walked */
  program: Program;
  /** the step that failed */
  step: Step;
  /** the child, or undefined when the parent's own part failed */
  pid?: number;
  /** another process with the same root, where the child's own is closed to whoever looks */
  root?: number;
}

/** As much of what was to be started as tells why it failed. */
export type FailedRequest = Pick<BirthRequest, "spec" | "seccomp" | "directories" | "cgroup">;

/** A birth written down, ready to be read or to be carried out. */
export interface Draft {
  /** what is to be started */
  request: BirthRequest;
  /** the program that starts it */
  birth: Birth;
  /** the parent's calls while the child waits; the pid is not known before there is one */
  attend(task: Task, pid: number | "PID"): Promise<Attendance | undefined>;
  /** the programs of these calls that were made, in their order */
  attended: Program[];
  /** walks a part of the parent's, as a debugger does with stops; unless given, at once */
  walk?(program: Program): Promise<void>;
}

/** What the parent does for the child: its user and group maps, and its network. */
export type Task = "maps" | "network";

/** The parent's calls for the child. */
export interface Attendance extends Partial<Disposable> {
  /** the calls */
  program: Program;
  /** looks at what came of the programs that they run. @throws {Error} where one of them failed */
  check(): void | Promise<void>;
}

const spare: Arena[] = [];
const ARENA_SIZE = 1 << 20;

/** Memory for a birth: one that an earlier birth has finished with, or a new one. */
function takeArena(request: BirthRequest, steps: number): Arena {
  const { args = [], env = [] } = request.spec.process;
  // strings take at most three bytes a character, and what a test or a tool passes may be long
  const strings = [...args, ...env].reduce((sum, text) => sum + text.length * 3 + 16, 0);
  const files = request.files.reduce((sum, file) => sum + file.content.length * 3, 0);
  // a step has strings of its own
  const more = strings + files + (steps - STEPS) * (STEP.size + 64);
  if (more > ARENA_SIZE / 2) return new Arena(ARENA_SIZE + more);
  const arena = spare.pop() ?? new Arena(ARENA_SIZE);
  arena.reset(0);
  return arena;
}

/** How many steps a birth takes at most, but for what there can be any number of. */
const STEPS = 512;

/** Room for the calls: each mount, device and directory of PATH takes some more. */
function stepsOf({ spec, directories, files }: BirthRequest): number {
  const { mounts = [], linux: { devices = [], sysctl = {} } = {}, process } = spec;
  const few = devices.length + directories.length + files.length + Object.keys(sysctl).length;
  return STEPS + 16 * mounts.length + 4 * few + 2 * candidates(process).length;
}

/** Writes down a birth. @param weave steps around each call, for traces and debuggers */
export function draft(request: BirthRequest, writer: MapWriter, weave?: Weave): Draft {
  const steps = stepsOf(request) * (weave ? 4 : 1);
  const program = new Program(takeArena(request, steps), weave, steps);
  const birth = writeBirth(program, request);
  const attend = async (task: Task, pid: number | "PID"): Promise<Attendance | undefined> => {
    if (task === "network") return await request.network?.connect(pid, weave);
    if (!birth.waitsForMaps) return;
    const { checkHelpers, writeMaps } = await later<typeof import("./maps.ts")>(
      import.meta,
      "./maps.ts",
    );
    const program = new Program(new Arena(1 << 16), weave, 128);
    const helpers = writeMaps(program, pid, request.spec, writer);
    // the child itself has no right to the host's cgroup files any more
    if (birth.joinsWithMaps) joinCgroup(program, request.cgroup!, pid);
    return { program, check: () => checkHelpers(helpers) };
  };
  return { request, birth, attend, attended: [] };
}

/** Containers of this process that have been launched and have not ended: see {@linkcode ended}. */
let running = 0;

/** Says that a container that was launched has ended. */
export function ended(): void {
  running--;
}

/**
 * Carries out a birth.
 *
 * @throws what `examine` makes of a failed step; nothing of the child is left then
 */
export async function launch(draft: Draft, examine: Examine): Promise<Launched> {
  const { birth: { program, clone, between, line, cgroup, monitor, lock } } = draft;
  try {
    await walk(draft, program);
  } catch (error) {
    closeAll(draft.birth);
    const step = program.failed;
    throw step ? await examine({ request: draft.request, program, step }) : error;
  }
  const ours = line.at(0).value;
  libc.close(line.at(4).value);
  if (cgroup) libc.close(cgroup.value);
  let terminal: number | undefined;
  try {
    terminal = await converse(draft, ours, examine);
  } catch (error) {
    // all that this process has made, and has to wait for
    const children = [monitor, monitor ? undefined : between, monitor ? undefined : clone];
    for (const pid of children.map((step) => step?.result.value ?? 0)) {
      if (pid <= 0) continue;
      attempt.kill(pid, SIG.KILL);
      attempt.waitpid(pid, null, 0);
    }
    throw error;
  } finally {
    attempt.close(ours);
    if (lock) attempt.close(lock.value);
  }
  const pid = childOf(draft)!;
  // a monitor goes on to use its program
  if (monitor) return { pid, monitor: monitor.result.value };
  if (between) libc.waitpid(between.result.value, null, 0);
  running++;
  if (program.arena.size === ARENA_SIZE) spare.push(program.arena);
  return { pid, terminal };
}

/**
 * The container's first process, as the host counts. A monitor makes it at the same time as this
 * process goes on, and the child can be quicker than its maker to say something.
 *
 * @returns `undefined` where there is none: its maker has failed
 */
function childOf({ birth: { clone, program } }: Draft): number | undefined {
  while (clone.result.value === 0) {
    const { failed } = program;
    if (failed && program.steps.indexOf(failed) <= program.steps.indexOf(clone)) return undefined;
    libc.poll(null, 0, 1);
  }
  return clone.result.value;
}

/** Makes the parent's calls. */
async function walk(draft: Draft, program: Program): Promise<void> {
  if (draft.walk) await draft.walk(program);
  else walkAlone(program, draft.request.executable);
}

/** Closes what the parent's part had opened when it failed; a slot that is still 0 was not reached. */
function closeAll({ line, cgroup, lock }: Birth): void {
  const opened = [line.at(0), line.at(4), ...(cgroup ? [cgroup] : []), ...(lock ? [lock] : [])];
  for (const { value } of opened) if (value > 0) attempt.close(value);
}

/** Does a part of the parent's for the child. */
async function attend(draft: Draft, task: Task, examine: Examine): Promise<void> {
  const { request } = draft;
  const pid = childOf(draft);
  const attendance = pid && await draft.attend(task, pid);
  if (!attendance) return;
  const { program } = attendance;
  draft.attended.push(program);
  try {
    await walk(draft, program);
    await attendance.check();
  } catch (error) {
    const step = program.failed;
    throw step ? await examine({ request, program, step, pid }) : error;
  } finally {
    attendance[Symbol.dispose]?.();
  }
}

/** Answers the child until execve(2) cuts the line. @returns the terminal's master */
async function converse(
  draft: Draft,
  line: number,
  examine: Examine,
): Promise<number | undefined> {
  const { request, birth: { program } } = draft;
  let terminal: number | undefined;
  // the child builds its root meanwhile, and asks when it cannot go on without
  if (!draft.birth.waitsForMaps) await attend(draft, "network", examine);
  for (;;) {
    // the only container has nobody to wait for it meanwhile, and a thread of its own would be dear
    const { byte, descriptor } = await receive(line, running || draft.walk ? offthread : libc);
    // a filter that forbids the child to say so ends it without a word
    if (byte === "" && !program.failed) return terminal;
    // it has become all but its program, and the rest is for whoever opens its gate
    if (byte === SAYS.gate) return terminal;
    if (byte === SAYS.terminal) terminal = descriptor;
    if (byte === SAYS.waiting) {
      await attend(draft, "maps", examine);
      send(line, SAYS.waiting);
      await attend(draft, "network", examine);
    }
    if (byte === SAYS.network) send(line, SAYS.network);
    const answer = request.chapters?.answers?.[byte];
    if (answer) {
      await answer(childOf(draft)!, draft.birth);
      send(line, byte);
    }
    if (byte === SAYS.failed || byte === "") {
      if (terminal !== undefined) attempt.close(terminal);
      throw await examine({ request, program, step: program.failed!, pid: childOf(draft) });
    }
  }
}
