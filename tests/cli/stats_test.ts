/**
 * `stats` and `events` of containers that run.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs } from "../helpers/needs.ts";
import { anyUser, localBox, Talk, tiffin } from "./box.ts";
import { detached, IDLE } from "./detached.ts";
import { Pty } from "./pty.ts";

const box = localBox();

Deno.test({
  ...needs("stats: the numbers of the cgroup, for a person and for a program", { root: true }),
  async fn() {
    const script = "while :; do :; done & head -c 8000000 /dev/zero >/dev/shm/eight; wait";
    await using web = await detached(box, ["sh", "-c", script], "-m", "64m", "--pids-limit", "9");
    const read = async () =>
      JSON.parse(await web.text("stats", "--no-stream", "--format", "json", web.id));
    let seen = await read();
    while (seen.numbers.memory.usage < 8_000_000) seen = await read();
    const { cpuPercent, memory, pids, pressure } = seen.numbers;
    assert(cpuPercent > 0 && cpuPercent < 110, String(cpuPercent));
    assertEquals(memory.limit, 64 * 1024 * 1024);
    assertEquals([pids.current, pids.limit], [2, 9]);
    assertEquals(seen.PIDs, "2");
    assertMatch(seen.MemUsage, /^[\d.]+MiB \/ 64MiB$/);
    assertMatch(seen.CPUPerc, /^\d+\.\d\d%$/);
    for (const kind of Object.keys(pressure)) assert(pressure[kind].some >= 0);
    const table = await web.text("stats", "--no-stream");
    assertMatch(table, /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O/);
    assertStringIncludes(table, web.id.slice(0, 12));
    assertStringIncludes((await web.tiffin("stats", "nosuch")).stderr, "no such container");
  },
});

Deno.test({
  ...needs("stats on a narrow screen: two lines for a container, and every figure whole", anyUser),
  async fn() {
    await using _web = await detached(box, IDLE, "--name", "a-name-that-is-longer-than-a-column");
    const seen = async (columns: number) => {
      await using pty = new Pty(["sh"], { TIFFIN_ROOT: box.path, PS1: "host$ ", ENV: "" });
      await pty.see(/host\$ $/);
      pty.resize(24, columns);
      return (await pty.command(`'${tiffin("stats", "--no-stream").join("' '")}'`, /host\$ $/))
        .split("\n");
    };
    const narrow = await seen(80);
    assertMatch(narrow[0], /^CONTAINER ID +CPU % +MEM USAGE \/ LIMIT +MEM % +PIDS$/);
    assertMatch(narrow[1], /^NAME +PRESSURE CPU MEM IO +NET I\/O +BLOCK I\/O$/);
    // an ordinary user's container has no group, and is not counted
    assertMatch(narrow[2], /^[0-9a-f]{12} .* (\d+|--)$/);
    assertEquals(narrow.slice(2).some((line) => / .*…/.test(line)), false, narrow.join("\n"));
    assertEquals(narrow.filter((line) => line.length > 80), []);
    assertEquals(narrow.length, 4);
    assertEquals((await seen(140)).length, 2);
  },
});

Deno.test({
  ...needs("stats goes on until it is stopped, and shows what is not running with -a", anyUser),
  async fn() {
    await using web = await detached(box, ["true"]);
    await web.text("wait", web.id);
    assertEquals((await web.text("stats", "--no-stream")).split("\n").length, 2);
    assertMatch(await web.text("stats", "--no-stream", "-a"), / -- .* -- \/ -- /);
    await using talk = new Talk(tiffin("stats", "-a"), box.path);
    for (let i = 0; i < 2; i++) await talk.hear(/CONTAINER ID.*\n.* -- .*\n/);
  },
});

Deno.test({
  ...needs("events: what happens is told, and what is known of the past", anyUser),
  async fn() {
    await using talk = new Talk(
      tiffin(
        "events",
        "--filter",
        "event=start",
        "--filter",
        "event=die",
        "--filter",
        "event=destroy",
      ),
      box.path,
    );
    // it says nothing before there is something: a first container shows that it listens
    for (let heard = false; !heard;) {
      await using _first = await detached(box, ["true"]);
      heard = await Promise.race([
        talk.hear(/container (start|die|destroy)/).then(() => true),
        new Promise<false>((resolve) => setTimeout(() => resolve(false), 3000)),
      ]);
    }
    const web = await detached(box, IDLE, "--name", "told", "-l", "a=b");
    const start = await talk.hear(/start .*told/s);
    assertMatch(start, new RegExp(`start ${web.id} \\(a=b, image=local, name=told\\)`));
    await web.text("kill", "told");
    assertMatch(await talk.hear(/die .*told/s), /exitCode=137/);
    const past = await web.text(
      "events",
      "--since",
      "1h",
      "--until",
      "0s",
      "--filter",
      "container=told",
      "--format",
      "json",
    );
    const actions = past.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(actions.map(({ Action }) => Action), ["create", "start", "die"]);
    assertEquals(actions[2].Actor.Attributes.exitCode, "137");
    await web[Symbol.asyncDispose]();
    assertMatch(await talk.hear(/destroy .*told/s), /destroy/);
    talk.kill("SIGINT");
    assertEquals((await talk.end()).code, 0);
    assertStringIncludes((await web.tiffin("events", "--filter", "x=y")).stderr, "is none of");
  },
});
