/**
 * A start killed while its control group of version 2 is made: the next command clears it away.
 *
 * killed_start_test.ts does this at every call of a start, on the machine itself; the calls for
 * version 2 are others, and where it is, machines may be slow.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { findImage } from "../../runtime/images/find.ts";
import { prepare } from "../../runtime/prepare.ts";
import { clearLeftovers, containersDirectory } from "../../runtime/records.ts";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { aged, killAt } from "./killed_start.ts";

Deno.test({
  ...needs("a start that is killed at its group of version 2 leaves nothing", {
    root: true,
    cgroup: "v2",
  }),
  async fn() {
    await using root = await tempRoot();
    const from = await findImage(root.path, "local");
    const options = { command: ["true"], hostname: "killed" };
    const { draft } = await prepare({ dataRoot: root.path, from, options });
    Deno.mkdirSync(containersDirectory(root.path));
    const before = hostSnapshot(root.path);
    const { steps } = draft.birth.program;
    // the calls of the parent's for the group, the clone into it, and the child's first
    const first = steps.findIndex((step) => step.phase.title.startsWith("limits"));
    const clone = steps.indexOf(draft.birth.clone);
    assert(clone - first > 5, `${clone - first} calls`);
    for (let at = first; at < clone + 3; at++) {
      assertEquals(await killAt(root.path, at), true, `call ${at}`);
      assertEquals(aged(root.path), 1);
      await clearLeftovers(root.path);
    }
    await assertUnchanged(before);
  },
});
