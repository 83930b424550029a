/**
 * Every lesson: its two texts mirror each other, it runs, and its check tells right from wrong.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { letter, staticLines } from "../../cli/lesson_screen.ts";
import { columnsOf } from "../../cli/wide.ts";
import { absoluteImports } from "../../lessons/blocks.ts";
import { solutionFile } from "../../lessons/course.ts";
import { exerciseFile, resetExercise } from "../../lessons/exercises.ts";
import { LANGUAGES } from "../../lessons/lesson.ts";
import type { LessonText, Part } from "../../lessons/text.ts";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { course, ifItCanRun, partsOf } from "./course.ts";

const subjects = await course();
const SCREEN = { columns: 80, colour: false };
/** A screen of 24 rows, without the two at its foot. */
const ROWS = 22;

/** A part without its words: what must be the same in every language. */
function skeleton(part: Part): unknown {
  switch (part.kind) {
    case "list":
      return [part.kind, part.isNumbered, part.items.length];
    case "prediction":
      return [part.kind, part.answers.map(({ isRight }) => isRight)];
    case "paragraph":
    case "why":
      return part.kind;
    case "picture":
      return [part.kind, part.lines.length];
    default:
      return part;
  }
}

const outline = ({ sections }: LessonText) => sections.map(({ parts }) => parts.map(skeleton));

for (const subject of subjects) {
  const { folder, lesson, text, hints } = subject;
  const about = `lesson ${folder.number}`;

  Deno.test(`${about}: the texts mirror each other, section by section`, () => {
    assertEquals(outline(text.zh), outline(text.en));
    assertEquals(hints.zh.length, hints.en.length);
    assert(hints.en.length >= 2, "one hint is none by degrees");
  });

  Deno.test(`${about}: every step is in the text, and the text names no other`, () => {
    const named = partsOf(text.en).flatMap((part) => part.kind === "step" ? [part.name] : []);
    assertEquals(named.toSorted(), Object.keys(lesson.steps).sort());
  });

  Deno.test(`${about}: what is predicted happens, and is then explained`, () => {
    for (const { heading, parts } of text.en.sections) {
      const order = parts.map(({ kind }) =>
        kind === "prediction" ? "?" : kind === "why" ? "!" : isLive(kind) ? "*" : ""
      ).join("");
      assert(/^\**(\?\*+!\**)*$/.test(order), `${heading}: ${order}: want a guess, a fact, a why`);
    }
    assert(partsOf(text.en).some(({ kind }) => kind === "prediction"), "nothing to predict");
    assert(partsOf(text.en).some(({ kind }) => isLive(kind)), "nothing happens");
  });

  Deno.test(`${about}: the last section sets the exercise, and nothing happens in it`, () => {
    const { heading, parts } = text.en.sections.at(-1)!;
    assert(/^Exercise: /.test(heading), heading);
    assert(/^练习：/.test(text.zh.sections.at(-1)!.heading), text.zh.sections.at(-1)!.heading);
    assert(!parts.some(({ kind }) => isLive(kind)));
  });

  Deno.test(`${about}: hints show no block of code, which nobody would run`, () => {
    for (const hint of [...hints.en, ...hints.zh]) assert(!hint.includes("```"), hint);
  });

  Deno.test(`${about}: what is read at once fits on a screen of 24 by 80`, () => {
    for (const language of LANGUAGES) {
      for (const { heading, parts } of text[language].sections) {
        let rows = 2;
        for (const part of parts) {
          if (isLive(part.kind)) break;
          const lines = staticLines(part, SCREEN);
          for (const line of lines) assert(columnsOf(line) <= 80, line);
          rows += lines.length + 1;
          if (part.kind === "prediction") break;
        }
        assert(rows <= ROWS, `${language}: ${heading}: ${rows} rows`);
      }
    }
  });

  Deno.test({
    ...ifItCanRun(subject, "runs in both languages, as told, and leaves nothing behind"),
    async fn() {
      await using root = await tempRoot();
      const temporary = `${root.path}/tmp`;
      await Deno.mkdir(temporary);
      const play = async (language: string) => {
        const words = ["lesson", String(folder.number), "--no-pause", "--lang", language];
        const { code, stdout, stderr } = await runTiffin(words, {
          root: root.path,
          env: { TMPDIR: temporary },
          timeout: 240,
        });
        assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout + stderr);
        // a path is not broken: it is there to be copied
        const lines = stdout.split("\n").filter((line) => !line.includes(root.path));
        for (const line of lines) assert(columnsOf(line) <= 80, line);
        return stdout;
      };
      const english = await play("en");
      for (const answer of partsOf(text.en).filter(({ kind }) => kind === "prediction")) {
        const right = answer.kind === "prediction" && answer.answers.findIndex((a) => a.isRight);
        assert(english.includes(`It is ${letter(right as number)}).`));
      }
      const before = hostSnapshot(root.path);
      await play("zh");
      await assertUnchanged(before, 5000);
    },
  });

  Deno.test({
    ...ifItCanRun(subject, "the check refuses the exercise as it is, and takes the solution"),
    async fn() {
      await using root = await tempRoot();
      const temporary = `${root.path}/tmp`;
      await Deno.mkdir(temporary);
      const options = { root: root.path, env: { TMPDIR: temporary }, timeout: 240 };
      const check = (language: string) =>
        runTiffin(["lesson", "check", String(folder.number), "--lang", language], options);
      resetExercise(root.path, folder, lesson);
      for (const [language, word] of [["en", "Not yet."], ["zh", "还没有通过。"]]) {
        const { code, stdout, stderr } = await check(language);
        assertEquals({ code, stderr }, { code: 1, stderr: "" }, stdout + stderr);
        assert(stdout.includes(word), stdout);
      }
      const solution = Deno.readTextFileSync(solutionFile(folder, lesson));
      const file = exerciseFile(root.path, folder, lesson);
      Deno.writeTextFileSync(file, absoluteImports(solution, folder.path));
      for (const [language, word] of [["en", "Passed."], ["zh", "通过。"]]) {
        const { code, stdout, stderr } = await check(language);
        assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout + stderr);
        assert(stdout.includes(word), stdout);
        assert(!stdout.includes(" --  "), stdout);
      }
      const before = hostSnapshot(root.path);
      const graded = await runTiffin(["lesson", "grade", String(folder.number), "--json"], options);
      assertEquals(JSON.parse(graded.stdout)[0].state, "passed");
      await assertUnchanged(before, 5000);
    },
  });
}

function isLive(kind: Part["kind"]): boolean {
  return kind === "shell" || kind === "program" || kind === "step";
}
