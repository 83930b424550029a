/**
 * `lesson` as a student uses it: the list, hints by degrees, pages turned by keys, an exercise that is
 * tried on every save, and nothing left behind when somebody leaves in the middle.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { shownLines } from "../../cli/lesson_screen.ts";
import { absoluteImports } from "../../lessons/blocks.ts";
import { folders, loadLesson, readText, solutionFile } from "../../lessons/course.ts";
import { exerciseFile, readProgress, resetExercise } from "../../lessons/exercises.ts";
import { lacks } from "../../lessons/needs.ts";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser, tiffin, until } from "./box.ts";
import { Pty } from "./pty.ts";

/** A lesson that is quickly played and quickly tried. */
const folder = folders().find(({ number }) => number === 3)!;
const lesson = await loadLesson(folder);
const able = lacks(lesson.needs).length === 0;

function ifAble(name: string) {
  const { ignore, ...rest } = needs(name, anyUser);
  return { ...rest, ignore: ignore || !able };
}

/** A data root, and a directory for temporary files that is to be empty in the end. */
async function desk() {
  const root = await tempRoot();
  const temporary = `${root.path}/tmp`;
  await Deno.mkdir(temporary);
  const env = { TIFFIN_ROOT: root.path, TMPDIR: temporary, NO_COLOR: "1", LC_ALL: "C.UTF-8" };
  return {
    path: root.path,
    run: (...words: string[]) => runTiffin(["lesson", ...words], { root: root.path, env }),
    open: (...words: string[]) => new Pty([...tiffin(), "lesson", ...words], env),
    left: () => Array.from(Deno.readDirSync(temporary), ({ name }) => name),
    processes: () => processesWith(temporary),
    progress: () => readProgress(root.path)[folder.name],
    file: exerciseFile(root.path, folder, lesson),
    write: (source: string) => {
      resetExercise(root.path, folder, lesson);
      Deno.writeTextFileSync(exerciseFile(root.path, folder, lesson), source);
    },
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  };
}

/** Processes that were started with this in their environment. */
function processesWith(text: string): string[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => name).filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) return false;
    try {
      return Deno.readTextFileSync(`/proc/${name}/environ`).includes(text);
    } catch {
      return false;
    }
  });
}

const solution = () =>
  absoluteImports(Deno.readTextFileSync(solutionFile(folder, lesson)), folder.path);

Deno.test("the list has every lesson by its title, in the reader's language, and what is next", async () => {
  await using place = await desk();
  for (const [language, first] of [["en", "The course"], ["zh", "课程"]] as const) {
    const { code, stdout } = await place.run("--lang", language);
    assertEquals(code, 0);
    assert(stdout.startsWith(first), stdout);
    for (const each of folders()) assert(stdout.includes(readText(each, language).title), stdout);
    assertMatch(stdout, /tiffin lesson 1\n/);
  }
});

Deno.test("the language is the locale's unless one is asked for", async () => {
  await using root = await tempRoot();
  const list = async (env: Record<string, string>) =>
    (await runTiffin(["lesson"], { root: root.path, env })).stdout;
  assertMatch(await list({ LC_ALL: "zh_CN.UTF-8" }), /^课程/);
  assertMatch(await list({ LC_ALL: "", LC_MESSAGES: "", LANG: "de_DE.UTF-8" }), /^The course/);
});

Deno.test("the number stands before or after the word", async () => {
  await using root = await tempRoot();
  const say = async (...words: string[]) =>
    (await runTiffin(["lesson", ...words], { root: root.path })).stdout;
  assertMatch(await say("6", "hint"), /^Hint 1 of 3: overlayfs/);
  assertMatch(await say("hint", "6"), /^Hint 2 of 3: /);
});

for (
  const [words, complaint] of [
    [["99"], /there is no lesson "99": there are 1, 2, 3/],
    [["one"], /there is no lesson "one"/],
    [["6", "chekc"], /there is no lesson "chekc": .*, 15; did you mean "check"\?/],
    [["99", "hint"], /there is no lesson "99"/],
    [["1", "2"], /one lesson at a time/],
    [["--lang", "fr"], /no language of the course: en or zh/],
    [["1", "--watch"], /--watch needs a terminal/],
    [["--wach"], /unknown flag.*--watch/],
  ] as const
) {
  Deno.test(`lesson ${words.join(" ")} is refused with a sentence`, async () => {
    await using place = await desk();
    const { code, stderr } = await place.run(...words);
    assert(code !== 0);
    assertMatch(stderr, complaint);
  });
}

Deno.test("a long line is rather folded behind a word or a directory's name than within it", () => {
  const folded = (line: string, columns: number) =>
    shownLines({ kind: "lines", lines: [line] }, { columns, colour: false }, String);
  assertEquals(folded("echo 7 > /sys/fs/cgroup/some.file", 30), [
    "  echo 7 > /sys/fs/cgroup/",
    "      some.file",
  ]);
  assertEquals(folded("a word".padEnd(40, "x"), 30), [
    "  a wordxxxxxxxxxxxxxxxxxxxxxx",
    "      xxxxxxxxxxxx",
  ]);
  assertEquals(folded("of just the screen's width!!", 30), ["  of just the screen's width!!"]);
});

Deno.test({
  ...ifAble("of much that an exercise writes the last lines are shown, and said to be"),
  async fn() {
    await using place = await desk();
    place.write("seq 100\n");
    const { stdout } = await place.run("check", "3");
    assertMatch(stdout, /The last 8 of the 100 lines that it wrote:\n {2}93\n/);
  },
});

