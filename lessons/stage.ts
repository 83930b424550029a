/**
 * A stage for a lesson's steps: what they say and show goes to whoever plays the lesson.
 *
 * @module
 */

import { type Stage, Surprise, type Text } from "./lesson.ts";
import type { Workshop } from "./workshop.ts";

/** Something for the reader. */
export type Shown =
  /** a paragraph, in the words of lesson texts */
  | { kind: "paragraph"; text: string }
  /** lines as they are */
  | { kind: "lines"; lines: string[] }
  /** a command as it was typed, and what it wrote */
  | { kind: "typed"; line: string; output: string; code: number };

/** A stage in a workshop. @param show called for each thing that the reader is to see */
export function openStage(workshop: Workshop, show: (shown: Shown) => void): Stage {
  const { language } = workshop;
  const own: Omit<Stage, keyof Workshop> = {
    say: (text: Text) => show({ kind: "paragraph", text: text[language] }),
    show: (lines) => {
      const all = typeof lines === "string" ? lines.replace(/\n$/, "").split("\n") : [...lines];
      show({ kind: "lines", lines: all });
    },
    type: async (line) => {
      const { output, code } = await workshop.run(["sh", "-c", line]);
      show({ kind: "typed", line, output, code });
      return output;
    },
    expect: (isSo, what) => {
      if (!isSo) throw new Surprise(what[language]);
    },
  };
  return { ...workshop, ...own };
}
