/**
 * Help: it fits the screen, and its examples work.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertSnapshot } from "@std/testing/snapshot";
import { commandOf, COMMANDS, GLOBAL_FLAGS, helpOf } from "../../cli/main.ts";
import { parseRunFlags } from "../../cli/run_flags.ts";
import { formatHelp, formatOverview, type Help } from "../../cli/usage.ts";

const helps: Record<string, Help> = {};
for (const [name, entry] of Object.entries(COMMANDS)) helps[name] = await helpOf(entry);

function longLines(text: string): string[] {
  return text.split("\n").filter((line) => line.length > 80);
}

Deno.test("the overview", async (context) => {
  const text = formatOverview(helps, GLOBAL_FLAGS);
  assertEquals(longLines(text), []);
  await assertSnapshot(context, text);
});

for (const [name, help] of Object.entries(helps)) {
  Deno.test(`the help of ${name}`, async (context) => {
    const text = formatHelp(help);
    assertEquals(longLines(text), []);
    assert(help.usage.startsWith(name));
    assert(help.examples.length > 0);
    await assertSnapshot(context, text);
  });

  Deno.test(`the examples of ${name} are understood`, async () => {
    for (const { command } of help.examples) {
      const [first, ...words] = splitWords(command);
      assertEquals(first, name);
      if (name === "run" || name === "explain") assert((await parseRunFlags(words)).image);
    }
  });
}

/** The words of an example, as a shell takes them apart. */
function splitWords(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain);
}

Deno.test("every command that can be loaded is the one that it is called", async () => {
  for (const entry of Object.values(COMMANDS)) {
    assertEquals(typeof await commandOf(entry), "function");
  }
});
