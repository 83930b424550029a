/**
 * Signals to `run`: those that it passes on, and the one that it cannot.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { isRoot, needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser, localBox, passesSignals, type Talk, tiffin, until } from "./box.ts";

const box = localBox();

/** A container that says what it hears, and is ready to hear it. */
async function listener(script: string, ...flags: string[]): Promise<Talk> {
  const talk = box.start([...flags, "local", "sh", "-c", script]);
  await talk.hear(/ready\n/);
  await passesSignals(talk.pid);
  return talk;
}

const LOOP = "echo ready; while :; do sleep 0.02; done";

Deno.test({
  ...needs("SIGTERM reaches the container, which ends as it likes", anyUser),
  async fn() {
    await using talk = await listener(`trap 'echo bye; exit 3' TERM; ${LOOP}`);
    talk.kill("SIGTERM");
    const { code, stdout } = await talk.end();
    assertEquals([code, stdout], [3, "bye\n"]);
    assertEquals([...Deno.readDirSync(`${box.path}/containers`)], []);
  },
});

Deno.test({
  ...needs(
    "what people and service managers send is passed on, and ends nothing by itself",
    anyUser,
  ),
  async fn() {
    const names = ["HUP", "QUIT", "USR1", "USR2", "INT", "TERM"] as const;
    const traps = names.map((name) => `trap 'echo ${name}' ${name}`).join("; ");
    await using talk = await listener(`${traps}; ${LOOP}`);
    for (const name of names) {
      talk.kill(`SIG${name}`);
      assertEquals(await talk.hear(/\n/), `${name}\n`);
    }
  },
});

Deno.test({
  ...needs(
    "PID 1 without a handler hears nothing, and the third SIGINT or SIGTERM kills it",
    anyUser,
  ),
  async fn() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      await using talk = await listener("echo ready; exec sleep 96");
      for (let i = 0; i < 2; i++) {
        talk.kill(signal);
        await new Promise((resolve) => setTimeout(resolve, 100));
        assertEquals([...Deno.readDirSync(`${box.path}/containers`)].length, 1);
      }
      talk.kill(signal);
      assertEquals((await talk.end()).code, 137);
    }
  },
});

Deno.test({
  ...needs("a container that a person killed is not said to be out of memory", anyUser),
  async fn() {
    await using talk = await listener("echo ready; exec sleep 95");
    for (let i = 0; i < 3; i++) {
      talk.kill("SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { code, stderr } = await talk.end();
    assertEquals([code, stderr], [137, ""]);
  },
});

Deno.test({
  ...needs(
    "SIGKILL to run ends all of the container at once, and the next command clears up",
    anyUser,
  ),
  async fn() {
    const cases = [[], ["--user=1000"], ["--pid=host"], ["--tmpfs=/t", "--read-only"]];
    // without a cgroup nobody ends what a container has started in the host's PID namespace
    for (const flags of cases.filter((flags) => isRoot || !flags.includes("--pid=host"))) {
      await using talk = await listener(
        "setsid sleep 94.5 & sleep 94.5 & echo ready; wait",
        ...flags,
      );
      talk.kill("SIGKILL");
      await talk.status;
      const isThere = () => processes("sleep\0" + "94.5").length > 0;
      if (flags[0] !== "--pid=host") await until(() => !isThere(), () => "no sleep is left");
      assertEquals([...Deno.readDirSync(`${box.path}/containers`)].length, 1);
      assertEquals((await box.run(["local", "true"])).code, 0);
      assertEquals(isThere(), false);
      assertEquals([...Deno.readDirSync(`${box.path}/containers`)], []);
    }
  },
});

Deno.test({
  ...needs(
    "a run that is killed at any moment, while the image is made too, leaves nothing",
    anyUser,
  ),
  async fn() {
    for (let i = 0; i < 12; i++) {
      await using root = await tempRoot();
      // the first start makes the image, which takes longer than all the rest
      if (i % 3 !== 0) await runTiffin(["run", "local", "true"], { root: root.path });
      const [program, ...args] = tiffin("run", "local", "true");
      const env = { TIFFIN_ROOT: root.path };
      const child = new Deno.Command(program, { args, env, stdin: "null", stderr: "null" }).spawn();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * (i % 3 ? 60 : 300)));
      try {
        child.kill("SIGKILL");
      } catch {
        // it was quicker
      }
      await child.status;
      agePlainDirectories(root.path);
      assertEquals((await runTiffin(["run", "local", "true"], { root: root.path })).code, 0);
      assertEquals(names(`${root.path}/containers`), []);
      assertEquals(names(`${root.path}/tmp`), []);
      assertEquals(names(`${root.path}/layers`).length, 1);
      assertEquals(names(`${root.path}/images/blobs/sha256`).length, 3);
    }
  },
});

/** A directory in which there is no record yet may be another command's, for ten seconds. */
function agePlainDirectories(root: string): void {
  for (const name of names(`${root}/containers`)) {
    const directory = `${root}/containers/${name}`;
    let size = 0;
    try {
      ({ size } = Deno.statSync(`${directory}/record.json`));
    } catch {
      // not there yet
    }
    if (size === 0) Deno.utimeSync(directory, 0, 0);
  }
}

function names(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The processes whose command line begins so. */
function processes(beginning: string): string[] {
  return names("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) &&
        Deno.readTextFileSync(`/proc/${name}/cmdline`).startsWith(beginning);
    } catch {
      return false;
    }
  });
}
