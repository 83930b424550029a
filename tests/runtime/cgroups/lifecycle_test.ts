/**
 * Groups held still, emptied and removed.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import {
  freeze,
  killAll,
  processesIn,
  removeCgroup,
  thaw,
} from "../../../runtime/cgroups/lifecycle.ts";
import { joinsOf } from "../../../runtime/cgroups/plan.ts";
import { readStats } from "../../../runtime/cgroups/stats.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { type RealGroup, realGroup } from "./real_group.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function untilRunning(group: RealGroup, count = 1): Promise<number[]> {
  const end = performance.now() + 20_000;
  while (processesIn(group.record).length < count) {
    assert(performance.now() < end, "nothing runs");
    await pause(10);
  }
  return processesIn(group.record);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function assertGone(group: RealGroup): void {
  for (const { path, shared } of group.plan.directories) {
    assert(shared || !exists(path), path);
  }
}

Deno.test({
  ...needs("a frozen group uses no processor until it is let go", { root: true }),
  async fn() {
    await using group = await realGroup({});
    const loop = group.start("while :; do :; done");
    await untilRunning(group);
    await freeze(group.record);
    const usage = () => readStats(group.record).cpu!.usage;
    const held = usage();
    await pause(300);
    assertEquals(usage(), held);
    await thaw(group.record);
    await pause(300);
    assert(usage() > held);
    killAll(group.record);
    assertEquals((await loop.output()).signal, "SIGKILL");
  },
});

Deno.test({
  ...needs("a group is emptied and removed while its processes fork", { root: true }),
  async fn() {
    const group = await realGroup({ pids: { limit: 200 } });
    const storm = group.start("while :; do sleep 0.1 & done 2>/dev/null");
    const pids = await untilRunning(group, 20);
    await removeCgroup(group.record);
    assertGone(group);
    // at the limit the shell itself may give up first, when it cannot fork
    assertEquals((await storm.output()).success, false);
    for (const pid of pids) {
      const state = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "gone");
      assert(state === "gone" || / Z /.test(state), state);
    }
    await removeCgroup(group.record); // what has gone is gone
  },
});

Deno.test({
  ...needs("a frozen group is removed too", { root: true }),
  async fn() {
    const group = await realGroup({});
    const sleeper = group.start("sleep 1000");
    await untilRunning(group);
    await freeze(group.record);
    await removeCgroup(group.record);
    assertGone(group);
    assertEquals((await sleeper.output()).signal, "SIGKILL");
  },
});

Deno.test({
  ...needs("groups that a container made inside its own go first", { root: true }),
  async fn() {
    const group = await realGroup({});
    const directories = [group.record.v2, ...Object.values(group.record.v1)]
      .filter((path) => path !== undefined);
    const inner = directories.map((path) => `mkdir -p ${path}/a/b ${path}/c`).join("\n");
    const v2 = group.record.v2 && `echo 0 >${group.record.v2}/a/b/cgroup.procs`;
    const sleeper = group.start(`${inner}\n${v2 ?? ""}\nexec sleep 1000`);
    while (!directories.every((path) => exists(`${path}/c`))) await pause(10);
    await removeCgroup(group.record);
    assertGone(group);
    assertEquals((await sleeper.output()).signal, "SIGKILL");
  },
});

Deno.test({
  ...needs("parents that were made go with the group, unless another came to use them", {
    root: true,
  }),
  async fn() {
    const parent = `/tiffin-test-${crypto.randomUUID()}`;
    const first = await realGroup({}, { path: `${parent}/first` });
    const second = await realGroup({}, { path: `${parent}/second` });
    const top = `${first.record.made[0]}`;
    assert(top.endsWith(parent), top);
    await removeCgroup(second.record);
    assert(exists(top));
    await removeCgroup(first.record);
    assert(!exists(top));
  },
});

Deno.test({
  ...needs("version 1 alone: frozen, killed and removed by its own files", {
    root: true,
    cgroup: "v1",
  }),
  async fn() {
    await using group = await realGroup({});
    // as a host without cgroup2 has it: the same group, made with the freezer instead
    const freezer = `/sys/fs/cgroup/freezer${group.plan.path}`;
    Deno.mkdirSync(freezer);
    const { v2: _, ...record } = group.record;
    record.v1 = { freezer, ...record.v1 };
    const storm = group.start(
      `echo 0 >${freezer}/tasks; while :; do sleep 0.1 & done 2>/dev/null`,
    );
    await untilRunning(group, 5);
    await freeze(record);
    assertEquals(Deno.readTextFileSync(`${freezer}/freezer.state`), "FROZEN\n");
    await thaw(record);
    assertEquals(Deno.readTextFileSync(`${freezer}/freezer.state`), "THAWED\n");
    await removeCgroup(record);
    assert(!exists(freezer));
    // at the limit the shell itself may give up first, when it cannot fork
    assertEquals((await storm.output()).success, false);
  },
});

Deno.test("a group that has no freezer says so", async () => {
  const record = { path: "/c", v1: { memory: "/sys/fs/cgroup/memory/c" }, made: [] };
  await assertRejects(() => freeze(record), Error, "/c: this group cannot be frozen");
});

Deno.test("a process enters each hierarchy of version 1 once", () => {
  const v1 = { cpu: "/cg/cpu,cpuacct/c", cpuacct: "/cg/cpu,cpuacct/c", pids: "/cg/pids/c" };
  assertEquals(joinsOf({ path: "/c", v1, made: [] }), [
    { path: "/cg/cpu,cpuacct/c/tasks", why: "joins the cpu and cpuacct group" },
    { path: "/cg/pids/c/tasks", why: "joins the pids group" },
  ]);
});

Deno.test("a group that cannot be held still as a whole is let go again", async () => {
  await using root = await tempRoot();
  // without cgroup.events nobody says that all are held
  Deno.writeTextFileSync(`${root.path}/cgroup.freeze`, "0");
  await assertRejects(() => freeze({ path: "/c", v2: root.path, v1: {}, made: [] }));
  assertEquals(Deno.readTextFileSync(`${root.path}/cgroup.freeze`), "0");
});
