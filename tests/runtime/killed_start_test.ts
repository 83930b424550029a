/**
 * `run` killed at every one of its calls: the next command clears away what is left.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { findImage } from "../../runtime/images/find.ts";
import { prepare } from "../../runtime/prepare.ts";
import { clearLeftovers, containersDirectory, readRecord } from "../../runtime/records.ts";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { project } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";

/** Lets a start go to its call number `at`, and kills it there; false for a call that is jumped over. */
async function killAt(root: string, at: number): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${project}/tests/runtime/killed_start.ts`, root, `${at}`],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  // in the parent's part it has killed itself, and nothing was said
  if (value) child.kill("SIGKILL");
  const { signal, code } = await child.status;
  await reader.cancel();
  if (signal === null) assertEquals(code, 0, `call ${at}: the start failed`);
  return signal === "SIGKILL";
}

Deno.test({
  ...needs("a start that is killed at any of its calls leaves nothing to the next command", {
    root: true,
  }),
  async fn() {
    await using root = await tempRoot();
    const from = await findImage(root.path, "local");
    // what a first start makes once: the directory of containers, the caches
    const options = { command: ["true"], hostname: "killed" };
    const { draft } = await prepare({ dataRoot: root.path, from, options });
    Deno.mkdirSync(containersDirectory(root.path));
    const before = hostSnapshot(root.path);

    const calls = draft.birth.program.steps.length;
    let killed = 0;
    let left = 0;
    // the last calls are the search in PATH: true is found by the second of them at the latest
    const last = draft.birth.program.steps.findIndex((step) => step.name === "execve");
    for (let at = 0; at <= last; at++) {
      if (!await killAt(root.path, at)) continue;
      killed++;
      left += aged(root.path);
      await clearLeftovers(root.path);
    }
    await assertUnchanged(before);
    assert(killed > calls * 0.8, `only ${killed} of ${calls} calls were reached`);
    // before the first call there is nothing, and the first makes the directory
    assertEquals(left, killed - 1);
    console.log(`killed at ${killed} of ${calls} calls; each time the next command cleared all`);
  },
});

/** How many containers there are; one whose record is not there yet is made to look old. */
function aged(root: string): number {
  const names = [...Deno.readDirSync(containersDirectory(root))].map(({ name }) => name);
  for (const name of names) {
    const directory = `${containersDirectory(root)}/${name}`;
    if (!readRecord(directory)) Deno.utimeSync(directory, 0, 0);
  }
  return names.length;
}
