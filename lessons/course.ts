/**
 * The course: every folder of lessons/ whose name begins with a number is a lesson.
 *
 * @module
 */

import type { Check, Language, Lesson } from "./lesson.ts";
import { joinLines, type LessonText, parseText } from "./text.ts";

/** A lesson's folder. */
export interface Folder {
  /** the lesson's number */
  number: number;
  /** the folder's name: `03-root-file-system` */
  name: string;
  /** its absolute path */
  path: string;
}

const course = decodeURIComponent(new URL(".", import.meta.url).pathname).slice(0, -1);

/** All lessons, in order. */
export function folders(): Folder[] {
  return [...Deno.readDirSync(course)]
    .filter(({ name, isDirectory }) => isDirectory && /^\d\d-/.test(name))
    .map(({ name }) => ({ number: parseInt(name), name, path: `${course}/${name}` }))
    .sort((a, b) => a.number - b.number);
}

/** What a lesson needs, its steps, and the name of its exercise. */
export async function loadLesson({ path }: Folder): Promise<Lesson> {
  return (await import(`file://${path}/lesson.ts`)).lesson;
}

/** A lesson's check. */
export async function loadCheck({ path }: Folder): Promise<Check> {
  return (await import(`file://${path}/check.ts`)).check;
}

const SUFFIX: Record<Language, string> = { en: ".md", zh: ".zh.md" };

/** A lesson's text. @throws {TextError} if it breaks the rules */
export function readText({ path, name }: Folder, language: Language): LessonText {
  const file = `text${SUFFIX[language]}`;
  return parseText(Deno.readTextFileSync(`${path}/${file}`), `lessons/${name}/${file}`);
}

/** A lesson's hints, the gentlest first. */
export function readHints({ path }: Folder, language: Language): string[] {
  return Deno.readTextFileSync(`${path}/hints${SUFFIX[language]}`)
    .split(/^## .*$/m).slice(1).map((hint) => joinLines(hint.trim().split("\n")));
}

/** A solution's file. */
export function solutionFile({ path }: Folder, { exercise }: Lesson): string {
  return `${path}/${exercise.replace("exercise", "solution")}`;
}
