/**
 * A student's own files: copies of the exercises, and what has been done.
 *
 * They are in `lessons/` of the data root: an exercise in a directory of its own, and
 * `progress.json`, a plain file that can be read, copied and removed.
 *
 * @module
 */

import { readHostFile } from "../runtime/host_files.ts";
import { absoluteImports } from "./blocks.ts";
import type { Folder } from "./course.ts";
import type { Lesson } from "./lesson.ts";

/** What has been done of a lesson; times as ISO 8601 writes them. */
export interface Done {
  /** when its text was read to the end */
  read?: string;
  /** when its exercise passed for the first time */
  passed?: string;
  /** how many hints were shown */
  hints?: number;
}

/** What has been done, by the lessons' folder names. */
export type Progress = Record<string, Done>;

function directory(root: string): string {
  return `${root}/lessons`;
}

/** The student's copy of a lesson's exercise; it may not be there. */
export function exerciseFile(root: string, { name }: Folder, { exercise }: Lesson): string {
  return `${directory(root)}/${name}/${exercise}`;
}

/** The student's copy of a lesson's exercise, made now if it is not there. */
export function ensureExercise(root: string, folder: Folder, lesson: Lesson): string {
  const file = exerciseFile(root, folder, lesson);
  if (readHostFile(file) === undefined) resetExercise(root, folder, lesson);
  return file;
}

/** Gives the student a fresh copy; an earlier one is kept beside it under `.old`. */
export function resetExercise(root: string, folder: Folder, lesson: Lesson): string {
  const file = exerciseFile(root, folder, lesson);
  Deno.mkdirSync(file.replace(/\/[^/]*$/, ""), { recursive: true });
  if (readHostFile(file) !== undefined) Deno.renameSync(file, `${file}.old`);
  const source = Deno.readTextFileSync(`${folder.path}/${lesson.exercise}`);
  Deno.writeTextFileSync(file, absoluteImports(source, folder.path));
  giveToCaller(root, file);
  return file;
}

/** Whoever called sudo(8) edits the exercise with an editor of its own. */
function giveToCaller(root: string, file: string): void {
  const [uid, gid] = ["SUDO_UID", "SUDO_GID"].map((name) => Number(Deno.env.get(name)));
  if (Deno.uid() !== 0 || !uid || !gid) return;
  for (let path = file; path !== directory(root); path = path.replace(/\/[^/]*$/, "")) {
    Deno.chownSync(path, uid, gid);
  }
}

const progressFile = (root: string) => `${directory(root)}/progress.json`;

/** What has been done so far. @throws {Error} if the file is no JSON */
export function readProgress(root: string): Progress {
  const text = readHostFile(progressFile(root));
  if (text === undefined) return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${progressFile(root)}: ${(error as Error).message}: mend or remove the file`);
  }
}

/** Notes what has been done of a lesson, beside what was noted before. */
export function note(root: string, { name }: Folder, done: Done): void {
  const progress = readProgress(root);
  progress[name] = { ...done, ...progress[name], ...(done.hints ? { hints: done.hints } : {}) };
  Deno.mkdirSync(directory(root), { recursive: true });
  const file = progressFile(root);
  // a file that is half written when the power fails is worse than an old one
  Deno.writeTextFileSync(`${file}.new`, `${JSON.stringify(progress, null, 2)}\n`);
  Deno.renameSync(`${file}.new`, file);
}

/** The time, for {@linkcode Done}. */
export function now(): string {
  return new Date().toISOString();
}
