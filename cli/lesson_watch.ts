/**
 * `lesson N --watch`: the exercise is tried on every save, and single keys do the rest.
 *
 * @module
 */

import { type Folder, folders, loadLesson } from "../lessons/course.ts";
import { ensureExercise, readProgress } from "../lessons/exercises.ts";
import { type Desk, showHint, showSolution, showTrial } from "./lesson_exercise.ts";
import { showCourse } from "./lesson_list.ts";
import { word } from "./lesson_words.ts";

/** Milliseconds that a save may take: editors write a file in several steps. */
const SETTLING = 150;

/**
 * Watches an exercise until the student leaves.
 *
 * @returns the lesson to go on with, or nothing
 */
export async function watch(desk: Desk, folder: Folder): Promise<Folder | undefined> {
  const { language, reader } = desk;
  const file = ensureExercise(desk.root, folder, await loadLesson(folder));
  const watcher = Deno.watchFs(file.replace(/\/[^/]*$/, ""));
  const saves = new Saves(watcher, file);
  let hasPassed = false;
  let event = "r";
  let key: Promise<string> | undefined;
  try {
    for (;;) {
      if (event === "q") return undefined;
      if (event === "n" && hasPassed) return folders().find((one) => one.number > folder.number);
      if (event === "n") reader.write(`${word(language, "passFirstToGoOn")}\n`);
      if (event === "h") showHint(desk, folder);
      if (event === "s") {
        if (readProgress(desk.root)[folder.name]?.passed) await showSolution(desk, folder);
        else reader.write(`${word(language, "passFirst", folder.number)}\n`);
      }
      if (event === "l") showCourse(desk);
      if (event === "r") hasPassed = await showTrial(desk, folder);
      reader.write(`\n${word(language, "watchKeys")}\n\n`);
      key ??= reader.key("", "nhslrq");
      event = await Promise.race([key, saves.next()]);
      if (event !== SAVED) key = undefined;
      else event = "r";
    }
  } finally {
    watcher.close();
  }
}

/** What stands for a save among the keys. */
const SAVED = "saved";

/** The saves of one file. */
class Saves {
  private isFresh = false;
  private wake = () => {};

  constructor(watcher: Deno.FsWatcher, file: string) {
    this.follow(watcher, file);
  }

  /** Waits for the next save; one that came meanwhile counts. */
  async next(): Promise<typeof SAVED> {
    if (!this.isFresh) await new Promise<void>((resolve) => this.wake = resolve);
    this.isFresh = false;
    return SAVED;
  }

  /** Notes that the file has been written and then left alone for a moment. */
  private async follow(watcher: Deno.FsWatcher, file: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    for await (const { kind, paths } of watcher) {
      if (kind === "access" || !paths.includes(file)) continue;
      clearTimeout(timer);
      timer = setTimeout(() => {
        this.isFresh = true;
        this.wake();
      }, SETTLING);
    }
    clearTimeout(timer);
  }
}
