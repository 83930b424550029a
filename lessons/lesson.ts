/**
 * What a lesson is: the types that every folder of lessons/ fills in. docs/lessons.md tells how.
 *
 * @module
 */

import type { Need } from "./needs.ts";
import type { Trial } from "./trial.ts";
import type { Workshop } from "./workshop.ts";

/** The languages of the course. */
export const LANGUAGES = ["en", "zh"] as const;

/** One of them. */
export type Language = (typeof LANGUAGES)[number];

/** The same sentence in each language. */
export type Text = Readonly<Record<Language, string>>;

/** What a step is given: a {@linkcode Workshop}, and a way to be read. */
export interface Stage extends Workshop {
  /** Says a paragraph, in the words of lesson texts: `code`, **bold**. */
  say(text: Text): void;
  /** Shows lines as they are: a file, an output, a table. */
  show(lines: string | readonly string[]): void;
  /** Runs a command of the host's to its end and shows it as typed, with what it wrote. */
  type(command: string): Promise<string>;
  /**
   * Says what the reader is about to believe: a lesson that is wrong on this machine says so.
   *
   * @throws {Surprise} unless `isSo`
   */
  expect(isSo: boolean, what: Text): asserts isSo;
}

/** A part of a lesson that does something real: what it changed is undone when the lesson ends. */
export type Step = (stage: Stage) => void | Promise<void>;

/** Looks at what an exercise does to the kernel; what it finds it says by {@linkcode Trial.claim}. */
export type Check = (trial: Trial) => void | Promise<void>;

/** A lesson's own part of its folder: what `lesson.ts` exports as `lesson`. */
export interface Lesson {
  /** what must be there, checked before anything is begun */
  needs: readonly Need[];
  /** the steps that the text names in its `step` blocks */
  steps: Readonly<Record<string, Step>>;
  /** the file that the student edits, such as `exercise.sh`; `solution.sh` lies beside it */
  exercise: `exercise.${string}`;
}

/** This machine did something else than the lesson says. */
export class Surprise extends Error {
  /** The class's name, for messages. */
  override name = "Surprise";
}
