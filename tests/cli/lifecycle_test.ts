/**
 * Containers that outlive the command, as a person has them: run -d, ps, stop, start, rm and others.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { claimFile, containerDirectory, readIdentity } from "../../runtime/records.ts";
import { restartsOf } from "../../runtime/lifecycle/restarts.ts";
import { readStatus } from "../../runtime/status.ts";
import { tryLockFile } from "../../runtime/images/file_lock.ts";
import { keeperFile } from "../../runtime/keeper.ts";
import { formatStat } from "../../runtime/processes.ts";
import { isRoot, needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { deadProcess } from "../runtime/lifecycle/killed_birth.ts";
import { anyUser, localBox, until } from "./box.ts";

const box = localBox();

/** Runs a command that has to succeed. @returns what it printed */
async function tiffin(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runTiffin(words, { root: box.path });
  assertEquals(code, 0, `${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** Runs a command that has to fail. @returns its code and its message */
async function failure(...words: string[]): Promise<[number, string]> {
  const { code, stderr } = await runTiffin(words, { root: box.path });
  return [code, stderr.split("\n")[0]];
}

async function status(name: string): Promise<string> {
  const line = await tiffin("ps", "-a", "--filter", `name=${name}`, "--format", "json");
  return JSON.parse(line).Status.replace(/\d+ seconds?/, "N seconds");
}

// deno-lint-ignore no-explicit-any
async function inspected(name: string): Promise<any> {
  return JSON.parse(await tiffin("inspect", name))[0];
}

Deno.test({
  ...needs("run -d leaves a container running, which stop ends, start starts, rm removes", anyUser),
  async fn() {
    const script = "echo up; trap 'exit 5' TERM; while :; do sleep 0.02; done";
    const id = await tiffin("run", "-d", "--name", "web", "local", "sh", "-c", script);
    assertMatch(id, /^[0-9a-f]{64}$/);
    assertEquals(await tiffin("ps", "-q", "--no-trunc"), id);
    assertMatch(await status("web"), /^Up N seconds$/);
    const [code, message] = await failure("run", "-d", "--name", "web", "local", "true");
    assertEquals(code, 125);
    assertMatch(
      message,
      new RegExp(`^tiffin: the name web is taken by the container ${id.slice(0, 12)}`),
    );
    assertEquals(await failure("rm", "web"), [
      1,
      "tiffin: web is running: tiffin stop web ends it first, and rm -f kills it",
    ]);
    await until(
      () => Deno.readTextFileSync(`${containerDirectory(box.path, id)}/log`) !== "",
      () => "up",
    );
    assertEquals(await tiffin("stop", "web"), "web");
    assertEquals(await status("web"), "Exited (5) N seconds ago");
    assertEquals(await tiffin("wait", "web"), "5");
    const { State, Config, Name } = await inspected("web");
    assertEquals([State.Status, State.ExitCode, Name, Config.Image], [
      "exited",
      5,
      "/web",
      "local",
    ]);
    assertEquals(await tiffin("start", id.slice(0, 8)), id.slice(0, 8));
    assertEquals((await inspected("web")).State.Running, true);
    await tiffin("rename", "web", "other");
    assertEquals(await tiffin("kill", "other"), "other");
    assertEquals(await tiffin("wait", "other"), "137");
    await tiffin("rm", "other");
    assertEquals(await failure("start", "other"), [
      1,
      "tiffin: no such container: other: tiffin ps -a lists those there are",
    ]);
  },
});

Deno.test({
  ...needs("create makes, start runs, --rm removes at the end and not before", anyUser),
  async fn() {
    await tiffin("create", "--name", "made", "--rm", "local", "sh", "-c", "exit 3");
    assertEquals(await status("made"), "Created");
    await tiffin("start", "made");
    await until(() => [...Deno.readDirSync(`${box.path}/containers`)].length === 0, () => "gone");
    const id = await tiffin("run", "-d", "--rm", "local", "sleep", "60");
    await tiffin("stop", "-t", "0", id);
    await until(() => [...Deno.readDirSync(`${box.path}/running`)].length === 0, () => "gone");
    assertEquals((await box.run(["--rm=false", "local", "sh", "-c", "exit 4"])).code, 4);
    assertMatch(await tiffin("ps", "-a"), /Exited \(4\)/);
    assertMatch(await tiffin("container", "prune", "-f"), /^[0-9a-f]{64}\nTotal reclaimed space: /);
  },
});

Deno.test({
  ...needs("a policy starts it again, until its times are over, or somebody stops it", anyUser),
  async fn() {
    const words = ["local", "sh", "-c", "exit 4"];
    const id = await tiffin("run", "-d", "--restart", "on-failure:2", "--name", "twice", ...words);
    // while it is started, nobody answers for it for a moment
    await until(
      () =>
        restartsOf(containerDirectory(box.path, id)) === 2 &&
        readStatus(containerDirectory(box.path, id))?.exit.code === 4 &&
        [...Deno.readDirSync(`${box.path}/running`)].length === 0,
      () => "it is not started a third time",
    );
    assertEquals((await inspected("twice")).RestartCount, 2);
    await tiffin("run", "-d", "--restart", "always", "--name", "always", "local", "true");
    await tiffin("stop", "always");
    assertMatch(await status("always"), /^Exited \(0\)/);
    await tiffin("rm", "twice", "always");
    const [code, message] = await failure("run", "--restart", "always", "local", "true");
    assertEquals(code, 125);
    assertMatch(message, /^tiffin: --restart needs -d/);
  },
});

Deno.test({
  ...needs("a health check is starting, healthy, unhealthy", anyUser),
  async fn() {
    const flags = ["--health-cmd", "echo said; test -e /ok", "--health-interval", "200ms"];
    const more = ["--health-retries", "2", "--name", "ill", "local", "sleep", "60"];
    const id = await tiffin("run", "-d", ...flags, ...more);
    assertEquals((await inspected("ill")).State.Health.Status, "starting");
    const health = () => Deno.readTextFileSync(`${containerDirectory(box.path, id)}/health`).trim();
    await until(() => health() === "unhealthy", () => "two failures");
    assertMatch(await status("ill"), /\(unhealthy\)$/);
    const { Health } = (await inspected("ill")).State;
    assertEquals([Health.Log[0].ExitCode, Health.Log[0].Output], [1, "said\n"]);
    await tiffin("exec", "ill", "touch", "/ok");
    await until(() => health() === "healthy", () => "it is well");
    assertEquals(await tiffin("ps", "-q", "--no-trunc", "--filter", "health=healthy"), id);
    await tiffin("rm", "-f", "ill");
    // the keeper ends when nobody needs it
    let lock: Disposable | undefined;
    await until(() => (lock = tryLockFile(keeperFile(box.path))) !== undefined, () => "no keeper");
    lock![Symbol.dispose]();
    Deno.removeSync(keeperFile(box.path));
  },
});

Deno.test({
  ...needs("after the host was restarted, what ran has ended", anyUser),
  async fn() {
    const id = await tiffin("run", "-d", "--name", "was", "local", "sleep", "60");
    // nobody has the numbers any more that were written down
    const claim = claimFile(box.path, id);
    const monitor = readIdentity(claim)!;
    attempt.kill(monitor.pid, SIG.KILL);
    Deno.writeTextFileSync(claim, formatStat(await deadProcess()));
    assertMatch(await status("was"), /^Exited \(137\)/);
    await tiffin("start", "was");
    assertMatch(await status("was"), /^Up/);
    await tiffin("rm", "-f", "was");
  },
});

Deno.test({
  ...needs("pause holds a container, unpause lets it go on, update changes its limits", {
    root: true,
  }),
  async fn() {
    assert(isRoot);
    await tiffin("run", "-d", "-m", "64m", "--name", "held", "local", "sleep", "60");
    await tiffin("pause", "held");
    assertEquals(await status("held"), "Up N seconds (Paused)");
    assertEquals(await failure("start", "held"), [
      1,
      "tiffin: held is paused: tiffin unpause held lets it go on",
    ]);
    await tiffin("unpause", "held");
    assertEquals(await failure("unpause", "held"), [1, "tiffin: held is not paused"]);
    for (const size of ["128m", "32m"]) {
      await tiffin("update", "-m", size, "--pids-limit", "20", "--restart", "always", "held");
      const { HostConfig } = await inspected("held");
      const { Memory, MemorySwap, PidsLimit, RestartPolicy } = HostConfig;
      const bytes = parseInt(size) * 2 ** 20;
      assertEquals([Memory, MemorySwap, PidsLimit], [bytes, 2 * bytes, 20]);
      assertEquals(RestartPolicy.Name, "always");
      const limit = await tiffin(
        "exec",
        "held",
        "sh",
        "-c",
        "cat /sys/fs/cgroup/memory*/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null || true",
      );
      assertEquals(limit.split("\n")[0], String(bytes));
    }
    await tiffin("rm", "-f", "held");
  },
});

Deno.test({
  ...needs("update says where a restart policy has to wait for the next start", anyUser),
  async fn() {
    const update = async (policy: string) =>
      (await runTiffin(["update", "--restart", policy, "late"], { root: box.path })).stderr;
    await tiffin("run", "-d", "--name", "late", "local", "sleep", "60");
    assertMatch(await update("always"), /^tiffin: late was started without .* its next start on/);
    await tiffin("restart", "-t", "0", "late");
    assertEquals(await update("unless-stopped"), "");
    await tiffin("rm", "-f", "late");
  },
});

Deno.test({
  ...needs("a whole id is its container's, whatever name another one has", anyUser),
  async fn() {
    const id = await tiffin("create", "local", "true");
    const other = await tiffin("create", "--name", id, "local", "true");
    assertEquals((await inspected(id)).Id, id);
    await tiffin("rm", id);
    assertEquals((await inspected(id)).Id, other);
    await tiffin("rm", other);
  },
});
