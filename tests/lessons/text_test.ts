/**
 * Lesson texts as values: what is a part of the rules, what is refused, and where.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { absoluteImports, matches } from "../../lessons/blocks.ts";
import { parseText, TextError } from "../../lessons/text.ts";

const only = (markdown: string) => parseText(`# Title\n\n${markdown}`, "a.md").sections[0].parts;

Deno.test("a text is sections of parts", () => {
  const { title, sections } = parseText("# One\n\nfirst\nline\n\n## Two\n\n- a\n- b\n", "a.md");
  assertEquals(title, "One");
  assertEquals(sections.map(({ heading }) => heading), ["One", "Two"]);
  assertEquals(sections[0].parts, [{ kind: "paragraph", text: "first line" }]);
  assertEquals(sections[1].parts, [{ kind: "list", items: ["a", "b"], isNumbered: false }]);
});

Deno.test("lines of Chinese are joined without a space, but not to what is Latin", () => {
  assertEquals(only("内核\n进程\nLinux"), [{ kind: "paragraph", text: "内核进程 Linux" }]);
});

Deno.test("commands have what they must write, and how they must end", () => {
  assertEquals(only("```sh\n$ echo a\na\n$ false\n[exit code 1]\n```"), [{
    kind: "shell",
    commands: [{ line: "echo a", output: ["a"], code: 0 }, { line: "false", output: [], code: 1 }],
  }]);
});

Deno.test("a guess has one right answer", () => {
  assertEquals(only("- [ ] no\n- [x] yes,\n  indeed"), [{
    kind: "prediction",
    answers: [{ text: "no", isRight: false }, { text: "yes, indeed", isRight: true }],
  }]);
});

for (
  const [what, markdown, complaint] of [
    ["code that nobody would run", "```py\nprint(1)\n```", /a\.md:3: a block is sh, ts, step/],
    ["a table", "| a | b |", /a\.md:3: tables/],
    ["a guess without a right answer", "- [ ] a\n- [ ] b", /one right one/],
    ["a guess with two", "- [x] a\n- [x] b", /one right one/],
    ["a step of two lines", "```step\na\nb\n```", /holds one line/],
    ["output before a command", "```sh\na\n```", /begins with a command/],
    ["a block that does not end", "```sh\n$ true", /does not end/],
    ["a heading of the third level", "### Three", /with ## is wanted/],
  ] as const
) {
  Deno.test(`${what} is refused, with file and line`, () => {
    assertThrows(() => only(markdown), TextError, "a.md");
    try {
      only(markdown);
    } catch (error) {
      assert(complaint.test((error as Error).message), (error as Error).message);
    }
  });
}

Deno.test("an ellipsis stands for anything in a line, or for any lines", () => {
  assert(matches("a 12 b\n", ["a … b"]));
  assert(!matches("a\nb\n", ["a…b"]));
  assert(matches("a\nx\ny\nb\n", ["a", "…", "b"]));
  assert(matches("a\nb\n", ["a", "…", "b"]));
  assert(matches("1+1", ["1+1"]), "what is special elsewhere is not here");
  assert(!matches("other\n", ["one"]));
  assert(matches("whatever\n", []), "a text without output leaves it open");
});

Deno.test("a student's copy imports from where the lesson is", () => {
  const source = 'import { a } from "../../ffi/libc.ts";\nimport "@std/assert/equals";\n';
  assertEquals(
    absoluteImports(source, "/home/x/lessons/01-a"),
    'import { a } from "file:///home/x/ffi/libc.ts";\nimport "@std/assert/equals";\n',
  );
});
