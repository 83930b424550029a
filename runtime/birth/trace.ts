/**
 * A birth as a list to read: what would be done, or what was done and how long it took.
 *
 * @module
 */

import { errnoName } from "../../ffi/errno.ts";
import { CLOCK } from "../../ffi/constants.ts";
import type { Memory, Struct } from "../../ffi/memory.ts";
import type { Program, Step, Weave } from "../../ffi/program.ts";
import type { Draft } from "./launch.ts";
import { SAYS } from "./line.ts";

/** One call of a birth, as text. */
export interface Line {
  /** who makes the call */
  by: "parent" | "child";
  /** the group that the call belongs to */
  phase: string;
  /** the lesson that teaches it */
  lesson?: number;
  /** the call with its arguments, as in its man page */
  call: string;
  /** one line of why */
  why: string;
  /** what came of it: a number, or `-1 ENOENT`; absent for a call that was not reached */
  result?: string;
  /** microseconds until the next call was begun */
  microseconds?: number;
}

/** Lists a birth that has not begun: every call of the program that would run, in order. */
export async function explain(draft: Draft): Promise<Line[]> {
  const parts = [await draft.attend("maps", "PID"), await draft.attend("network", "PID")];
  const programs = parts.flatMap((part) => part ? [part.program] : []);
  return arrange(draft, programs, (program, step) => line(program, step, false));
}

/** The steps of a program, and those of them that make a child. */
export type ChildCalls = Pick<Draft["birth"], "program" | "clone" | "between">;

/** Lists a program that has not begun, and in which the child asks for nothing. */
export function explainCalls(birth: ChildCalls): Line[] {
  return arrange({ birth }, [], (program, step) => line(program, step, false));
}

/** A clock read before each call, by the same program. */
export class Stopwatch implements Weave {
  private readonly times = new Map<Step, Memory>();

  before(program: Program, step: Step): void {
    const time = program.arena.allocate(16, "time");
    this.times.set(step, time);
    program.call("the time").clock_gettime(CLOCK.MONOTONIC, time);
  }

  /** Lists a birth that is over: every call that was reached, with its result and its time. */
  lines(draft: Draft): Line[] {
    const begun: { program: Program; time: number }[] = [];
    const lines = arrange(draft, draft.attended, (program, step) => {
      const { count, result, errno } = program.outcome(step);
      const entry = line(program, step, true);
      begun.push({ program, time: this.read(step) });
      if (count > 0) entry.result = errno ? `${result} ${errnoName(errno)}` : String(result);
      else if (step === program.current) entry.result = "0";
      return entry;
    });
    lines.forEach((entry, i) => {
      // what the parent does for the child, it does at the same time as the child its own part
      const { program, time } = begun[i];
      const next = begun.slice(i + 1).find((other) => other.program === program && other.time > 0);
      if (entry.result !== undefined && next) entry.microseconds = (next.time - time) / 1000;
    });
    return lines.filter((entry) => entry.result !== undefined);
  }

  /** Nanoseconds on the monotonic clock when the step was begun; 0 for one that was not reached. */
  private read(step: Step): number {
    const { bytes } = this.times.get(step)!;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return Number(view.getBigInt64(0, true) * 1_000_000_000n + view.getBigInt64(8, true));
  }
}

function line(program: Program, step: Step, known: boolean): Line {
  const { phase, why } = step;
  return {
    by: "parent",
    phase: phase.title,
    lesson: phase.lesson,
    call: program.format(step, known),
    why,
  };
}

/** What a child says when it cannot go on before the parent has done a part of its own. */
const ASKS: readonly string[] = [SAYS.waiting, SAYS.network].map((byte) => JSON.stringify(byte));

/** The order in which things happen: the parent's part while the child waits stands where it waits. */
function arrange(
  { birth: { program, clone, between } }: { birth: ChildCalls },
  attended: readonly Program[],
  make: (program: Program, step: Step) => Line,
): Line[] {
  const lines: Line[] = [];
  const parts = attended.values();
  let by: Line["by"] = "parent";
  let asks = false;
  for (const step of program.steps) {
    lines.push({ ...make(program, step), by });
    if (step === (between ?? clone)) by = "child";
    if (step.name === "send") asks = ASKS.includes((step.args[1] as Struct | null)?.text ?? "");
    if (step.name !== "read" || !asks) continue;
    asks = false;
    const part = parts.next().value;
    for (const own of part?.steps ?? []) lines.push({ ...make(part!, own), by: "parent" });
  }
  return lines;
}
