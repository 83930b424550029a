/**
 * A lesson's exercise on the screen: tried, hinted at, and shown solved.
 *
 * @module
 */

import { type Folder, loadCheck, loadLesson, readHints, solutionFile } from "../lessons/course.ts";
import { ensureExercise, note, now, readProgress } from "../lessons/exercises.ts";
import type { Language } from "../lessons/lesson.ts";
import { tryExercise, type Verdict } from "../lessons/trial.ts";
import type { Reader } from "./lesson_reader.ts";
import { paragraph, shownLines, styled } from "./lesson_screen.ts";
import { word } from "./lesson_words.ts";

/** Where a student works, and who shows it. */
export interface Desk {
  /** the data root */
  root: string;
  /** the student's language */
  language: Language;
  /** where things are shown */
  reader: Reader;
  /** told of what must be closed on Ctrl-C */
  onOpen: (workshop: AsyncDisposable) => void;
}

/** Tries the student's exercise, and notes it if it has passed. */
export async function judge(desk: Omit<Desk, "reader">, folder: Folder): Promise<Verdict> {
  const lesson = await loadLesson(folder);
  const file = ensureExercise(desk.root, folder, lesson);
  const verdict = await tryExercise(file, await loadCheck(folder), desk);
  if (verdict.hasPassed) note(desk.root, folder, { passed: now() });
  return verdict;
}

/** How many lines of an exercise's output are shown: the last ones. */
const LINES = 8;

/** Tries the student's exercise and shows what was found. @returns whether it has passed */
export async function showTrial(desk: Desk, folder: Folder): Promise<boolean> {
  const { language, reader: { screen, write } } = desk;
  const lesson = await loadLesson(folder);
  const file = ensureExercise(desk.root, folder, lesson);
  write(`${styled(word(language, "trying", file), "dim", screen)}\n`);
  const verdict = await judge(desk, folder);
  for (const { what, isSo } of verdict.claims) {
    const lines = paragraph(what, screen, isSo ? " ok  " : " --  ", "     ");
    const style = isSo ? "good" : "bad";
    write(
      lines.map((line) => `${styled(line.slice(0, 5), style, screen)}${line.slice(5)}\n`).join(""),
    );
  }
  if (verdict.otherwise) {
    const lines = verdict.otherwise.trimEnd().split("\n");
    write(
      lines.flatMap((line) => paragraph(line, screen, "     ")).map((line) => `${line}\n`).join(""),
    );
  }
  if (verdict.output) {
    const all = verdict.output.trimEnd().split("\n");
    const lines = all.slice(-LINES);
    const heading = all.length > LINES
      ? word(language, "itWroteLast", LINES, all.length)
      : word(language, "itWrote");
    write(`\n${heading}\n${asShown(lines, desk.reader).join("\n")}\n`);
  }
  const word_ = verdict.hasPassed ? "passed" : "notYet";
  write(`\n${styled(word(language, word_), verdict.hasPassed ? "good" : "bad", screen)}\n`);
  return verdict.hasPassed;
}

/** Lines of a file or a program, none of them wider than the screen. */
function asShown(lines: string[], { screen }: Reader): string[] {
  return shownLines({ kind: "lines", lines }, screen, String);
}

/** Rows that a page of the solution leaves free: its heading's and the prompt's. */
const MARGIN = 4;

/** Shows the solution, page by page where there are pages. */
export async function showSolution({ language, reader }: Desk, folder: Folder): Promise<void> {
  const file = solutionFile(folder, await loadLesson(folder));
  const text = Deno.readTextFileSync(file).trimEnd().split("\n");
  reader.write(
    `${word(language, "solution", `lessons/${folder.name}/${file.split("/").at(-1)}`)}\n\n`,
  );
  const lines = asShown(text, reader).map((line) => line.trimEnd());
  const room = reader.rows - MARGIN;
  for (let at = 0; at < lines.length; at += room) {
    if (at > 0 && await reader.key(word(language, "goOn"), "\nq") === "q") return;
    reader.write(`${lines.slice(at, at + room).join("\n")}\n`);
  }
}

/** Shows the next hint; after the last one, the first again. */
export function showHint({ root, language, reader }: Desk, folder: Folder): void {
  const hints = readHints(folder, language);
  const shown = readProgress(root)[folder.name]?.hints ?? 0;
  const at = shown % hints.length;
  note(root, folder, { hints: shown + 1 });
  const text = word(language, "hint", at + 1, hints.length) + hints[at];
  reader.write(paragraph(text, reader.screen).map((line) => `${line}\n`).join(""));
}
