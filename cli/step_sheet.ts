/**
 * A birth written out call by call, for a file or a pipe: nobody is waited for.
 *
 * @module
 */

import type { Step } from "../ffi/program.ts";
import { type Audience, type Happened, Quit, type Stop } from "../runtime/stepping/stepper.ts";
import { print } from "./output.ts";
import { callLines, happenedLines, type Sheet } from "./step_screen.ts";

/** Writes all calls out. */
export class StepSheet implements Audience {
  private sheet: Sheet = { id: "", count: 0, columns: 100, colour: false };
  private heading = "";
  private last?: Step;
  private hasQuit = false;

  /** Begins. */
  open(id: string, steps: readonly Step[]): void {
    this.sheet = { ...this.sheet, id, count: steps.length };
    print(`ID=${id}\n`);
  }

  /** Ends it all before the next call. */
  quit(): void {
    this.hasQuit = true;
  }

  /** There is nothing to give back. */
  close(): void {}

  /** Writes the call. */
  before(stop: Stop): Promise<void> {
    if (this.hasQuit) throw new Quit();
    const { title, lesson } = stop.step.phase;
    const heading = `${title} (${stop.by}${lesson ? `, lesson ${lesson}` : ""})`;
    if (heading !== this.heading) print(`\n${heading}\n`);
    this.heading = heading;
    const place = stop.number === undefined ? "" : `${stop.number}  `;
    print(`\n${place}${callLines(stop, this.sheet).join("\n")}\n`);
    this.last = stop.step;
    return Promise.resolve();
  }

  /** Writes what it did. */
  after({ step, number }: Stop, happened: Happened): Promise<void> {
    // the child had to wait for calls of the parent's
    if (step !== this.last) print(`\n${number}  ${step.name} returns\n`);
    print(`${happenedLines(happened, this.sheet).join("\n")}\n`);
    if (this.hasQuit) throw new Quit();
    return Promise.resolve();
  }
}
