/**
 * `run` killed at every one of its calls: the next command clears away what is left.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { findImage } from "../../runtime/images/find.ts";
import { prepare } from "../../runtime/prepare.ts";
import { claimsDirectory, clearLeftovers, containersDirectory } from "../../runtime/records.ts";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { aged, killAt } from "./killed_start.ts";

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
    Deno.mkdirSync(claimsDirectory(root.path), { mode: 0o700 });
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
    // before the first call there is nothing, and the first makes the claim
    assertEquals(left, killed - 1);
    console.log(`killed at ${killed} of ${calls} calls; each time the next command cleared all`);
  },
});
