/**
 * The help of `lesson`, and its flags.
 *
 * @module
 */

import type { FlagTable } from "./flags/grammar.ts";
import type { Help } from "./usage.ts";

/** The flags of `lesson`. */
export const FLAGS = {
  "no-pause": { help: "go through the text without waiting for keys" },
  watch: { help: "try the exercise now, and again on every save" },
  lang: { value: "en|zh", help: "the language; otherwise the locale's" },
  json: { help: "grade: as JSON, for a program" },
} as const satisfies FlagTable;

/** The help of `lesson`. */
export const help: Help = {
  usage: "lesson [FLAGS] [N | check | hint | solution | reset | grade] [N…]",
  summary: "learn how containers work, by making each part of one",
  about: [
    "A lesson is a short text in which real things happen, and an exercise that is checked against the kernel. Without a number, check, hint, solution and reset mean the first lesson that is not done.",
    "Exercises and progress.json are in the directory lessons of the data root. Everything else that a lesson makes is gone when it ends, also after Ctrl-C.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "lesson", does: "the course, and what is done" },
    { command: "lesson 1", does: "begin" },
    { command: "lesson 1 --watch", does: "work on the exercise: keys n, h, s, l, r, q" },
    { command: "lesson grade --json", does: "every exercise that was begun, for a class" },
  ],
};
