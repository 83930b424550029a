/**
 * The course as a list: what there is, and what is done; for a class also as JSON.
 *
 * @module
 */

import { type Folder, folders, loadCheck, loadLesson, readText } from "../lessons/course.ts";
import { exerciseFile, readProgress } from "../lessons/exercises.ts";
import type { Language } from "../lessons/lesson.ts";
import { lacks } from "../lessons/needs.ts";
import { tryExercise } from "../lessons/trial.ts";
import type { Desk } from "./lesson_exercise.ts";
import { styled } from "./lesson_screen.ts";
import { word } from "./lesson_words.ts";
import { columnsOf, padColumns } from "./wide.ts";

/** Shows every lesson with what has been done of it. */
export function showCourse({ root, language, reader }: Desk): void {
  const { screen, write } = reader;
  const progress = readProgress(root);
  const rows = folders().map((folder) => {
    const done = progress[folder.name];
    const state = done?.passed ? "done" : done?.read ? "read" : "open";
    return { folder, title: readText(folder, language).title, state } as const;
  });
  const width = Math.max(...rows.map(({ title }) => columnsOf(title)));
  write(`${styled(word(language, "course"), "bold", screen)}\n\n`);
  for (const { folder, title, state } of rows) {
    const number = String(folder.number).padStart(2);
    const note = styled(word(language, state), state === "done" ? "good" : "dim", screen);
    write(`${`${number}  ${padColumns(title, width)}   ${note}`.trimEnd()}\n`);
  }
  const next = rows.find(({ state }) => state !== "done");
  write(`\n${next ? word(language, "begin", next.folder.number) : word(language, "allDone")}\n`);
  write(`${styled(word(language, "checkout"), "dim", screen)}\n`);
}

/** The first lesson that has not passed; the last one if all have. */
export function nextLesson(root: string): Folder | undefined {
  const progress = readProgress(root);
  const all = folders();
  return all.find(({ name }) => !progress[name]?.passed) ?? all.at(-1);
}

/** What a class's grader is told of one lesson. */
export interface Grade {
  /** the lesson's number */
  lesson: number;
  /** its folder */
  name: string;
  /** its title */
  title: string;
  /** how far the student is */
  state: "passed" | "not yet" | "not begun" | "cannot run here";
  /** how many hints were shown */
  hints: number;
  /** what was looked at */
  claims: { what: string; isSo: boolean }[];
  /** what was found instead, or what the machine lacks */
  otherwise?: string;
}

/** Tries every exercise that was begun. */
export async function grade(
  desk: Omit<Desk, "reader">,
  chosen: readonly Folder[],
): Promise<Grade[]> {
  const progress = readProgress(desk.root);
  const grades: Grade[] = [];
  for (const folder of chosen) {
    const about = {
      lesson: folder.number,
      name: folder.name,
      title: readText(folder, desk.language).title,
      hints: progress[folder.name]?.hints ?? 0,
    };
    grades.push({ ...about, ...await gradeOne(desk, folder, desk.language) });
  }
  return grades;
}

async function gradeOne(
  desk: Omit<Desk, "reader">,
  folder: Folder,
  language: Language,
): Promise<Pick<Grade, "state" | "claims" | "otherwise">> {
  const lesson = await loadLesson(folder);
  const file = exerciseFile(desk.root, folder, lesson);
  try {
    Deno.statSync(file);
  } catch {
    return { state: "not begun", claims: [] };
  }
  const [lack] = lacks(lesson.needs);
  if (lack) return { state: "cannot run here", claims: [], otherwise: lack.what[language] };
  const { hasPassed, claims, otherwise } = await tryExercise(file, await loadCheck(folder), desk);
  return { state: hasPassed ? "passed" : "not yet", claims, otherwise };
}
