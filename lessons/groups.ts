/**
 * Control groups that a lesson makes, by the plan and the calls that a container's start is made of.
 *
 * @module
 */

import { libc } from "../ffi/libc.ts";
import { Arena } from "../ffi/memory.ts";
import { Program } from "../ffi/program.ts";
import { makeCgroup } from "../runtime/birth/cgroup.ts";
import { readCgroupHost } from "../runtime/cgroups/host.ts";
import { removeCgroup } from "../runtime/cgroups/lifecycle.ts";
import type { CgroupRecord } from "../runtime/cgroups/plan.ts";
import { planCgroup } from "../runtime/cgroups/planner.ts";
import type { LinuxResources } from "../runtime/spec/resources.ts";
import type { Running, Workshop } from "./workshop.ts";

/** A control group; it goes in the end, with all that runs in it. */
export interface Group {
  /** where it is, for runtime/cgroups/stats.ts */
  readonly record: CgroupRecord;
  /** how somebody would have made it by hand */
  readonly lines: string[];
  /** the directory in which it has a controller; `io` is `blkio` in version 1 */
  directoryOf(controller: string): string;
  /** starts a shell command in it */
  start(command: string): Running;
}

/** Moves the shell itself, which has one thread, as a container's first process does. */
const ENTER = 'for file in $JOINS; do echo 0 >"$file" || exit 99; done; exec sh -c "$1"';

/**
 * Makes a group with limits.
 *
 * @param path its name, below each hierarchy's root
 * @throws {CgroupError} for what this machine cannot limit
 */
export async function makeGroup(
  workshop: Workshop,
  resources: LinuxResources,
  path = `/tiffin-lesson-${crypto.randomUUID().slice(0, 8)}`,
): Promise<Group> {
  const plan = await planCgroup(readCgroupHost(), { path, resources, rootless: false });
  const program = new Program(new Arena(1 << 18));
  const directory = makeCgroup(program, plan);
  program.end();
  workshop.defer(() => removeCgroup(plan.record));
  program.walk();
  if (directory) libc.close(directory.value);

  const joins = plan.joins.map(({ path }) => path);
  if (plan.into) joins.push(`${plan.into}/cgroup.procs`);
  return {
    record: plan.record,
    lines: [
      ...plan.directories.map(({ path }) => `mkdir ${path}`),
      ...plan.writes.map(({ path, value }) => `echo ${value} > ${path}`),
    ],
    directoryOf: (controller) => plan.record.v1[controller] ?? plan.record.v2!,
    start: (command) =>
      workshop.start(["sh", "-c", ENTER, "sh", command], { env: { JOINS: joins.join(" ") } }),
  };
}

/** The directory of the group that a process is in for a controller, cgroups(7). */
export function groupOf(pid: number | "self", controller: string): string | undefined {
  const { v1, v2 } = readCgroupHost();
  const tree = v1.get(controller);
  for (const line of Deno.readTextFileSync(`/proc/${pid}/cgroup`).split("\n")) {
    const [, names, ...path] = line.split(":");
    if (tree ? names?.split(",").includes(controller) : names === "") {
      return `${(tree ?? v2)?.mount}${path.join(":")}`;
    }
  }
}