Deno.test("hints come one after the other, and are counted; the solution comes after passing", async () => {
  await using place = await desk();
  for (const start of ["Hint 1 of 3: ", "Hint 2 of 3: ", "Hint 3 of 3: ", "Hint 1 of 3: "]) {
    assert((await place.run("hint", "3")).stdout.startsWith(start));
  }
  assertEquals(place.progress(), { hints: 4 });
  const { code, stderr } = await place.run("solution", "3");
  assertEquals(code, 1);
  assertMatch(stderr, /shown once its exercise has passed/);
});

Deno.test("a reset gives a fresh copy, and keeps the old one", async () => {
  await using place = await desk();
  await place.run("reset", "3");
  const fresh = Deno.readTextFileSync(place.file);
  Deno.writeTextFileSync(place.file, "# mine\n");
  await place.run("reset", "3");
  assertEquals(Deno.readTextFileSync(place.file), fresh);
  assertEquals(Deno.readTextFileSync(`${place.file}.old`), "# mine\n");
});

Deno.test({
  ...ifAble("a class's grader gets what was found of each exercise that was begun, as JSON"),
  async fn() {
    await using place = await desk();
    place.write("exit 0\n");
    const { code, stdout } = await place.run("grade", "--json");
    assertEquals(code, 0);
    const grades = JSON.parse(stdout);
    assertEquals(grades.map((grade: { name: string }) => grade.name), folders().map((f) => f.name));
    for (const { lesson, state, claims, hints } of grades) {
      assertEquals(state, lesson === 3 ? "not yet" : "not begun");
      assertEquals(hints, 0);
      assertEquals(claims.length, lesson === 3 ? 1 : 0);
    }
    assertEquals(place.left(), []);
  },
});

Deno.test({
  ...ifAble("pages are turned by Enter, a guess is told to be right or wrong, q leaves"),
  async fn() {
    await using place = await desk();
    const pty = place.open("3");
    const page = await pty.see(/Enter: go on {3}q: quit$/);
    assert(page.split("\n").length <= 24, page);
    await pty.type("\n");
    await pty.see(/Your guess \(a\/b\/c\)\?.*$/);
    await pty.type("a");
    await pty.see(/You said a\); it is b\)\.[^]*q: quit$/);
    await pty.type("q");
    assertEquals((await pty.status).code, 0);
    assertEquals(place.progress(), undefined);
    assertEquals(place.left(), []);
    pty.hangUp();
  },
});

Deno.test({
  ...ifAble("a terminal that tells no size and obeys nothing gets plain text"),
  async fn() {
    await using place = await desk();
    const env = { TIFFIN_ROOT: place.path, TERM: "dumb", LC_ALL: "C.UTF-8" };
    const pty = new Pty(["env", "-u", "NO_COLOR", ...tiffin(), "lesson", "3"], env);
    pty.resize(0, 0);
    const first = await pty.see(/q: quit$/);
    await pty.type("\n");
    const second = await pty.see(/Your guess \(a\/b\/c\)\?.*$/);
    assert(!(first + second).includes("\x1b"));
    assertMatch(second, /^\r\n/);
    await pty.type("q");
    assertEquals((await pty.status).code, 0);
    pty.hangUp();
  },
});

Deno.test({
  ...ifAble(
    "Ctrl-C in the middle of a lesson and of a check leaves nothing, and the terminal as it was",
  ),
  async fn() {
    await using place = await desk();
    const reading = place.open("3");
    await reading.see(/q: quit$/);
    assert(place.left().length > 0, "a lesson works somewhere");
    await reading.type("\x03");
    assertEquals((await reading.status).code, 130);
    assertEquals(place.left(), []);

    // the check waits for another program; two of these have left their parent
    const stay = "exec tail -f /dev/null";
    place.write(`setsid sh -c 'tail -f /dev/null & ${stay}' & ${stay}\n`);
    const settings = await reading.settings();
    reading.hangUp();
    const checking = place.open("check", "3");
    await until(() => place.processes().length >= 4, () => "the check and three processes");
    await checking.type("\x03");
    assertEquals((await checking.status).code, 130);
    assertEquals(place.left(), []);
    await until(() => place.processes().length === 0, () => place.processes().join());
    assertEquals(await checking.settings(), settings);
    checking.hangUp();
  },
});

Deno.test({
  ...ifAble("--watch tries the exercise on every save, and knows the keys n, h, s, l, r and q"),
  async fn() {
    await using place = await desk();
    place.write("exit 0\n");
    const pty = place.open("3", "--watch");
    const keys = /n next {2}h hint {2}s solution {2}l list {2}r run again {2}q quit.*\r\n\r\n$/;
    assertMatch(await pty.see(keys), /Not yet\./);
    await pty.type("n");
    assertMatch(await pty.see(keys), /Not before this one has passed/);
    await pty.type("h");
    assertMatch(await pty.see(keys), /Hint 1 of 3/);
    await pty.type("s");
    assertMatch(await pty.see(keys), /shown once its exercise has passed/);
    await pty.type("l");
    assertMatch(await pty.see(keys), /The course/);
    await pty.type("r");
    assertMatch(await pty.see(keys), /Not yet\./);
    Deno.writeTextFileSync(place.file, solution());
    assertMatch(await pty.see(keys), /Passed\./);
    await pty.type("s");
    assertMatch(await pty.see(/Enter: go on/), /One way to write it/);
    await pty.type("\r");
    assertMatch(await pty.see(keys), /sleep/);
    assert(place.progress()?.passed);
    await pty.type("q");
    assertEquals((await pty.status).code, 0);
    assertEquals(place.left(), []);
    pty.hangUp();
  },
});
