/**
 * A pull on the screen: bars on a terminal, lines elsewhere, and nothing left behind.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { pullDisplay, type Screen } from "../../cli/progress.ts";
import type { LayerState, PullEvent } from "../../runtime/images/pull.ts";

/** A terminal of a few lines that obeys what the display uses: moving up, and erasing down. */
class Terminal implements Screen {
  lines = [""];
  /** The longest line that was ever written. */
  widest = 0;
  /** How often something was written. */
  writes = 0;

  constructor(readonly columns = 80, readonly rows = 24) {}

  isTerminal(): boolean {
    return true;
  }

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: this.rows };
  }

  write(text: string): void {
    this.writes++;
    // deno-lint-ignore no-control-regex
    for (const [token, up] of text.matchAll(/\x1b\[(\d*)[AJ]|\n|\r|[^\n\r\x1b]+/g)) {
      if (token === "\n") this.lines.push("");
      else if (token === "\x1b[J") this.lines[this.lines.length - 1] = "";
      // What is below the cursor is always erased next, so it may go at once.
      else if (up) this.lines.splice(this.lines.length - Number(up));
      else if (token !== "\r") this.lines[this.lines.length - 1] += token;
      this.widest = Math.max(this.widest, this.lines[this.lines.length - 1].length);
    }
  }
}

function digestOf(letter: string): string {
  return `sha256:${letter.repeat(64)}`;
}

function layer(letter: string, state: LayerState, received = 0, total = 1000): PullEvent {
  return { kind: "layer", digest: digestOf(letter), state, received, total };
}

function resolved(...letters: string[]): PullEvent {
  const layers = letters.map((letter) => ({ digest: digestOf(letter), size: 1000 }));
  return { kind: "resolved", name: "docker.io/library/box:1", digest: digestOf("0"), layers };
}

const RETRY: PullEvent = { kind: "retry", reason: "box: the connection broke", pause: 500 };

Deno.test("without a terminal each change is a line", () => {
  let text = "";
  const display = pullDisplay({
    isTerminal: () => false,
    write: (more) => text += more,
    size: () => ({ columns: 80, rows: 24 }),
  });
  display.show(resolved("a", "b"));
  display.show(layer("a", "downloading"));
  display.show(layer("a", "downloading", 500));
  display.show(layer("b", "exists"));
  display.show(RETRY);
  display.show(layer("a", "verifying", 1000));
  display.show(layer("a", "unpacking", 1000));
  display.show(layer("a", "done", 1000));
  display.close();
  assertEquals(
    text,
    `\
docker.io/library/box:1: 2 layers, 2kB
aaaaaaaaaaaa: downloading 1kB
bbbbbbbbbbbb: already here
box: the connection broke; trying again in 0.5 s
aaaaaaaaaaaa: verifying
aaaaaaaaaaaa: unpacking
aaaaaaaaaaaa: done
`,
  );
});

Deno.test("on a terminal there is a bar for each layer, drawn over again", () => {
  const terminal = new Terminal();
  const display = pullDisplay(terminal);
  display.show(resolved("a", "b", "c"));
  display.show(layer("b", "exists"));
  display.show(layer("a", "downloading", 500));
  assertEquals(terminal.lines, [
    "docker.io/library/box:1: 3 layers, 3kB",
    `aaaaaaaaaaaa  downloading  [${"=".repeat(14)}>${" ".repeat(14)}]  500B of 1kB`,
    "bbbbbbbbbbbb  already here",
    "cccccccccccc  queued",
    "",
  ]);
  display.show(layer("a", "done", 1000));
  assertEquals(terminal.lines[1], "aaaaaaaaaaaa  done");
  assertEquals(terminal.lines.length, 5);
});

Deno.test("when it is over, only what went wrong is left on the screen", () => {
  const terminal = new Terminal();
  terminal.write("$ tiffin pull box:1\n");
  const display = pullDisplay(terminal);
  display.show(resolved("a", "b"));
  display.show(RETRY);
  display.show(layer("a", "downloading", 1));
  display.close();
  display.close();
  assertEquals(terminal.lines, [
    "$ tiffin pull box:1",
    "box: the connection broke; trying again in 0.5 s",
    "",
  ]);
});

Deno.test("a pull that nothing is known of leaves nothing", () => {
  const terminal = new Terminal();
  pullDisplay(terminal).close();
  assertEquals(terminal.lines, [""]);
});

Deno.test("no line is as wide as the screen, however narrow", () => {
  for (const columns of [10, 40, 60, 80, 200]) {
    const terminal = new Terminal(columns);
    const display = pullDisplay(terminal);
    display.show(resolved("a"));
    display.show(layer("a", "downloading", 123_456_789, 987_654_321));
    assert(terminal.widest < columns, String(columns));
    assertEquals(terminal.lines.length, 3);
  }
});

Deno.test("on a low screen there are those layers that something happens to", () => {
  const terminal = new Terminal(80, 5);
  const display = pullDisplay(terminal);
  display.show(resolved(..."abcdef"));
  display.show(layer("a", "exists"));
  display.show(layer("b", "done"));
  for (const letter of "cdef") display.show(layer(letter, "unpacking"));
  assertEquals(terminal.lines, [
    "docker.io/library/box:1: 6 layers, 6kB, 2 done",
    "cccccccccccc  unpacking",
    "dddddddddddd  unpacking",
    "eeeeeeeeeeee  unpacking",
    "",
  ]);
});

Deno.test("a fast download does not draw each of its pieces, but the last of them", async () => {
  const terminal = new Terminal();
  const display = pullDisplay(terminal);
  display.show(resolved("a"));
  for (let i = 0; i < 1000; i++) display.show(layer("a", "downloading", i));
  assert(terminal.writes < 100, String(terminal.writes));
  await new Promise((resolve) => setTimeout(resolve, 60));
  assertMatch(terminal.lines[1], /999B of 1kB$/);
  display.close();
});
