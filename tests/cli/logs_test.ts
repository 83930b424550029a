/**
 * `logs`: order, streams, the last lines, times, and following to the end.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertThrows } from "@std/assert/throws";
import { parseMoment } from "../../cli/flags/moment.ts";
import { lastLines, LineStamps } from "../../runtime/log_lines.ts";
import type { LogChunk } from "../../runtime/logs.ts";
import { needs } from "../helpers/needs.ts";
import { anyUser, localBox, Talk, tiffin } from "./box.ts";
import { detached } from "./detached.ts";

const box = localBox();

Deno.test({
  ...needs(
    "logs: both streams in order, the last lines, times; of a container that has ended",
    anyUser,
  ),
  async fn() {
    const script = "for i in 1 2 3; do echo out $i; sleep 0.05; echo err $i >&2; sleep 0.05; done";
    await using web = await detached(box, ["sh", "-c", script]);
    assertEquals((await web.text("wait", web.id)).trim(), "0");
    const { stdout, stderr } = await web.tiffin("logs", web.id);
    assertEquals(stdout, "out 1\nout 2\nout 3\n");
    assertEquals(stderr, "err 1\nerr 2\nerr 3\n");
    const tail = await web.tiffin("logs", "--tail", "3", web.id);
    assertEquals([tail.stdout, tail.stderr], ["out 3\n", "err 2\nerr 3\n"]);
    const stamped = (await web.text("logs", "-t", web.id)).split("\n");
    for (const line of stamped.slice(0, 3)) {
      assertMatch(line, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out \d$/);
    }
    const [second] = stamped[1].split(" ");
    const since = await web.tiffin("logs", "--since", second, web.id);
    assertEquals([since.stdout, since.stderr], ["out 2\nout 3\n", "err 2\nerr 3\n"]);
    const until = await web.tiffin("logs", "--until", second, web.id);
    assertEquals([until.stdout, until.stderr], ["out 1\nout 2\n", "err 1\n"]);
    assertEquals((await web.tiffin("logs", "--tail", "0", web.id)).stdout, "");
  },
});

Deno.test({
  ...needs("logs -f gives each line when it is written", anyUser),
  async fn() {
    const script = "echo 1; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo 2; sleep 0.3; exit 4";
    await using web = await detached(box, ["sh", "-c", script]);
    await using talk = new Talk(tiffin("logs", "-f", web.id), box.path);
    assertEquals(await talk.hear(/1\n/), "1\n");
    await web.text("exec", web.id, "touch", "/tmp/go");
    assertEquals(await talk.hear(/2\n/), "2\n");
    assertEquals((await talk.end()).code, 0);
  },
});

function chunk(text: string, stream: 1 | 2 = 1, time = 0n): LogChunk {
  return { time, stream, bytes: new TextEncoder().encode(text) };
}

Deno.test("the last lines of chunks that hold several lines, or a part of one", () => {
  const last = (count: number, ...texts: string[]) =>
    lastLines(texts.map((text) => chunk(text)), count)
      .map(({ bytes }) => new TextDecoder().decode(bytes)).join("");
  assertEquals(last(2, "a\nb\nc\n"), "b\nc\n");
  assertEquals(last(2, "a\nb\n", "c"), "b\nc");
  assertEquals(last(1, "a\nb", "c", "d\n"), "bcd\n");
  assertEquals(last(1, "a\n", "b\n", "c\n"), "c\n");
  assertEquals(last(9, "a\n", "b"), "a\nb");
  assertEquals(last(3, "a\n\n\nb\n"), "\n\nb\n");
  assertEquals(last(0, "a\n"), "");
  assertEquals(last(1), "");
});

Deno.test("a line has the time of its beginning, also where it comes in pieces", () => {
  const stamps = new LineStamps();
  const show = (part: LogChunk) =>
    new TextDecoder().decode(stamps.stamp(part)).replaceAll("1970-01-01T00:00:00.00000000", "@");
  assertEquals(show(chunk("a\nb", 1, 1n)), "@1Z a\n@1Z b");
  assertEquals(show(chunk("error\n", 2, 2n)), "@2Z error\n");
  assertEquals(show(chunk("c\nd\n", 1, 3n)), "c\n@3Z d\n");
});

Deno.test("moments as Docker reads them", () => {
  const now = Date.parse("2026-11-26T12:00:00Z");
  const at = (text: string) => new Date(Number(parseMoment("since", text, now) / 1_000_000n));
  const iso = (text: string) => at(text).toISOString();
  assertEquals(iso("10m"), "2026-11-26T11:50:00.000Z");
  assertEquals(iso("1h30m"), "2026-11-26T10:30:00.000Z");
  assertEquals(iso("2026-11-26T11:00:00Z"), "2026-11-26T11:00:00.000Z");
  assertEquals(iso("2026-11-26T11:00:00.5+01:00"), "2026-11-26T10:00:00.500Z");
  assertEquals(iso("1700000000.25"), "2023-11-14T22:13:20.250Z");
  assertEquals(at("2026-11-26").getHours(), 0);
  assertEquals(at("2026-11-26T13").getHours(), 13);
  assertEquals(parseMoment("since", "2026-11-26T11:00:00.123456789Z") % 1000n, 789n);
  for (const text of ["", "x", "10", "-5m", "2026-13-45", "10 m"].filter((text) => text !== "10")) {
    assertThrows(() => parseMoment("since", text, now), Error, "is no moment");
  }
});
