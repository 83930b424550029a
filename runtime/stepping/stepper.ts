/**
 * A debugger for a container's birth: it stops before each call, and says after each what it did.
 *
 * The calls are those that `run` makes, with gates between them (gates.ts). Somebody who is told of
 * each call decides when it is made; the container is started by container.ts all the same.
 *
 * The child is traced, ptrace(2), for three reasons: it is killed when this process is, whatever
 * its credentials were changed to; a signal that stops it can be passed on; and the moment after
 * execve(2), before the program's first instruction, can be looked at.
 *
 * @module
 */

import { PTRACE, PTRACE_O, SIG, W } from "../../ffi/constants.ts";
import { isErrno } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import type { Outcome, Program, Step, Weave } from "../../ffi/program.ts";
import type { Draft } from "../birth/launch.ts";
import { LINE } from "../birth/line.ts";
import { readHostFile } from "../host_files.ts";
import type { Prepared } from "../prepare.ts";
import { type Change, compare, isMeantToChange, unchanged } from "./changes.ts";
import { lookAtFiles } from "./files.ts";
import { type Gate, Gates, type Maker } from "./gates.ts";
import { look, type View } from "./look.ts";
import type { Question } from "./questions.ts";

/** A call that is about to be made. */
export interface Stop {
  /** its place in the birth's list, from 1; calls that the parent makes for the child have none */
  number?: number;
  /** the call */
  step: Step;
  /** the program that it is of */
  program: Program;
  /** who makes it */
  by: Maker;
  /** the child, once there is one */
  pid?: number;
}

/** What came of a call. */
export interface Happened {
  /** its result; nothing where it was not seen to return, as after a good execve(2) */
  outcome?: Outcome;
  /** what is otherwise than before */
  changes: Change[];
  /** of a call that has changed nothing: what it has set to what it was already */
  unchanged: Change[];
}

/** Somebody who is told of each call, before and after it. */
export interface Audience {
  /** Whether it wants to know what the call changes: looking takes longer than the call. */
  isCurious?(stop: Stop): boolean;
  /** Lets the call be made when it settles. @throws {Quit} to end it all */
  before(stop: Stop): Promise<void>;
  /** Is told what the call did. @throws {Quit} to end it all */
  after(stop: Stop, happened: Happened): Promise<void>;
}

/** Somebody does not want the container any more. */
export class Quit extends Error {
  /** The class's name, for messages. */
  override name = "Quit";
}

/** Where a child stands that was let on. */
type Arrival = Gate | "become" | "failed" | "gone";

/** Follows one birth. */
export class Stepper implements Weave {
  private readonly gates = new Gates();
  private draft?: Draft;
  private pid?: number;
  private following: Promise<void> = Promise.resolve();

  /**
   * Follows nothing before {@linkcode Stepper.conduct}.
   *
   * @param audience who is told of each call
   */
  constructor(private readonly audience: Audience) {}

  /** Weaves a gate in. */
  before(program: Program, step: Step): void {
    this.gates.before(program, step);
  }

  /** Weaves in what is asked behind a call. */
  after(program: Program, step: Step): void {
    this.gates.after(program, step);
  }

  /** Takes charge of a birth that was written with this as its weave, before it begins. */
  conduct(prepared: Prepared): void {
    const take = (draft: Draft) => {
      draft.walk = (program) => this.#walk(program);
      this.draft = draft;
      return draft;
    };
    take(prepared.draft);
    const { claim } = prepared;
    // who claims a network writes the birth anew where somebody else was quicker
    if (claim) prepared.claim = async () => take(await claim());
  }

  /** The calls of the birth, without those that the parent makes for the child later. */
  get steps(): readonly Step[] {
    return this.draft?.birth.program.steps ?? [];
  }

  /**
   * Waits until the child has become its program, and lets that run.
   *
   * @throws {Quit} where the audience wanted no more: the child has been killed then
   */
  async end(): Promise<void> {
    await this.following;
  }

  /** Walks a part of the parent's, call by call. */
  async #walk(program: Program): Promise<void> {
    const { program: birth, clone } = this.draft!.birth;
    const isSeen = program === birth || await this.#childWaits(birth);
    try {
      program.walk();
      for (;;) {
        const gate = this.gates.reached(program);
        if (!gate) break;
        if (isSeen) await this.audience.before(this.#stopAt(gate));
        const before = this.#seeBefore(gate);
        program.walk(gate.step);
        const isBirth = gate.step === clone;
        const first = isBirth ? await this.#take(clone.result.value, program) : undefined;
        if (isSeen) await this.#tell(gate, before, isBirth);
        if (first) this.#follow(first);
      }
    } catch (error) {
      // what the parent's own part has made nobody else knows yet
      if (program === birth && this.pid !== undefined) {
        attempt.kill(this.pid, SIG.KILL);
        attempt.waitpid(this.pid, null, 0);
      }
      throw error;
    }
  }

