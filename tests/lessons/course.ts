/**
 * What the tests of lessons share: each lesson, whether it can run here, and its text as values.
 *
 * @module
 */

import { type Folder, folders, loadLesson, readHints, readText } from "../../lessons/course.ts";
import type { Language, Lesson } from "../../lessons/lesson.ts";
import { lacks } from "../../lessons/needs.ts";
import type { LessonText, Part } from "../../lessons/text.ts";
import { needs } from "../helpers/needs.ts";

/** A lesson with all that a test asks of it. */
export interface Subject {
  /** where it is */
  folder: Folder;
  /** its needs, steps and exercise */
  lesson: Lesson;
  /** its text */
  text: Record<Language, LessonText>;
  /** its hints */
  hints: Record<Language, string[]>;
}

/** Every lesson. */
export async function course(): Promise<Subject[]> {
  return await Promise.all(
    folders().map(async (folder) => ({
      folder,
      lesson: await loadLesson(folder),
      text: { en: readText(folder, "en"), zh: readText(folder, "zh") },
      hints: { en: readHints(folder, "en"), zh: readHints(folder, "zh") },
    })),
  );
}

/** The name of a test of a lesson, and whether to skip it here. */
export function ifItCanRun({ folder, lesson }: Subject, what: string) {
  const { name, ignore } = needs(
    `lesson ${folder.number}: ${what}`,
    lesson.needs.includes("root") ? { root: true } : {},
  );
  const [lack] = lacks(lesson.needs);
  if (ignore || !lack) return { name, ignore };
  return { name: `${name} (needs ${lack.what.en})`, ignore: true };
}

/** All parts of a text, those of all sections in a row. */
export function partsOf({ sections }: LessonText): Part[] {
  return sections.flatMap(({ parts }) => parts);
}
