/**
 * A scope of systemd's: its name, its place, and what systemd is asked.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { CgroupError, type CgroupPlan } from "../../../runtime/cgroups/plan.ts";
import { isScopePath } from "../../../runtime/cgroups/planner.ts";
import {
  expandSlice,
  inScope,
  parseScope,
  properties,
  startCall,
} from "../../../runtime/cgroups/scope.ts";

Deno.test("a path of systemd's form has three words and no slash", () => {
  assertEquals(["system.slice:docker:1", "::1", "a-b.slice:cri:1"].map(isScopePath), [
    true,
    true,
    true,
  ]);
  assertEquals(["/a/b", "a:b", "a:b:", "a/b:c:d", undefined].map(isScopePath), [
    false,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("the dashes of a slice are levels", () => {
  assertEquals(expandSlice("system.slice"), "/system.slice");
  assertEquals(
    expandSlice("kubepods-besteffort-pod1.slice"),
    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice",
  );
  assertEquals(expandSlice("-.slice"), "");
  for (const wrong of ["system", "a/b.slice", "-a.slice", "a--b.slice", ".slice"]) {
    assertThrows(() => expandSlice(wrong), CgroupError, "is not the name of a slice");
  }
});

Deno.test("what is left empty has a default", () => {
  assertEquals(parseScope("machine.slice:libpod:12", false), {
    slice: "machine.slice",
    unit: "libpod-12.scope",
    path: "/machine.slice/libpod-12.scope",
  });
  assertEquals(parseScope("::12", false).path, "/system.slice/tiffin-12.scope");
  assertEquals(parseScope("::12", true).path, "/user.slice/tiffin-12.scope");
  assertEquals(parseScope("a.slice:x:b.slice", false).unit, "b.slice");
});

const PLAN: CgroupPlan = {
  path: "/system.slice/x-1.scope",
  directories: [
    { path: "/c/system.slice", why: "", shared: true },
    { path: "/c/system.slice/x-1.scope", why: "", shared: false },
  ],
  writes: [
    { path: "/c/cgroup.subtree_control", value: "+memory", why: "" },
    { path: "/c/system.slice/x-1.scope/memory.max", value: "1048576", why: "" },
    { path: "/c/system.slice/x-1.scope/cpu.max", value: "50000 100000", why: "" },
    { path: "/c/system.slice/x-1.scope/pids.max", value: "max", why: "" },
    { path: "/c/system.slice/x-1.scope/memory.oom.group", value: "1", why: "" },
  ],
  joins: [],
  into: "/c/system.slice/x-1.scope",
  mounts: [],
  links: [],
  record: {
    path: "/system.slice/x-1.scope",
    v2: "/c/system.slice/x-1.scope",
    v1: {},
    made: ["/c/system.slice", "/c/system.slice/x-1.scope"],
  },
};

Deno.test("what is above a scope is systemd's alone", () => {
  const plan = inScope(PLAN);
  assertEquals(plan.directories, [
    { path: "/c/system.slice/x-1.scope", why: "", shared: true },
  ]);
  assertEquals(plan.writes.map(({ path }) => path.split("/").at(-1)), [
    "memory.max",
    "cpu.max",
    "pids.max",
    "memory.oom.group",
  ]);
  assertEquals(plan.record.made, ["/c/system.slice/x-1.scope"]);
});

Deno.test("systemd is told of the limits that it would set back", () => {
  assertEquals(properties(PLAN.writes), [
    ["MemoryMax", "t", "1048576"],
    ["CPUQuotaPerSecUSec", "t", "500000"],
    ["CPUQuotaPeriodUSec", "t", "100000"],
    ["TasksMax", "t", "18446744073709551615"],
  ]);
});

Deno.test("the call that starts a scope around a process", () => {
  const call = startCall(parseScope("a.slice:x:1", false), 77, PLAN.writes.slice(1, 2), false);
  assertEquals(call.slice(call.indexOf("StartTransientUnit")), [
    "StartTransientUnit",
    "ssa(sv)a(sa(sv))",
    ...["x-1.scope", "replace", "6"],
    ...["Description", "s", "container x-1.scope"],
    ...["Slice", "s", "a.slice"],
    ...["Delegate", "b", "true"],
    ...["DefaultDependencies", "b", "false"],
    ...["PIDs", "au", "1", "77"],
    ...["MemoryMax", "t", "1048576"],
    "0",
  ]);
  assertEquals(call[0], "--system");
  assertEquals(startCall(parseScope("::1", true), 1, [], true)[0], "--user");
});
