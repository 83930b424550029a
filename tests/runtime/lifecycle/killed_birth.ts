/**
 * A start that is killed at one of its calls, many of them from one process.
 *
 * The start's program is walked by a copy of this process that runs no JavaScript: it stands for
 * the command, and can be killed as one. A gate before one call says in shared memory that it was
 * reached, and waits. So a kill costs milliseconds, and no command line has to be started for it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { SIG, W } from "../../../ffi/constants.ts";
import { attempt, libc } from "../../../ffi/libc.ts";
import { STEP } from "../../../ffi/machine.ts";
import type { Memory, Ref } from "../../../ffi/memory.ts";
import type { Program, Step, Weave } from "../../../ffi/program.ts";
import { cloneArgs } from "../../../ffi/structs.ts";
import { draft } from "../../../runtime/birth/launch.ts";
import { jump } from "../../../runtime/birth/jump.ts";
import type { Prepared } from "../../../runtime/prepare.ts";
import { claimFile, clearLeftovers, readIdentity } from "../../../runtime/records.ts";
import {
  formatStat,
  identify,
  isAlive,
  parseStat,
  type ProcessIdentity,
} from "../../../runtime/processes.ts";

/** A process that has ended: its number may be anybody's by now, its start cannot. */
export async function deadProcess(): Promise<ProcessIdentity> {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const identity = identify(child.pid)!;
  child.kill("SIGKILL");
  await child.status;
  return identity;
}

/** What the next command does first. A claim without a word in it is made to look old before. */
export async function clearAfter(root: string, id: string): Promise<void> {
  try {
    const claim = claimFile(root, id);
    if (Deno.statSync(claim).size === 0) Deno.utimeSync(claim, 0, 0);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await clearLeftovers(root);
  // another kill's next command may be clearing it away just now
  while (isDead(root, id)) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await clearLeftovers(root);
  }
}

/** Whether there is a claim on a container, and it is a dead process's, or a removal's. */
export function isDead(root: string, id: string): boolean {
  const claim = claimFile(root, id);
  const owner = readIdentity(claim);
  if (owner) return !isAlive(owner);
  try {
    return Deno.statSync(claim).size > 0;
  } catch {
    return false;
  }
}

/** Who is killed at a call: the command that starts the container, or the container's monitor. */
export type Victim = "command" | "monitor";

/** Puts a gate before one call of a birth, and a process for the command in front of all. */
class Gate implements Weave {
  /** the process that stands for the command */
  command!: Ref;
  private seen = 0;
  private reached!: Memory;
  private opened!: Memory;

  constructor(private readonly at: number) {}

  before(program: Program, _step: Step): void {
    if (this.seen === 0) {
      this.reached = program.arena.allocate(8, "reached");
      this.opened = program.arena.allocate(8, "opened");
      this.command = program.call("the command", { fork: {} }).clone3(cloneArgs(0), 88);
    }
    if (this.seen++ !== this.at) return;
    const [around, on] = [program.label(), program.label()];
    program.call("it has come so far").memset(this.reached, 1, 1);
    program.place(around);
    program.call("wait").poll(null, 0, 1);
    program.call("is it open?", { onNonzero: on }).labs(this.opened.at(0));
    jump(program, around, "no");
    program.place(on);
  }

  /** Whether somebody stands at the gate. */
  get isReached(): boolean {
    return this.reached.bytes[0] !== 0;
  }

  open(): void {
    this.opened.bytes[0] = 1;
  }
}

/**
 * Has the command's claim say that it was a process's that is dead, once it is: a copy of this
 * process stood for the command, and this one's identity is in it. The monitor's own claim, which
 * takes its place by rename(2), is another file.
 */
function disown(path: string, dead: ProcessIdentity): void {
  try {
    using claim = Deno.openSync(path, { read: true, write: true });
    const text = new Uint8Array(512);
    claim.readSync(text);
    if (parseStat(new TextDecoder().decode(text))?.pid !== Deno.pid) return;
    claim.seekSync(0, Deno.SeekMode.Start);
    claim.writeSync(new TextEncoder().encode(formatStat(dead)));
    claim.truncateSync(formatStat(dead).length);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * The calls at which somebody could be killed.
 *
 * @param every of the calls of the container's first process, only each so many
 */
export function pointsOf(prepared: Prepared, victim: Victim, every = 1): number[] {
  const { program: { steps }, monitor, clone } = prepared.draft.birth;
  const all = steps.map((_, i) => i);
  const [made, child] = [steps.indexOf(monitor!), steps.indexOf(clone)];
  const last = steps.findIndex(({ name }) => name === "execve");
  if (victim === "command") {
    return all.filter((i) => i <= last && (i <= child || (i - child) % every === 0));
  }
  const watch = steps.findIndex(({ why }) => why === "the child is in it");
  return all.filter((i) => i > made && i <= child || i >= watch);
}

/**
 * Carries a start out as far as one call, and kills somebody there.
 *
 * @returns false where that call was not made
 */
export async function killAt(
  prepared: Prepared,
  { at, victim, dead }: { at: number; victim: Victim; dead: ProcessIdentity },
): Promise<boolean> {
  const gate = new Gate(at);
  const { request } = prepared.draft;
  const { birth } = draft(request, { denySetgroups: false }, gate);
  const { program, monitor, clone, line } = birth;
  stayUntilBorn(program, monitor ?? clone, line);
  program.walk();
  const command = gate.command.value;
  try {
    while (!gate.isReached) {
      // what the monitor does is done when the command has ended long ago
      const hasEnded = attempt.waitpid(command, null, W.NOHANG) !== 0;
      if (victim === "command" && hasEnded && !gate.isReached) return false;
      if (victim === "monitor" && hasEnded && !identify(monitor!.result.value)) {
        return gate.isReached;
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    // it can be there before its maker has noted its number, and 0 is this whole process group
    while (victim === "monitor" && monitor!.result.value === 0) libc.poll(null, 0, 1);
    libc.kill(victim === "command" ? command : monitor!.result.value, SIG.KILL);
    if (victim === "command") assertEquals(attempt.waitpid(command, null, 0), command);
  } finally {
    disown(request.claim!.path, dead);
    gate.open();
  }
  return true;
}

/** The command's part goes on as that of a real one: it waits until execve(2) cuts the line. */
function stayUntilBorn(program: Program, clone: Step, line: Memory): void {
  const here = program.label();
  program.place(here);
  program.arena.setWord(clone.address + STEP.jump, here.address!);
  program.call("the child's end").close(line.at(4));
  program.call("the line's end").read(line.at(0), program.arena.allocate(8, "said"), 1);
  program.call("the command has ended")._exit(0);
}
