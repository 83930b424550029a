/**
 * `--log-opt` and `--log-driver`: files of a detached container's log, read in their order, followed
 * over their changes, and after the monitor was killed.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { claimFile, containerDirectory, readIdentity } from "../../runtime/records.ts";
import { needs } from "../helpers/needs.ts";
import { anyUser, localBox, Talk, tiffin, until } from "./box.ts";
import { type Detached, detached, IDLE } from "./detached.ts";

const box = localBox();

const LINES = 40_000;
/** Writes numbered lines, which are more than all files together hold. */
const COUNT = `i=0; while [ $i -lt ${LINES} ]; do echo line $i; i=$((i+1)); done`;
const SIZE = 64 * 1024;

/** The log's files: their names, sorted, and their sizes; one that just gets another name is left out. */
function filesOf({ id }: Pick<Detached, "id">): Record<string, number> {
  const directory = containerDirectory(box.path, id);
  const sizes: Record<string, number> = {};
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name)
    .filter((name) => name.startsWith("log")).sort();
  for (const name of names) {
    try {
      sizes[name] = Deno.statSync(`${directory}/${name}`).size;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return sizes;
}

/** The numbers of whole lines, which have to be consecutive. */
function numbersOf(text: string): number[] {
  const numbers = Array.from(text.matchAll(/^line (\d+)$/gm), ([, number]) => Number(number));
  const steps = numbers.slice(1).map((number, i) => number - numbers[i]);
  assertEquals(steps.filter((step) => step !== 1), []);
  return numbers;
}

Deno.test({
  ...needs("the files of a log have their size and number; logs reads them in order", anyUser),
  async fn() {
    await using web = await detached(box, ["sh", "-c", COUNT], ...["--log-opt", "max-size=64k"]);
    await web.text("wait", web.id);
    const files = filesOf(web);
    assertEquals(Object.keys(files), ["log", "log.1", "log.2", "log.3", "log.4"]);
    assert(Object.values(files).every((size) => size <= SIZE), JSON.stringify(files));
    const numbers = numbersOf(await web.text("logs", web.id));
    assertEquals(numbers.at(-1), LINES - 1);
    assertEquals(
      await web.text("logs", "-n", "2", web.id),
      `line ${LINES - 2}\nline ${LINES - 1}\n`,
    );
    // so many are there, even where each line came alone and has a head of its own
    assertEquals(numbersOf(await web.text("logs", "-n", "6000", web.id)).length, 6000);
    // the record has it: the next start keeps to it
    await web.text("start", web.id);
    await web.text("wait", web.id);
    assertEquals(Object.keys(filesOf(web)).length, 5);
    const { 0: { HostConfig: { LogConfig }, LogPath } } = JSON.parse(
      await web.text("inspect", web.id),
    );
    assertEquals(LogConfig, { Type: "local", Config: { "max-size": "64k" } });
    assertEquals(LogPath, `${containerDirectory(box.path, web.id)}/log`);
  },
});

for (const files of [1, 3]) {
  Deno.test({
    ...needs(`logs -f and attach go over changes of ${files} files, line by line`, anyUser),
    async fn() {
      // each thousand lines, which is less than a file, it waits for somebody to have read them
      const script = `i=0; while [ $i -lt 12000 ]; do echo line $i; i=$((i+1)); ` +
        "if [ $((i % 1000)) = 0 ]; then while [ ! -e /tmp/$i ]; do sleep 0.01; done; fi; done";
      const limit = ["--log-opt", "max-size=64k", "--log-opt", `max-file=${files}`];
      await using web = await detached(box, ["sh", "-c", script], ...limit);
      await using logs = new Talk(tiffin("logs", "-f", web.id), box.path);
      let all = await logs.hear(/line 999\n/);
      await using attached = new Talk(tiffin("attach", "--no-stdin", web.id), box.path);
      await until(() => isAttached(attached.pid), () => "attach looks at the log");
      let seen = "";
      for (let i = 1000; i < 12_000; i += 1000) {
        await web.text("exec", web.id, "touch", `/tmp/${i}`);
        all += await logs.hear(new RegExp(`line ${i + 999}\n`));
        seen += await attached.hear(new RegExp(`line ${i + 999}\n`));
      }
      assertEquals(numbersOf(all), Array.from({ length: 12_000 }, (_, i) => i));
      assertEquals(numbersOf(seen), Array.from({ length: 11_000 }, (_, i) => i + 1000));
      assertEquals(Object.keys(filesOf(web)).length, files);
      // its end may be quicker than this one's
      await web.tiffin("exec", web.id, "touch", "/tmp/12000");
      for (const talk of [logs, attached]) {
        const { code, stderr } = await talk.end();
        assertEquals([code, stderr], [0, ""]);
      }
    },
  });
}

/** Whether an `attach` has the log open and listens. */
function isAttached(pid: number): boolean {
  return Array.from(Deno.readDirSync(`/proc/${pid}/fd`), ({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch {
      return "";
    }
  }).some((link) => link.endsWith("/log"));
}

Deno.test({
  ...needs("a monitor killed in a storm of output leaves a log that is read, and goes on", anyUser),
  async fn() {
    const limit = ["--log-opt", "max-size=64k", "--log-opt", "max-file=4"];
    // never without an end: it stops when somebody has forgotten it
    const storm =
      "if [ -e /tmp/again ]; then echo again; else touch /tmp/again; i=0; while [ $i -lt " +
      "3000000 ]; do echo line $i; i=$((i+1)); done; fi";
    await Promise.all(Array.from({ length: 4 }, async (_, turn) => {
      await using web = await detached(box, ["sh", "-c", storm], ...limit);
      await until(() => filesOf(web)["log.3"] > 0, () => "the storm has filled the files");
      await new Promise((resolve) => setTimeout(resolve, 20 + turn * 7));
      attempt.kill(readIdentity(claimFile(box.path, web.id))!.pid, SIG.KILL);
      const before = numbersOf(await web.text("logs", web.id));
      assert(before.length > 3000, `${before.length} lines are left`);
      await web.text("start", web.id);
      await web.text("wait", web.id);
      const after = await web.text("logs", web.id);
      assertMatch(after, /line \d+\n(l?i?n?e? ?\d*)?again\n$/);
      assert(Object.values(filesOf(web)).every((size) => size <= SIZE));
    }));
  },
});

Deno.test({
  ...needs("--log-driver none: there is no log, and logs, attach and start -a say so", anyUser),
  async fn() {
    await using web = await detached(box, IDLE, "--log-driver", "none");
    const { stdout } = await web.tiffin("inspect", web.id);
    const [{ HostConfig: { LogConfig }, LogPath }] = JSON.parse(stdout);
    assertEquals([LogConfig, LogPath], [{ Type: "none", Config: {} }, ""]);
    for (const command of [["logs"], ["attach"], ["start", "-a"]]) {
      const { code, stderr } = await web.tiffin(...command, web.id);
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /made with --log-driver none/);
    }
    assertEquals(filesOf(web), {});
  },
});

Deno.test({
  ...needs("create takes them too, and without a limit there is one file", anyUser),
  async fn() {
    const options = ["--log-driver", "json-file", "--log-opt", "max-size=-1"];
    await using web = await detached(box, ["true"]);
    const words = ["create", ...options, "local", "sh", "-c", "yes 0123456789 | head -c 30m"];
    const id = (await web.text(...words)).trim();
    try {
      await web.text("start", id);
      await web.text("wait", id);
      const files = filesOf({ id });
      assertEquals(Object.keys(files), ["log"]);
      assert(files.log > 30 * 1024 ** 2, `${files.log} bytes`);
      const [{ HostConfig: { LogConfig } }] = JSON.parse(await web.text("inspect", id));
      assertEquals(LogConfig, { Type: "json-file", Config: { "max-size": "-1" } });
    } finally {
      await web.text("rm", "-f", id);
    }
  },
});

Deno.test({
  ...needs("what the monitor becomes has no limit of the log's, nor what it starts again", anyUser),
  async fn() {
    const script = "yes | head -c 300000; ulimit -f; [ -e /tmp/again ] && echo again; " +
      "touch /tmp/again; exit 3";
    const flags = ["--restart", "on-failure:1", "--log-opt", "max-size=64k"];
    await using web = await detached(box, ["sh", "-c", script], ...flags);
    let last = "";
    for (let turns = 0; turns < 100 && !last.endsWith("again\n"); turns++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      last = await web.text("logs", "-n", "2", web.id);
    }
    assertEquals(last, "unlimited\nagain\n");
  },
});
