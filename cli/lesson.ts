/**
 * `lesson`: the course, played, tried and graded.
 *
 * @module
 */

import { type Folder, folders, loadLesson, readText } from "../lessons/course.ts";
import { ensureExercise, note, now, readProgress, resetExercise } from "../lessons/exercises.ts";
import { lacks } from "../lessons/needs.ts";
import { didYouMean } from "../runtime/words.ts";
import { parseFlags, UsageError, wrongValue } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { type Desk, showHint, showSolution, showTrial } from "./lesson_exercise.ts";
import { FLAGS } from "./lesson_help.ts";
import { grade, nextLesson, showCourse } from "./lesson_list.ts";
import { playIn } from "./lesson_play.ts";
import { openKeyboard, openSheet, type Reader } from "./lesson_reader.ts";
import { paragraph } from "./lesson_screen.ts";
import { watch } from "./lesson_watch.ts";
import { languageOf, word } from "./lesson_words.ts";
import { hasColour } from "./output.ts";

/** How the words of the command line are meant. */
interface Wish {
  /** what is to be done */
  verb: "list" | "play" | "check" | "hint" | "solution" | "reset" | "grade";
  /** with which lessons */
  chosen: Folder[];
}

const VERBS = ["check", "hint", "solution", "reset", "grade"] as const;

/** Runs the command. */
export async function lesson(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (flags.lang !== undefined && !/^(en|zh)/.test(flags.lang)) {
    throw wrongValue("lang", flags.lang, "is no language of the course: en or zh");
  }
  const wish = read(operands, root);
  const isAlone = flags["no-pause"] || !Deno.stdin.isTerminal() || !Deno.stdout.isTerminal();
  const wantsKeys = !isAlone && wish.verb === "play";
  const colour = hasColour(Deno.stdout);
  const reader = wantsKeys ? openKeyboard(colour) : openSheet(colour);
  const tidy = cleanUpOnSignals(reader);
  const desk: Desk = { root, language: languageOf(flags.lang), reader, onOpen: tidy.watch };
  try {
    if (wish.verb === "grade") return await showGrades(desk, wish.chosen, flags.json ?? false);
    if (wish.verb === "list") showCourse(desk);
    if (wish.verb !== "play") return await serve(wish, desk);
    return await study(desk, wish.chosen[0], { wantsKeys, watches: flags.watch ?? false });
  } finally {
    tidy.stop();
    reader.close();
  }
}

/** Reads the words. */
function read(words: string[], root: string): Wish {
  if (words.length === 0) return { verb: "list", chosen: [] };
  // "hint 6" or "6 hint": both are said
  const verb = VERBS.find((verb) => words[0] === verb || words.at(-1) === verb);
  const chosen = words.filter((word) => word !== verb).map(folderOf);
  if (verb === "grade") return { verb, chosen: chosen.length > 0 ? chosen : folders() };
  if (chosen.length > 1) throw new UsageError(`${verb ?? "lesson"} takes one lesson at a time`);
  const next = nextLesson(root);
  if (chosen.length === 0 && next) chosen.push(next);
  return { verb: verb ?? "play", chosen };
}

function folderOf(text: string): Folder {
  const all = folders();
  const found = all.find(({ number }) => String(number) === text.replace(/^0+(?=\d)/, ""));
  if (found) return found;
  const numbers = all.map(({ number }) => number).join(", ");
  const near = didYouMean(text, VERBS);
  throw new UsageError(`there is no lesson ${JSON.stringify(text)}: there are ${numbers}${near}`);
}

/** What is done without keys. */
async function serve({ verb, chosen: [folder] }: Wish, desk: Desk): Promise<number> {
  const { language, root, reader: { write } } = desk;
  switch (verb) {
    case "hint":
      showHint(desk, folder);
      return 0;
    case "reset": {
      const file = resetExercise(root, folder, await loadLesson(folder));
      write(`${word(language, "reset", file)}\n`);
      return 0;
    }
    case "solution":
      if (!readProgress(root)[folder.name]?.passed) {
        throw new Error(word(language, "passFirst", folder.number));
      }
      await showSolution(desk, folder);
      return 0;
    case "check":
      if (!await canRun(desk, folder)) return 1;
      if (!await showTrial(desk, folder)) return 1;
      write("\n");
      await showSolution(desk, folder);
      return 0;
    default:
      return 0;
  }
}

/** Plays a lesson, and goes on with its exercise where there are keys. */
async function study(
  desk: Desk,
  first: Folder,
  { wantsKeys, watches }: { wantsKeys: boolean; watches: boolean },
): Promise<number> {
  if (watches && !wantsKeys) throw new UsageError("--watch needs a terminal");
  const { root, language, reader } = desk;
  for (let folder: Folder | undefined = first; folder;) {
    if (!await canRun(desk, folder)) return 1;
    if (!watches) {
      const own = await loadLesson(folder);
      const text = readText(folder, language);
      const end = await playIn(reader, { folder, lesson: own, text }, desk, desk.onOpen);
      if (end.hasQuit) return 0;
      note(root, folder, { read: now() });
      reader.write(`${word(language, "yourFile", ensureExercise(root, folder, own))}\n`);
      if (!wantsKeys) {
        reader.write(`${word(language, "next", folder.number)}\n`);
        return end.surprises > 0 ? 1 : 0;
      }
      if (await reader.key(word(language, "startWatch"), "\nq") === "q") {
        reader.write(`${word(language, "next", folder.number)}\n`);
        return 0;
      }
    }
    folder = await watch(desk, folder);
    watches = false;
  }
  return 0;
}

/** Whether the machine has what a lesson needs; says what it lacks. */
async function canRun({ language, reader }: Desk, folder: Folder): Promise<boolean> {
  const lacking = lacks((await loadLesson(folder)).needs);
  if (lacking.length === 0) return true;
  const lines = lacking.flatMap(({ what, fix }) => [
    ...paragraph(what[language], reader.screen, "  "),
    ...paragraph(word(language, "fix", fix), reader.screen, "    "),
  ]);
  reader.write(`${word(language, "cannot", folder.number)}\n${lines.join("\n")}\n`);
  return false;
}

async function showGrades(desk: Desk, chosen: Folder[], isJson: boolean): Promise<number> {
  const grades = await grade(desk, chosen);
  desk.reader.write(
    isJson
      ? `${JSON.stringify(grades, null, 2)}\n`
      : grades.map(({ lesson, state, otherwise }) =>
        `${String(lesson).padStart(2)}  ${state}${otherwise ? `: ${otherwise}` : ""}\n`
      ).join(""),
  );
  return 0;
}

/** The signals by which a person or a terminal ends a command, and their exit codes. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Leaves nothing behind also when a lesson is cut short. */
function cleanUpOnSignals(reader: Reader) {
  const open = new Set<AsyncDisposable>();
  const listeners = Object.entries(SIGNALS).map(([name, code]) => {
    const listener = async () => {
      reader.write("\n");
      reader.close();
      for (const workshop of open) await workshop[Symbol.asyncDispose]();
      Deno.exit(code);
    };
    Deno.addSignalListener(name as Deno.Signal, listener);
    return [name as Deno.Signal, listener] as const;
  });
  return {
    watch: (workshop: AsyncDisposable) => void open.add(workshop),
    stop: () => {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
