/**
 * A control group made for real, by the calls that a container's start makes.
 *
 * @module
 */

import { libc } from "../../../ffi/libc.ts";
import { Arena } from "../../../ffi/memory.ts";
import { Program } from "../../../ffi/program.ts";
import { makeCgroup } from "../../../runtime/birth/cgroup.ts";
import { readCgroupHost } from "../../../runtime/cgroups/host.ts";
import { removeCgroup } from "../../../runtime/cgroups/lifecycle.ts";
import type {
  CgroupHost,
  CgroupPlan,
  CgroupRecord,
  CgroupRequest,
} from "../../../runtime/cgroups/plan.ts";
import { planCgroup } from "../../../runtime/cgroups/planner.ts";
import type { LinuxResources } from "../../../runtime/spec/resources.ts";

/** A group that goes, with all that runs in it, at the end of its scope. */
export interface RealGroup extends AsyncDisposable {
  /** What it was made from. */
  plan: CgroupPlan;
  /** What is kept of it. */
  record: CgroupRecord;
  /** Starts a shell command in it. */
  start(command: string): Deno.ChildProcess;
  /** Runs a shell command in it. */
  run(command: string): Promise<{ code: number; signal: string | null; out: string; err: string }>;
}

/** Moves the shell itself, which has one thread, as the container's first process does. */
const ENTER = 'for file in $JOINS; do echo 0 >"$file" || exit 99; done; exec sh -c "$COMMAND"';

/** Makes a group with limits, on this machine or one that has less. */
export async function realGroup(
  resources: LinuxResources,
  request: Partial<CgroupRequest> = {},
  host: CgroupHost = readCgroupHost(),
): Promise<RealGroup> {
  const path = `/tiffin-test-${crypto.randomUUID()}`;
  const plan = await planCgroup(host, { path, resources, rootless: false, ...request });
  const program = new Program(new Arena(1 << 20));
  const directory = makeCgroup(program, plan);
  program.end();
  program.walk();
  if (directory) libc.close(directory.value);

  const joins = plan.joins.map(({ path }) => path);
  if (plan.into) joins.push(`${plan.into}/cgroup.procs`);
  const start = (command: string) =>
    new Deno.Command("sh", {
      args: ["-c", ENTER],
      env: { JOINS: joins.join(" "), COMMAND: command },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  return {
    plan,
    record: plan.record,
    start,
    async run(command) {
      const { code, signal, stdout, stderr } = await start(command).output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, signal, out: text(stdout), err: text(stderr) };
    },
    async [Symbol.asyncDispose]() {
      await removeCgroup(plan.record);
    },
  };
}
