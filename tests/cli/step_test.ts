/**
 * `step` at a terminal and without one: its keys, its shell, and nothing left whatever the way out.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { anyUser, localBox, tiffin, until } from "./box.ts";
import { Pty } from "./pty.ts";

const box = localBox();
const PROMPT = /q quit$/;

/** `step local sh` at a terminal, at its first call. */
async function stepping(...command: string[]): Promise<Pty> {
  const env = { TIFFIN_ROOT: box.path, NO_COLOR: "1", TIFFIN_NETWORK: "none" };
  const pty = new Pty(tiffin("step", "local", ...command), env);
  await pty.see(PROMPT);
  return pty;
}

/** Presses keys one by one, each once the screen asks for it. @returns what was shown last */
async function press(pty: Pty, keys: string): Promise<string> {
  let seen = "";
  for (const key of keys) {
    await pty.type(key);
    seen = await pty.see(PROMPT);
  }
  return seen;
}

/** Goes to the phase in which the child makes its root. */
async function toTheRoot(pty: Pty): Promise<void> {
  for (let seen = ""; !seen.includes("root file system (child");) seen = await press(pty, "p");
}

Deno.test({
  ...needs("without a terminal all calls are written out, and the container runs", anyUser),
  async fn() {
    const { code, stdout, stderr } = await runTiffin(["step", "local", "sh", "-c", "exit 7"], {
      root: box.path,
    });
    assertEquals({ code, stderr }, { code: 7, stderr: "" });
    assertStringIncludes(stdout, "\n+ mounts: /proc proc".replace("\n", "  "));
    assertStringIncludes(stdout, "root: root file system");
    assertStringIncludes(stdout, "rights: no_new_privs 0 → 1");
    assert(/clone3\(.*\n(.*\n)*? {4}namespaces: mnt \d+ → \d+\n/.test(stdout));
  },
});

Deno.test({
  ...needs("n is one call, p a phase, l the list, q the end of it", anyUser),
  async fn() {
    const before = hostSnapshot(box.path);
    await using pty = await stepping("sh");
    const seen = await press(pty, "n");
    assertStringIncludes(seen, "+ files: ");
    assertStringIncludes(seen, "2/");
    assertStringIncludes(await press(pty, "p"), "calls; what they have changed in sum:");
    await pty.type("l");
    assertStringIncludes(await pty.see(/q back$/), ">");
    await pty.type("q");
    await pty.see(PROMPT);
    await pty.type("q");
    assertStringIncludes(await pty.see(/gone\./), "Given up");
    assertEquals((await pty.status).code, 0);
    await assertUnchanged(before);
  },
});

Deno.test({
  ...needs("s is a shell in the namespaces of the half-made container, r the program", anyUser),
  async fn() {
    await using pty = await stepping("sh", "-c", "exit 7");
    await pty.type("s");
    assertStringIncludes(await pty.see(PROMPT), "There is no process of the container's yet");
    await toTheRoot(pty);
    await pty.type("s");
    await pty.see(/half-made # $/);
    // the second process of the container's, after the half-made one
    assertEquals(await pty.command("echo $$", /half-made # $/), "2");
    await pty.type("exit\r");
    await pty.see(PROMPT);
    await pty.type("r");
    assertEquals((await pty.status).code, 7);
  },
});

Deno.test({
  ...needs("Ctrl-C gives a birth up, in the parent's part and in the child's", anyUser),
  async fn() {
    for (const goThere of [() => Promise.resolve(), toTheRoot]) {
      const before = hostSnapshot(box.path);
      await using pty = await stepping("sh");
      await goThere(pty);
      await pty.type("\x03");
      await pty.see(/gone\./);
      assertEquals((await pty.status).code, 130);
      await assertUnchanged(before);
    }
  },
});

Deno.test({
  ...needs("a debugger that is killed takes the child along; the next command clears up", anyUser),
  async fn() {
    const before = hostSnapshot(box.path);
    const pty = await stepping("sh");
    await toTheRoot(pty);
    const [{ name: owner }] = [...Deno.readDirSync(`${box.path}/running`)].map(({ name }) => ({
      name: Deno.readTextFileSync(`${box.path}/running/${name}`).split(" ")[0],
    }));
    const children = Deno.readTextFileSync(`/proc/${owner}/task/${owner}/children`).trim();
    assert(/^\d+$/.test(children), children);
    Deno.kill(Number(owner), "SIGKILL");
    const isGone = () => {
      try {
        return Deno.readTextFileSync(`/proc/${children}/stat`).includes(") Z ");
      } catch {
        return true;
      }
    };
    await until(isGone, () => `the child ${children} is gone`);
    pty.hangUp();
    await pty.status;
    assertEquals((await runTiffin(["run", "local", "true"], { root: box.path })).code, 0);
    await assertUnchanged(before);
  },
});

Deno.test("step refuses flags that it cannot follow, before it does anything", async () => {
  for (const flag of ["--explain", "--trace", "--detach", "--name=x1"]) {
    const { code, stderr } = await runTiffin(["step", flag, "local", "true"], { root: box.path });
    assertEquals(code, 125);
    assertStringIncludes(stderr, "leave --");
  }
});
