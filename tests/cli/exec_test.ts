/**
 * `exec`: what a further process in a container has, how it ends, and what is refused.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { anyUser, localBox, passesSignals, Talk, tiffin } from "./box.ts";
import { detached, IDLE } from "./detached.ts";

const box = localBox();

/** What a process says of where it is and what it may do. */
const SELF = `
  for type in mnt uts ipc pid net cgroup user; do readlink /proc/$1/ns/$type; done
  grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid)' /proc/$1/status
  cat /proc/$1/cgroup /proc/$1/oom_score_adj
  grep 'open files' /proc/$1/limits`;

Deno.test({
  ...needs("a further process is where the first one is, and may do as much", anyUser),
  async fn() {
    await using web = await detached(box, IDLE, "--ulimit", "nofile=99:101", "--cap-drop", "KILL");
    const own = await web.text("exec", web.id, "sh", "-c", SELF, "sh", "self");
    const first = await web.text("exec", web.id, "sh", "-c", SELF, "sh", "1");
    assertEquals(own, first);
    const seen = await web.text("exec", web.id, "sh", "-c", "ls /proc/self/fd; echo $PPID");
    // what ls itself opened is 3; the parent is outside, where nobody in here can see it
    assertEquals(seen, "0\n1\n2\n3\n0\n");
  },
});

Deno.test({
  ...needs("exec: environment, directory, user and input are as they are asked for", anyUser),
  async fn() {
    await using web = await detached(
      box,
      IDLE,
      "-e",
      "A=container",
      "-e",
      "B=container",
      "-w",
      "/etc",
    );
    const { tiffin, id } = web;
    const script = 'echo "$A $B $C $HOME"; pwd; id -u; id -g';
    const many = Array.from({ length: 2000 }, (_, i) => `/opt/some/package/${i}/bin`).join(":");
    const long = await tiffin("exec", "-e", `PATH=${many}:/bin`, id, "sh", "-c", "echo found");
    assertEquals(long.stdout, "found\n", long.stderr);
    assertEquals(
      (await tiffin("exec", "-e", "B=exec", "-e", "C=1", id, "sh", "-c", script)).stdout,
      "container exec 1 /root\n/etc\n0\n0\n",
    );
    assertEquals(
      (await tiffin("exec", "-u", "4444:2", "-w", "/tmp", id, "sh", "-c", script)).stdout,
      "container container  /\n/tmp\n4444\n2\n",
    );
    // a user who was added while it runs is known
    await web.text("exec", id, "sh", "-c", "echo new:x:7:8::/tmp/new: >>/etc/passwd");
    assertEquals(
      (await tiffin("exec", "-u", "new", id, "sh", "-c", script)).stdout,
      "container container  /tmp/new\n/etc\n7\n8\n",
    );
    const cat = { root: box.path, stdin: "typed" };
    assertEquals((await runTiffin(["exec", id, "cat"], cat)).stdout, "typed");
    assertEquals((await runTiffin(["exec", "-i=false", id, "cat"], cat)).stdout, "");
  },
});

Deno.test({
  ...needs("exec: the exit code is the command's, and why it could not be run is said", anyUser),
  async fn() {
    await using web = await detached(box, IDLE);
    const { tiffin, id } = web;
    const cases: [string[], number, string][] = [
      [["sh", "-c", "exit 42"], 42, ""],
      [["sh", "-c", "kill -KILL $$"], 137, ""],
      [["/no/such"], 127, "/no/such"],
      [["nosuch"], 127, "there is no program nosuch"],
      [["/etc"], 126, "/etc is a directory"],
    ];
    for (const [command, code, message] of cases) {
      const outcome = await tiffin("exec", id, ...command);
      assertEquals([command, outcome.code], [command, code]);
      assertStringIncludes(outcome.stderr, message);
    }
    const wrong: [string[], string][] = [
      [["-w", "/no/such", id, "true"], "it cannot be the working directory"],
      [["-u", "nobody-here", id, "true"], "unable to find user nobody-here"],
      [["-u", "0:nogroup-here", id, "true"], "unable to find group"],
      [["-dt", id, "true"], "-d and -t do not go together"],
      [["-t", id, "true"], "standard input is not a terminal"],
      [[id], "exec needs a container and a command"],
      [["nosuch", "true"], "no such container: nosuch"],
    ];
    for (const [words, message] of wrong) {
      const { code, stderr } = await tiffin("exec", ...words);
      assertEquals([words, code], [words, 125]);
      assertStringIncludes(stderr, message);
    }
  },
});

Deno.test({
  ...needs("exec into a container that is paused, has ended or was never started", {
    ...anyUser,
  }),
  async fn() {
    await using web = await detached(box, IDLE);
    const { tiffin, id } = web;
    if ((await tiffin("pause", id)).code === 0) {
      const { code, stderr } = await tiffin("exec", id, "true");
      assertEquals(code, 125);
      assertMatch(stderr, /is paused: tiffin unpause/);
      await web.text("unpause", id);
    }
    await web.text("stop", id);
    const { code, stderr } = await tiffin("exec", id, "true");
    assertEquals(code, 125);
    assertMatch(stderr, /is not running: tiffin start/);
  },
});

Deno.test({
  ...needs(
    "a process of exec -d goes on by itself; one in the foreground ends with its command",
    anyUser,
  ),
  async fn() {
    await using web = await detached(box, IDLE);
    // a zombie is one that has ended; the host's init may take its time
    const count = async (what: string) => {
      const script = `grep -h '(${what}) [^Z]' /proc/[0-9]*/stat | wc -l`;
      return (await web.text("exec", web.id, "sh", "-c", script)).trim();
    };
    assertEquals(await web.text("exec", "-d", web.id, "sleep", "601"), "");
    // the container's own sleep, and this one
    assertEquals(await count("sleep"), "2");
    await using talk = new Talk(tiffin("exec", web.id, "sh", "-c", "echo up; exec cat"), box.path);
    await talk.hear(/up/);
    assertEquals(await count("cat"), "1");
    talk.kill("SIGKILL");
    await talk.status;
    assertEquals(await count("cat"), "0");
    assertEquals(await count("sleep"), "2");
  },
});

Deno.test({
  ...needs("exec passes signals on", anyUser),
  async fn() {
    await using web = await detached(box, IDLE);
    const script = "trap 'echo told; exit 5' TERM; echo up; while :; do sleep 0.02; done";
    await using talk = new Talk(tiffin("exec", web.id, "sh", "-c", script), box.path);
    await talk.hear(/up/);
    await passesSignals(talk.pid);
    talk.kill("SIGTERM");
    const { code, stdout } = await talk.end();
    assertEquals([code, stdout], [5, "told\n"]);
  },
});

Deno.test({
  ...needs("exec --explain makes no call, and shows the one that joins", anyUser),
  async fn() {
    await using web = await detached(box, IDLE);
    const before = await web.text("exec", web.id, "ls", "/proc");
    const listing = await web.text("exec", "--explain", web.id, "touch", "/made");
    assertMatch(listing, /setns\(first process, [A-Z_|]*CLONE_NEWPID/);
    assertEquals((await web.tiffin("exec", web.id, "ls", "/made")).code, 2);
    const numbers = (text: string) => text.split("\n").filter((name) => /^\d+$/.test(name)).length;
    assertEquals(numbers(await web.text("exec", web.id, "ls", "/proc")), numbers(before));
  },
});
