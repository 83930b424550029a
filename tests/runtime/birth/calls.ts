/**
 * A birth as a list of calls, for tests that compare values and call nothing.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import type { BirthRequest } from "../../../runtime/birth/birth.ts";
import type { OwnExecutable } from "../../../runtime/birth/executable.ts";
import { draft } from "../../../runtime/birth/launch.ts";
import type { CgroupPlan } from "../../../runtime/cgroups/plan.ts";
import { requestFor, type Trial } from "./trial.ts";

/** One whose file is mapped once. */
export const EXECUTABLE: OwnExecutable = { mapped: [[0x10000, 0x30000]], layout: [], flags: 1 };

/** The calls of a birth as a person would write them. */
export function calls(trial: Trial = {}, request: Partial<BirthRequest> = {}): string[] {
  const whole = {
    ...requestFor("/rootfs", trial),
    ignoredSignals: [13],
    executable: EXECUTABLE,
    ...request,
  };
  const { program } = draft(whole, { denySetgroups: false }).birth;
  return program.steps.map((step) => program.format(step));
}

/** The calls of the child: all after the clone that makes it. */
export function childCalls(trial: Trial = {}, request: Partial<BirthRequest> = {}): string[] {
  const all = calls(trial, request);
  return all.slice(all.findIndex((call) => call.startsWith("pid = clone3(")) + 1);
}

/** The one place of a call that begins so; a second one would be a mistake. */
export function place(list: string[], beginning: string): number {
  const places = [...list.keys()].filter((i) => list[i].startsWith(beginning));
  assertEquals(places.length, 1, `${beginning} is there ${places.length} times`);
  return places[0];
}

/** Fails unless the calls are there, once each, in this order. */
export function assertOrder(list: string[], ...beginnings: string[]): void {
  const places = beginnings.map((beginning) => [place(list, beginning), beginning]);
  assertEquals(places.toSorted((a, b) => Number(a[0]) - Number(b[0])), places);
}

/** The call that cuts the mounts off from the host's. */
export const PRIVATE = 'mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)';
/** The call that changes the root. */
export const PIVOT = 'pivot_root(".", ".")';
/** A plan with one of everything. */
export const CGROUP: CgroupPlan = {
  path: "/group",
  directories: [{ path: "/sys/fs/cgroup/group", why: "", shared: false }],
  writes: [{ path: "/sys/fs/cgroup/group/pids.max", value: "8", why: "" }],
  joins: [{ path: "/sys/fs/cgroup/cpu/group/tasks", why: "" }],
  into: "/sys/fs/cgroup/group",
  mounts: [],
  links: [],
  record: { path: "/group", v1: {}, made: [] },
};
