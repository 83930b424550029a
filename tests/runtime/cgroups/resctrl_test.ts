/**
 * A class of service as part of a control group's plan. Nothing is touched, and no machine has to
 * have one.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import type { CgroupFiles } from "../../../runtime/cgroups/host.ts";
import { CgroupError, type CgroupPlan } from "../../../runtime/cgroups/plan.ts";
import { planResctrl } from "../../../runtime/cgroups/resctrl.ts";
import type { LinuxIntelRdt } from "../../../runtime/spec.ts";

const MOUNTED = "40 24 0:30 / /sys/fs/resctrl rw,relatime shared:9 - resctrl resctrl rw\n";

/** A machine with these files. */
function machine(more: Record<string, string> = {}): CgroupFiles {
  const files: Record<string, string> = {
    "/proc/self/mountinfo": MOUNTED,
    "/sys/fs/resctrl/info/L3": "",
    "/sys/fs/resctrl/info/MB": "",
    "/sys/fs/resctrl/info/L3_MON/mon_features": "llc_occupancy\nmbm_total_bytes\n",
    ...more,
  };
  return {
    read: (path) => files[path],
    exists: (path) =>
      Object.keys(files).some((file) => file === path || file.startsWith(`${path}/`)),
    list: () => [],
    writable: () => true,
  };
}

function plan(rdt: LinuxIntelRdt, files = machine()): CgroupPlan {
  const made: CgroupPlan = {
    path: "/one",
    directories: [],
    writes: [],
    joins: [],
    mounts: [],
    links: [],
    record: { path: "/one", v1: {}, made: ["/sys/fs/cgroup/one"] },
  };
  planResctrl(made, rdt, "one", files);
  return made;
}

function refusal(rdt: LinuxIntelRdt, files = machine()): string {
  return assertThrows(() => plan(rdt, files), CgroupError).message;
}

Deno.test("a class of the container's own is made, limited, joined, and removed with it", () => {
  const { directories, writes, joins, record } = plan({
    l3CacheSchema: "L3:0=f;1=f",
    memBwSchema: "MB:0=70;1=20",
  });
  assertEquals(directories.map(({ path }) => path), ["/sys/fs/resctrl/one"]);
  assertEquals(writes.map(({ path, value }) => [path, value]), [
    ["/sys/fs/resctrl/one/schemata", "L3:0=f;1=f\nMB:0=70;1=20\n"],
  ]);
  assertEquals(joins.map(({ path }) => path), ["/sys/fs/resctrl/one/tasks"]);
  assertEquals(record.made, ["/sys/fs/cgroup/one", "/sys/fs/resctrl/one"]);
});

const GUARANTEED = { "/sys/fs/resctrl/gold/schemata": "    MB:0=100;1=100\n    L3:0=ff;1=ff\n" };

Deno.test("a class that is there is joined as it is, and stays", () => {
  for (const rdt of [{ closID: "gold" }, { closID: "gold", l3CacheSchema: "L3:0=ff;1=ff" }]) {
    const { directories, writes, joins, record } = plan(rdt, machine(GUARANTEED));
    assertEquals([directories, writes, record.made], [[], [], ["/sys/fs/cgroup/one"]]);
    assertEquals(joins.map(({ path }) => path), ["/sys/fs/resctrl/gold/tasks"]);
  }
});

Deno.test("in a class that is shared, the container is counted apart", () => {
  const { directories, joins, record } = plan(
    { closID: "gold", enableCMT: true },
    machine(GUARANTEED),
  );
  const own = "/sys/fs/resctrl/gold/mon_groups/one";
  assertEquals(directories.map(({ path }) => path), [own]);
  assertEquals(joins.map(({ path }) => path), ["/sys/fs/resctrl/gold/tasks", `${own}/tasks`]);
  assertEquals(record.made.at(-1), own);
});

Deno.test("what cannot be had is refused, with the field", () => {
  assertEquals(
    refusal({ closID: "silver" }),
    "linux.intelRdt.closID: /sys/fs/resctrl/silver is not there, and no schema to make it by",
  );
  assertEquals(
    refusal({ closID: "gold", memBwSchema: "MB:0=50;1=50" }, machine(GUARANTEED)),
    "linux.intelRdt.closID: /sys/fs/resctrl/gold is there, but its schemata has no MB:0=50;1=50",
  );
  assertEquals(
    refusal({ l3CacheSchema: "L3:0=f" }, machine({ "/sys/fs/resctrl/one/schemata": "" })),
    "linux.intelRdt: /sys/fs/resctrl/one is there already: choose another id, or name a closID",
  );
  const bare = {
    ...machine(),
    exists: () => false,
    read: (path: string) => path === "/proc/self/mountinfo" ? MOUNTED : undefined,
  };
  assertEquals(
    refusal({ enableMBM: true }, bare),
    "linux.intelRdt.enableMBM: this machine offers no way to watch memory bandwidth: see " +
      "/sys/fs/resctrl/info",
  );
  assertEquals(
    refusal({ closID: "a" }, { ...bare, read: () => undefined }),
    "linux.intelRdt: resctrl is not mounted: on a processor that has RDT, mount -t resctrl resctrl " +
      "/sys/fs/resctrl",
  );
});
