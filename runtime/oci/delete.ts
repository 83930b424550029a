/**
 * A container deleted: its control group, its directory, and its last hooks.
 *
 * An engine waits for this too, see start.ts: of a container that has ended, Deno's own functions
 * remove all there is.
 *
 * @module
 */

import type { CgroupRecord } from "../cgroups/plan.ts";
import { later } from "../later.ts";
import type { Hook } from "../spec.ts";
import type { State } from "../spec/state.ts";
import { type OciContainer, OciError, stateOf } from "./container.ts";

/**
 * Deletes a container that has ended, or was never started.
 *
 * @param force whether one that runs is killed first
 * @returns what went wrong in hooks that only have to be told of
 * @throws {OciError} for one that runs
 */
export async function deleteContainer(container: OciContainer, force: boolean): Promise<Error[]> {
  const { directory, process, record, status } = container;
  if (process) {
    if (!force && status !== "created") {
      throw new OciError(`cannot delete container ${record.id} that is not stopped: ${status}`);
    }
    const { end } = await later<typeof import("./end.ts")>(import.meta, "./end.ts");
    await end(container, process);
  }
  const state = { ...stateOf(container), status: "stopped", pid: undefined } as const;
  return await clearAway(directory, record.cgroup, record.spec.hooks?.poststop, state);
}

/** Removes what there is of a container, and runs its last hooks. */
export async function clearAway(
  directory: string,
  cgroup: CgroupRecord | undefined,
  hooks: readonly Hook[] = [],
  state: State,
): Promise<Error[]> {
  if (cgroup && !removeEmpty(cgroup)) {
    const { removeCgroup } = await later<typeof import("../cgroups/lifecycle.ts")>(
      import.meta,
      "../cgroups/lifecycle.ts",
    );
    await removeCgroup(cgroup);
  }
  Deno.removeSync(directory, { recursive: true });
  if (!hooks.length) return [];
  const { runAllHooks } = await later<typeof import("../hooks.ts")>(import.meta, "../hooks.ts");
  return await runAllHooks("poststop", hooks, state);
}

/** Removes groups in which nobody is left, as is the rule; false where there is more to do. */
function removeEmpty({ made, v1, v2 }: CgroupRecord): boolean {
  const leaves = [...Object.values(v1), ...(v2 === undefined ? [] : [v2])];
  if (!leaves.every((path) => made.includes(path))) return false;
  try {
    for (const path of made.toReversed()) Deno.removeSync(path);
    return true;
  } catch {
    return false;
  }
}
