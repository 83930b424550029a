/**
 * Limits changed while a container runs: what is written, and what is refused.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { removeCgroup } from "../../../runtime/cgroups/lifecycle.ts";
import { changesOf, updateCgroup } from "../../../runtime/cgroups/update.ts";
import { CgroupError, type CgroupHost } from "../../../runtime/cgroups/plan.ts";
import { readStats } from "../../../runtime/cgroups/stats.ts";
import { needs } from "../../helpers/needs.ts";
import { realGroup } from "./real_group.ts";

const tree = { mount: "/cg", own: "/", writable: true, controllers: ["memory"] };
const host: CgroupHost = { mode: "v2", v2: tree, v1: new Map() };
const record = { path: "/c", v2: "/cg/c", v1: {}, made: [] };

Deno.test("a file that a kernel without swap does not have is not missed", () => {
  const files = {
    read: () => undefined,
    list: () => [],
    exists: (path: string) => path === "/cg/c/memory.max",
    writable: () => true,
  };
  const limit = 1 << 20;
  assertEquals(changesOf(record, { memory: { limit, swap: limit } }, host, files), [
    { path: "/cg/c/memory.max", value: "1048576", field: "linux.resources.memory.limit" },
  ]);
  const swap = 2 * limit;
  assertThrows(() => changesOf(record, { memory: { limit, swap } }, host, files), CgroupError);
});

Deno.test({
  ...needs("checkBeforeUpdate refuses a limit below what is in use", { root: true }),
  async fn() {
    await using group = await realGroup({ memory: { limit: 1 << 28 } });
    const sleeper = group.start("sleep 1000");
    while ((readStats(group.record).memory?.usage ?? 0) <= 4096) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const memory = { limit: 4096, checkBeforeUpdate: true };
    assertThrows(() => updateCgroup(group.record, { memory }), CgroupError, "bytes in use");
    await removeCgroup(group.record);
    await sleeper.output();
  },
});
