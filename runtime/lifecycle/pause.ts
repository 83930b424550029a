/**
 * A container held still, and let go on: its processes are there, and get no time.
 *
 * @module
 */

import { freeze, thaw } from "../cgroups/lifecycle.ts";
import type { CgroupRecord } from "../cgroups/plan.ts";
import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, findContainer } from "../containers.ts";
import { StateError } from "./state_error.ts";

/** Holds every process of a container. @throws {StateError} where it does not run, or is paused */
export async function pauseContainer(dataRoot: string, name: string): Promise<void> {
  await change(dataRoot, name, ({ state }) => {
    if (state === "paused") throw new StateError(`${name} is already paused`);
    if (state !== "running") throw new StateError(`${name} is not running`);
    return freeze;
  });
}

/** Lets a paused container go on. @throws {StateError} where it is not paused */
export async function unpauseContainer(dataRoot: string, name: string): Promise<void> {
  await change(dataRoot, name, ({ state }) => {
    if (state !== "paused") throw new StateError(`${name} is not paused`);
    return thaw;
  });
}

async function change(
  dataRoot: string,
  name: string,
  choose: (info: ContainerInfo) => (cgroup: CgroupRecord) => Promise<void>,
): Promise<void> {
  const { id } = await findContainer(dataRoot, name);
  using _lock = await lockContainer(dataRoot, id);
  const info = await findContainer(dataRoot, id);
  const act = choose(info);
  if (!info.record.cgroup) throw new StateError(`${name} has no control group that could hold it`);
  await act(info.record.cgroup);
}
