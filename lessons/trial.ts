/**
 * A student's exercise on trial: it is started, and the check looks at what the kernel then says.
 *
 * @module
 */

import { denoRun } from "./blocks.ts";
import type { Check, Text } from "./lesson.ts";
import { type CommandOptions, openWorkshop, type Outcome, type Running } from "./workshop.ts";
import type { Language } from "./lesson.ts";
import type { Workshop } from "./workshop.ts";

/** What a check is given: a workshop, the exercise, and a way to say what was found. */
export interface Trial extends Workshop {
  /** the exercise's file */
  readonly file: string;
  /** Runs the exercise to its end; a `.ts` by Deno, a `.sh` by the shell. */
  runExercise(args?: readonly string[], options?: CommandOptions): Promise<Outcome>;
  /** Starts the exercise, to be looked at while it runs. */
  startExercise(args?: readonly string[], options?: CommandOptions): Running;
  /**
   * Says one thing that is to be so. The first one that is not ends the check.
   *
   * @param what what is to be so
   * @param otherwise what was found instead, and where to look
   * @throws {NotYet} unless `isSo`
   */
  claim(isSo: boolean, what: Text, otherwise?: Text): asserts isSo;
}

/** An exercise that does not do yet what it should. */
export class NotYet extends Error {
  /** The class's name, for messages. */
  override name = "NotYet";
}

/** What a check has found. */
export interface Verdict {
  /** whether everything is as it should be */
  hasPassed: boolean;
  /** what was looked at, in order; only the last one can be false */
  claims: { what: string; isSo: boolean }[];
  /** what was found instead, if something is not as it should be */
  otherwise?: string;
  /** what the exercise wrote when it was last run, where it has not passed */
  output?: string;
}

/** Options of {@linkcode tryExercise}. */
export interface TrialOptions {
  /** the language of the findings */
  language: Language;
  /** the data root that `tiffin` uses */
  root: string;
  /** told of the workshop that must be closed if all this is cut short */
  onOpen?: (workshop: AsyncDisposable) => void;
}

/** Seconds until a check is given up. */
const PATIENCE = 150;

const GIVEN_UP: Text = {
  en: `the check was given up after ${PATIENCE} seconds: does the exercise wait for something?`,
  zh: `检查在 ${PATIENCE} 秒后放弃：练习是不是在等待什么？`,
};

/** Tries an exercise. */
export async function tryExercise(
  file: string,
  check: Check,
  { language, root, onOpen }: TrialOptions,
): Promise<Verdict> {
  await using workshop = openWorkshop(language, root);
  onOpen?.(workshop);
  const claims: Verdict["claims"] = [];
  let last: { output(): string } | undefined;
  const trial: Trial = {
    ...workshop,
    file,
    startExercise: (args = [], options) => {
      const running = workshop.start([...interpreter(file), ...args], options);
      return last = running;
    },
    runExercise: async (args = [], options) => {
      const outcome = await workshop.run([...interpreter(file), ...args], options);
      last = { output: () => outcome.output };
      return outcome;
    },
    claim: (isSo, what, otherwise) => {
      claims.push({ what: what[language], isSo });
      if (!isSo) throw new NotYet(otherwise?.[language] ?? "");
    },
  };
  try {
    await within(PATIENCE, Promise.resolve(check(trial)), GIVEN_UP[language]);
    return { hasPassed: true, claims };
  } catch (error) {
    if (!(error instanceof NotYet)) throw error;
    return {
      hasPassed: false,
      claims,
      otherwise: error.message || undefined,
      output: last?.output() || undefined,
    };
  }
}

function interpreter(file: string): string[] {
  if (file.endsWith(".ts")) return denoRun(file);
  if (file.endsWith(".sh")) return ["sh", file];
  throw new Error(`${file}: an exercise that is no .ts and no .sh is not run, but read`);
}

async function within(seconds: number, work: Promise<void>, complaint: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NotYet(complaint)), seconds * 1000);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
