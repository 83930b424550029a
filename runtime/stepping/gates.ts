/**
 * Gates between the calls of a birth, at which whoever makes them waits until somebody lets it on.
 *
 * The parent's calls are made by this process, which cannot wait for itself: there a walk ends in
 * front of each call and begins again behind the gate. The child waits in futex(2) on a word of the
 * memory that it shares with its parent. Neither needs a descriptor, and both can be told by the
 * step at which the program stands.
 *
 * What a call's own child does (a helper that writes the user map, for example) has no gates: its
 * parent waits for its end, and would be seen nowhere meanwhile.
 *
 * @module
 */

import { FUTEX, PR } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Label, Program, Step, Weave } from "../../ffi/program.ts";
import { type Question, writeQuestions } from "./questions.ts";

/** Whose turn it is. */
export type Maker = "parent" | "child";

/** A place in front of a call. */
export interface Gate {
  /** the program that the call is of */
  program: Program;
  /** the call */
  step: Step;
  /** who makes it */
  by: Maker;
  /** the woven step at which a program stands that waits here */
  at: Ref;
  /** what the child waits on; for the parent, whose walk simply ends, whether it has come here */
  word: Memory;
  /** what the process says of itself before the call, and after it */
  asked: { before: Question[]; after: Question[] };
}

/** Seconds that a child waits to be followed: its parent may have been killed meanwhile. */
const UNFOLLOWED = 5;

/** A gate that is open, and one that a filter of system calls lets nobody wait at. */
const OPEN = ["EAGAIN", "EPERM", "ENOSYS"];

/** Calls after which the kernel hides a process from an ordinary user, even from its own. */
const HIDING = ["setresuid", "setresgid", "setgroups", "capset", "setns", "unshare"];

/** Writes gates into programs, and opens them. */
export class Gates implements Weave {
  private readonly gates: Gate[] = [];
  private readonly branches = new Map<Program, { child: boolean; until?: Label }>();
  private followed?: Memory;

  /** Puts a gate in front of a call. */
  before(program: Program, step: Step): void {
    const branch = this.branches.get(program) ?? { child: false };
    this.branches.set(program, branch);
    if (branch.until?.address !== undefined) branch.until = undefined;
    if (branch.until) return;
    const asked = { before: [] as Question[], after: [] as Question[] };
    if (branch.child) {
      if (!this.followed) this.#waitToBeFollowed(program);
      asked.before = writeQuestions(program, step);
      const word = program.arena.allocate(8, "gate");
      const at = program.call("the gate", { allow: OPEN }).futex(word, FUTEX.WAIT, 0, null);
      this.gates.push({ program, step, by: "child", at, word, asked });
    } else {
      const word = program.arena.allocate(16, "gate");
      word.bytes[8] = 1;
      const at = program.call("the gate").memcpy(word, word.address + 8, 8);
      program.end();
      this.gates.push({ program, step, by: "parent", at, word, asked });
    }
  }

  /** Has the process say what only it can tell, and keeps it in sight. */
  after(program: Program, step: Step): void {
    const branch = this.branches.get(program)!;
    if (branch.until) return;
    const { fork } = step.options;
    if (fork?.parent) branch.until = fork.parent;
    else if (fork) branch.child = true;
    else if (branch.child) {
      if (HIDING.includes(step.name)) {
        program.call("looked at by an ordinary user").prctl(PR.SET_DUMPABLE, 1, 0, 0, 0);
      }
      this.gates.at(-1)!.asked.after = writeQuestions(program, step);
    }
  }

  /** Until somebody follows the child, a gate could hold it for ever; this one is given up. */
  #waitToBeFollowed(program: Program): void {
    this.followed = program.arena.allocate(8, "followed");
    const timeout = program.arena.allocate(16, "timeout");
    program.arena.setWord(timeout.address, UNFOLLOWED);
    program.call("is somebody there?", { allow: ["EAGAIN"] })
      .futex(this.followed, FUTEX.WAIT, 0, timeout);
  }

  /** The gate at which the child stands, if any. */
  standing(program: Program): Gate | undefined {
    return this.gates.find((gate) =>
      gate.program === program && gate.by === "child" && program.isAt(gate.at)
    );
  }

  /**
   * The gate at which the parent's walk has just ended, if it was one.
   *
   * Where the program stands does not tell: whoever the last call has made walks the same list.
   */
  reached(program: Program): Gate | undefined {
    const gate = this.gates.find((gate) =>
      gate.program === program && gate.by === "parent" && gate.word.bytes[0] === 1
    );
    if (gate) gate.word.bytes[0] = 0;
    return gate;
  }

  /** Says to the child that it is followed: from here on it cannot be left alone. */
  follow(): void {
    if (this.followed) release(this.followed);
  }

  /** Lets the child on. */
  open({ word }: Gate): void {
    release(word);
  }
}

/** Changes the word first, so that somebody who is only about to wait does not. */
function release(word: Memory): void {
  word.bytes[0] = 1;
  attempt.futex(word, FUTEX.WAKE, 1, null);
}