  /** Whether the child waits for a part of the parent's; false where it has failed before. */
  async #childWaits(birth: Program): Promise<boolean> {
    for (;;) {
      const { current, failed } = birth;
      if (failed) return false;
      if (current?.name === "read" && current.args[0] === LINE) return true;
      if (stateOf(this.pid!) === "Z") throw new Quit("the container is gone");
      await pause();
    }
  }

  /** Ties a child that was just made to this process. @returns the gate at which it stands */
  async #take(pid: number, program: Program): Promise<Gate | undefined> {
    this.pid = pid;
    try {
      libc.ptrace(PTRACE.SEIZE, pid, 0, PTRACE_O.TRACEEXEC | PTRACE_O.EXITKILL);
    } catch (error) {
      if (!isErrno(error, "EPERM")) throw error;
      throw new Error(
        "ptrace(PTRACE_SEIZE): this system lets nobody trace a child of its own: " +
          "sysctl kernel.yama.ptrace_scope must be 0 or 1 for an ordinary user, and less than 3",
        { cause: error },
      );
    }
    this.gates.follow();
    const arrival = await this.#arrival(program);
    return typeof arrival === "string" ? undefined : arrival;
  }

  #follow(gate: Gate): void {
    this.following = this.#walkChild(gate);
    // whoever waits for it may come later than its end
    this.following.catch(() => {});
  }

  /** Lets the child on, call by call, until it has become its program. */
  async #walkChild(gate: Gate): Promise<void> {
    const pid = this.pid!;
    try {
      for (;;) {
        await this.audience.before(this.#stopAt(gate));
        const before = this.#seeBefore(gate);
        this.gates.open(gate);
        const arrival = await this.#arrival(gate.program, gate);
        await this.#tell(gate, before);
        if (arrival === "become") libc.ptrace(PTRACE.DETACH, pid, 0, 0);
        if (typeof arrival === "string") return;
        gate = arrival;
      }
    } catch (error) {
      attempt.kill(pid, SIG.KILL);
      throw error;
    }
  }

  /** Waits until a child that was let on stands somewhere else. */
  async #arrival(program: Program, last?: Gate): Promise<Arrival> {
    for (;;) {
      const gate = this.gates.standing(program);
      if (gate && gate !== last) return gate;
      if (program.failed) return "failed";
      const state = stateOf(this.pid!);
      if (state === "Z") return "gone";
      if (state === "t" && this.#isBorn()) return "become";
      await pause();
    }
  }

  /** Looks at what has stopped the child: its new program, or a signal, which it gets then. */
  #isBorn(): boolean {
    const info = new Uint8Array(128);
    // a child that was killed meanwhile is left to whoever waits for its end
    libc.waitid(P_PID, this.pid!, info, W.UNTRACED | W.NOHANG);
    const status = new DataView(info.buffer).getInt32(SI_STATUS, true);
    const [event, signal] = [status >> 8, status & 0xff];
    if (event === PTRACE_EVENT_EXEC) return true;
    if (status !== 0) attempt.ptrace(PTRACE.CONT, this.pid!, 0, event === 0 ? signal : 0);
    return false;
  }

  /** What is seen in front of a call, if that is wanted. */
  #seeBefore(gate: Gate): View | undefined {
    const isWanted = this.audience.isCurious?.(this.#stopAt(gate)) ?? true;
    return isWanted ? this.#see(gate, gate.asked.before) : undefined;
  }

  /** What is seen in front of a call, or behind it. */
  #see({ program, step, by }: Gate, asked: readonly Question[]): View {
    const view = look(this.pid ?? "self");
    const who = by === "child" ? this.pid! : "self";
    if (by === "parent" && this.pid) view.descriptors = look("self").descriptors;
    view.files = lookAtFiles(who, program, step);
    for (const { section, name, read } of asked) view[section].set(name, read());
    return view;
  }

  /** Tells of a call that has been made. @param isBirth the child is there now, and it is looked at */
  async #tell(gate: Gate, before: View | undefined, isBirth = false): Promise<void> {
    const { program, step } = gate;
    const outcome = program.outcome(step);
    const happened: Happened = {
      outcome: outcome.count > 0 || program.failed === step ? outcome : undefined,
      changes: [],
      unchanged: [],
    };
    if (before) {
      const after = isBirth ? look(this.pid!) : this.#see(gate, gate.asked.after);
      happened.changes = compare(before, after);
      const isMade = outcome.count > 0 && outcome.errno === 0;
      if (isMade && isMeantToChange(step) && happened.changes.length === 0) {
        happened.unchanged = unchanged(step, after);
      }
    }
    await this.audience.after(this.#stopAt(gate), happened);
  }

  #stopAt({ program, step, by }: Gate): Stop {
    const index = this.steps.indexOf(step);
    return { number: index < 0 ? undefined : index + 1, step, program, by, pid: this.pid };
  }
}

/** waitid(2): the id is a process's. */
const P_PID = 1;
/** Where `si_status` is in a `siginfo_t`. */
const SI_STATUS = 24;
const PTRACE_EVENT_EXEC = 4;

/** The letter of a process's state, proc_pid_stat(5); `Z` also for one that is gone. */
function stateOf(pid: number): string {
  const stat = readHostFile(`/proc/${pid}/stat`) ?? "";
  return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) || "Z";
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
