/**
 * A start killed while its control group of version 2 is made: the next command clears it away.
 *
 * lifecycle/killed_birth_test.ts does this at every call of a start, on the machine itself; the calls for
 * version 2 are others, and where it is, machines may be slow.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { findImage } from "../../runtime/images/find.ts";
import { prepare } from "../../runtime/prepare.ts";
import { claimsDirectory, containersDirectory } from "../../runtime/records.ts";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { clearAfter, deadProcess, killAt } from "./lifecycle/killed_birth.ts";

Deno.test({
  ...needs("a start that is killed at its group of version 2 leaves nothing", {
    root: true,
    cgroup: "v2",
  }),
  async fn() {
    await using root = await tempRoot();
    const from = await findImage(root.path, "local");
    const options = { command: ["true"], hostname: "killed" };
    const work = async () => await prepare({ dataRoot: root.path, from, options });
    const { draft } = await work();
    for (const directory of [containersDirectory(root.path), claimsDirectory(root.path)]) {
      Deno.mkdirSync(directory);
    }
    const before = hostSnapshot(root.path);
    const dead = await deadProcess();
    const { steps } = draft.birth.program;
    // the calls of the parent's for the group, the clone into it, and the child's first
    const first = steps.findIndex((step) => step.phase.title.startsWith("limits"));
    const clone = steps.indexOf(draft.birth.clone);
    assert(clone - first > 5, `${clone - first} calls`);
    for (let at = first; at < clone + 3; at++) {
      const prepared = await work();
      assertEquals(await killAt(prepared, { at, victim: "command", dead }), true, `call ${at}`);
      await clearAfter(root.path, prepared.record.id);
    }
    await assertUnchanged(before);
  },
});
