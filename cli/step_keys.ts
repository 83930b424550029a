/**
 * A birth followed at a terminal, with single keys.
 *
 * @module
 */

import type { Step } from "../ffi/program.ts";
import { type Change, merge } from "../runtime/stepping/changes.ts";
import { type Audience, type Happened, Quit, type Stop } from "../runtime/stepping/stepper.ts";
import { openKeyboard, type Reader } from "./lesson_reader.ts";
import { hasColour, print } from "./output.ts";
import { callList } from "./step_list.ts";
import {
  callLines,
  changeLines,
  happenedLines,
  headingOf,
  type Sheet,
  styled,
} from "./step_screen.ts";

const KEYS = "n next  p next phase  r run on  l list  s shell  q quit";
/** Lines of changes that are shown at once: with the call and the prompt they fit on a screen. */
const MOST = 14;

/** Asks before each call. */
export class StepKeys implements Audience {
  private sheet: Sheet;
  private reader: Reader;
  private steps: readonly Step[] = [];
  /** what is let through: single calls, the rest of a phase, or everything */
  private pace: "call" | "phase" | "all" = "call";
  private phase = "";
  private passed: { count: number; changes: Change[] } = { count: 0, changes: [] };
  private hasQuit = false;
  private stop: () => void = () => {};

  /** Takes the terminal. */
  constructor() {
    this.reader = openKeyboard(hasColour(Deno.stdout));
    this.sheet = { id: "", count: 0, ...this.reader.screen };
  }

  /** Begins. */
  open(id: string, steps: readonly Step[]): void {
    this.steps = steps;
    this.sheet = { ...this.sheet, id, count: steps.length };
    print(`A container in ${steps.length} calls; its id, ${id.slice(0, 12)}…, is written $ID.\n`);
  }

  /** Ends it all, also while a key is waited for. */
  quit(): void {
    this.hasQuit = true;
    this.stop();
  }

  /** Gives the terminal back. */
  close(): void {
    this.reader.close();
  }

  /** What is let through altogether is not looked at. */
  isCurious(): boolean {
    return this.pace !== "all";
  }

  /** Shows the call, and waits for a key. */
  async before(stop: Stop): Promise<void> {
    if (this.hasQuit) throw new Quit();
    if (this.pace === "all" || (this.pace === "phase" && phaseOf(stop) === this.phase)) return;
    this.#showPassed();
    this.pace = "call";
    print(`\n${styled(headingOf(stop, this.sheet), "bold", this.sheet)}\n`);
    print(`${callLines(stop, this.sheet).join("\n")}\n`);
    await this.#choose(stop);
  }

  /** Shows what the call did. */
  after(stop: Stop, happened: Happened): Promise<void> {
    if (this.hasQuit) throw new Quit();
    if (this.pace === "call") this.#show(happenedLines(happened, this.sheet));
    else {
      this.passed.count++;
      this.passed.changes.push(...happened.changes);
      if (stop.step.name === "execve" && !happened.outcome) this.#showPassed();
    }
    return Promise.resolve();
  }

  async #choose(stop: Stop): Promise<void> {
    for (;;) {
      switch (await this.#key()) {
        case "p":
          this.phase = phaseOf(stop);
          this.pace = "phase";
          return;
        case "r":
          this.pace = "all";
          return;
        case "l":
          await callList(this.reader, this.steps, stop.step, this.sheet);
          break;
        case "s":
          await this.#lookAround(stop);
          break;
        case "q":
          throw new Quit();
        default:
          return;
      }
    }
  }

  /** Waits for a key, or for a signal, which counts as `q`. */
  #key(): Promise<string> {
    const signalled = new Promise<string>((resolve) => this.stop = () => resolve("q"));
    return Promise.race([this.reader.key(KEYS, "\n nprlsq"), signalled]);
  }

  async #lookAround({ pid }: Stop): Promise<void> {
    if (pid === undefined) {
      print("There is no process of the container's yet: clone3 makes it.\n");
      return;
    }
    this.reader.close();
    print("A shell that sees what the half-made container sees; exit comes back.\n");
    const { visit } = await import("../runtime/stepping/visit.ts");
    const problem = await visit(pid);
    if (problem) print(`${problem}\n`);
    this.reader = openKeyboard(this.sheet.colour);
  }

  /** Shows what the calls that were let through have changed in sum. */
  #showPassed(): void {
    const { count, changes } = this.passed;
    this.passed = { count: 0, changes: [] };
    if (count === 0) return;
    if (this.pace === "all") return print(`  ${count} calls more, and the program runs.\n`);
    // what was written where is too much for a sum
    const sum = merge(changes).filter(({ name }) => !name.startsWith("content of "));
    print(`  ${count} calls; what they have changed in sum:\n`);
    this.#show(sum.length ? changeLines(sum, this.sheet) : ["  nothing that stays"]);
  }

  #show(lines: string[]): void {
    const rest = lines.length - MOST;
    const shown = rest > 1 ? lines.slice(0, MOST) : lines;
    print(`${shown.join("\n")}\n`);
    if (rest > 1) print(`  … and ${rest} lines more (step … > FILE writes all of them)\n`);
  }
}

function phaseOf({ step, by }: Stop): string {
  return `${by} ${step.phase.title}`;
}
