/**
 * A control group that systemd makes: `cgroupsPath` in the form `slice:prefix:name`.
 *
 * Where systemd manages control groups, nobody else may make one beside its own. It is asked for a
 * transient scope, which has to have a process from its beginning; so the container's first process
 * waits while it is moved there. The scope is delegated: its limits are written as in any other
 * group, and systemd is told of those that it would otherwise set back when it is reloaded.
 *
 * systemd is asked by D-Bus through busctl(1), which comes with it: a client of our own would be a
 * second one on every machine that has a use for it.
 *
 * @module
 */

import { Arena } from "../../ffi/memory.ts";
import { Program } from "../../ffi/program.ts";
import { joinCgroup, makeCgroup } from "../birth/cgroup.ts";
import { CgroupError, type CgroupPlan, type CgroupWrite } from "./plan.ts";

const FIELD = "linux.cgroupsPath";

/** A scope of systemd's. */
export interface Scope {
  /** the slice that it is in, `system.slice` */
  slice: string;
  /** its name, `docker-0123.scope` */
  unit: string;
  /** its group's path below the hierarchy's root */
  path: string;
}

/**
 * Reads `slice:prefix:name`; what is left empty is as with runc.
 *
 * @param isOrdinaryUser whether it is for a user's own systemd
 * @throws {CgroupError} for what is no slice
 */
export function parseScope(cgroupsPath: string, isOrdinaryUser: boolean): Scope {
  const [slice, prefix, name] = cgroupsPath.split(":");
  const parent = slice || (isOrdinaryUser ? "user.slice" : "system.slice");
  const unit = name.endsWith(".slice") ? name : `${prefix || "tiffin"}-${name}.scope`;
  return { slice: parent, unit, path: `${expandSlice(parent)}/${unit}` };
}

/** The group of a slice: a dash in its name stands for a level, systemd.slice(5). */
export function expandSlice(slice: string): string {
  if (slice === "-.slice") return "";
  const [, stem] = /^([^/]+)\.slice$/.exec(slice) ?? [];
  if (!stem || stem.split("-").includes("")) {
    throw new CgroupError(FIELD, `"${slice}" is not the name of a slice, as in system.slice`);
  }
  const levels = stem.split("-").map((_, i, parts) => parts.slice(0, i + 1).join("-"));
  return levels.map((level) => `/${level}.slice`).join("");
}

/** The plan of a group that systemd makes: nothing above it is touched, and it may be there. */
export function inScope(plan: CgroupPlan): CgroupPlan {
  const own = (path: string) =>
    plan.record.v2 && path.startsWith(`${plan.record.v2}/`) ||
    Object.values(plan.record.v1).some((directory) => path.startsWith(`${directory}/`));
  const leaves = [plan.record.v2, ...Object.values(plan.record.v1)];
  return {
    ...plan,
    directories: plan.directories.filter(({ path }) => leaves.includes(path))
      .map((directory) => ({ ...directory, shared: true })),
    writes: plan.writes.filter(({ path }) => own(path)),
    record: { ...plan.record, made: plan.record.made.filter((path) => leaves.includes(path)) },
  };
}

/** "No limit", as D-Bus has it: the largest number of 64 bits. */
const INFINITY = "18446744073709551615";

/** What systemd calls the limits that it would set back; all are of type `t`, 64 bits unsigned. */
const PROPERTIES: Record<string, string> = {
  "memory.max": "MemoryMax",
  "memory.low": "MemoryLow",
  "memory.swap.max": "MemorySwapMax",
  "memory.limit_in_bytes": "MemoryMax",
  "cpu.weight": "CPUWeight",
  "cpu.shares": "CPUShares",
  "pids.max": "TasksMax",
};

/** The limits among a plan's writes as properties of a unit: name, type, value. */
export function properties(writes: readonly CgroupWrite[]): [string, string, string][] {
  const found: [string, string, string][] = [];
  for (const { path, value } of writes) {
    const file = path.slice(path.lastIndexOf("/") + 1);
    if (file in PROPERTIES) {
      const number = value === "max" || value === "-1" ? INFINITY : value;
      found.push([PROPERTIES[file], "t", number]);
    }
    if (file === "cpu.max") {
      const [quota, period] = value.split(" ");
      const second = quota === "max"
        ? INFINITY
        : String(Math.ceil(Number(quota) / Number(period) * 1e6));
      found.push(["CPUQuotaPerSecUSec", "t", second], ["CPUQuotaPeriodUSec", "t", period]);
    }
  }
  return found;
}

/** The arguments of busctl(1) that start a scope around a process. */
export function startCall(
  { slice, unit }: Scope,
  pid: number,
  writes: readonly CgroupWrite[],
  isOrdinaryUser: boolean,
): string[] {
  const own: string[][] = [
    ["Description", "s", `container ${unit}`],
    ["Slice", "s", slice],
    ["Delegate", "b", "true"],
    ["DefaultDependencies", "b", "false"],
    ["PIDs", "au", "1", String(pid)],
    ...properties(writes),
  ];
  return [
    isOrdinaryUser ? "--user" : "--system",
    "--quiet",
    "call",
    "org.freedesktop.systemd1",
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager",
    "StartTransientUnit",
    "ssa(sv)a(sa(sv))",
    unit,
    "replace",
    String(own.length),
    ...own.flat(),
    "0",
  ];
}

/** Longest that systemd is waited for, in milliseconds: as runc does. */
const PATIENCE = 30_000;

/**
 * Has systemd start a scope around the container's first process, and gives the scope its limits.
 *
 * @throws {CgroupError} where there is no systemd, or it refuses
 */
export async function startScope(
  scope: Scope,
  pid: number,
  plan: CgroupPlan,
  isOrdinaryUser: boolean,
): Promise<void> {
  const args = startCall(scope, pid, plan.writes, isOrdinaryUser);
  const { success, stderr } = await new Deno.Command("busctl", { args, stdout: "null" }).output()
    .catch((error) => {
      const why = "systemd is asked by busctl, which is not here; use a path of the file system's";
      throw new CgroupError(FIELD, `${why}: ${(error as Error).message}`);
    });
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim();
    throw new CgroupError(FIELD, `systemd did not start ${scope.unit}: ${said}`);
  }
  const end = performance.now() + PATIENCE;
  // the call only queues a job; the process is moved when that is done
  while (!Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(`/${scope.unit}`)) {
    if (performance.now() > end) {
      throw new CgroupError(FIELD, `${scope.unit} has not begun after ${PATIENCE / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const program = new Program(new Arena(1 << 18));
  const group = makeCgroup(program, plan);
  if (group) program.call("its limits are set").close(group);
  joinCgroup(program, plan, pid);
  program.end();
  program.walk();
}
