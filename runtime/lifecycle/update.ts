/**
 * A container's limits and its restart policy, changed afterwards.
 *
 * @module
 */

import { CgroupError, type CgroupRecord } from "../cgroups/plan.ts";
import { updateCgroup } from "../cgroups/update.ts";
import { lockContainer } from "../container_lock.ts";
import { findContainer } from "../containers.ts";
import type { RestartPolicy } from "../container_request.ts";
import { writeRecord } from "../records.ts";
import type { LinuxResources } from "../spec.ts";
import { hasAfterwards } from "./afterwards.ts";
import { StateError } from "./state_error.ts";

/** What is changed; what is not given stays as it is. */
export interface Update {
  /** limits, each group of fields laid over the old ones */
  resources?: Omit<LinuxResources, "devices">;
  /** whether the limit on swap was not asked for */
  swapIsDefault?: boolean;
  /** another restart policy, or none: `no` */
  restart?: RestartPolicy | "no";
}

/**
 * Changes a container. One that runs has its new limits at once, every one in its next run.
 *
 * @returns whether the restart policy counts from the next start only: the monitor of this run has
 * been told that nothing is left to do at its end
 * @throws {CgroupError} where a limit cannot be honoured; its record stays as it was then
 */
export async function updateContainer(
  dataRoot: string,
  name: string,
  { resources, swapIsDefault, restart }: Update,
): Promise<{ restartsLater: boolean }> {
  const { id } = await findContainer(dataRoot, name);
  using _lock = await lockContainer(dataRoot, id);
  const { directory, record, process } = await findContainer(dataRoot, id);
  const { request } = record;
  const isRestarted = restart !== undefined && restart !== "no";
  if (isRestarted && (request.rm || !record.keep)) {
    throw new StateError(`${name} is removed when it ends (--rm): a restart policy means nothing`);
  }
  const limits = merge(request.options.resources, resources);
  if (process && resources && record.cgroup) {
    changeLimits(record.cgroup, resources, swapIsDefault);
  }
  writeRecord(directory, {
    ...record,
    request: {
      ...request,
      swapIsDefault: swapIsDefault ?? request.swapIsDefault,
      options: { ...request.options, resources: limits },
      restart: restart === "no" ? undefined : restart ?? request.restart,
    },
  });
  return { restartsLater: isRestarted && process !== undefined && !hasAfterwards(request) };
}

function changeLimits(
  cgroup: CgroupRecord,
  resources: LinuxResources,
  swapIsDefault: boolean | undefined,
): void {
  try {
    updateCgroup(cgroup, resources);
  } catch (error) {
    if (!(error instanceof CgroupError) || !swapIsDefault) throw error;
    // nobody has asked for a limit on swap, and this host may not count it
    updateCgroup(cgroup, { ...resources, memory: { ...resources.memory, swap: undefined } });
  }
}

/** Lays new limits over old ones, field by field of each group. */
function merge(
  old: Update["resources"] = {},
  changed: Update["resources"] = {},
): Update["resources"] {
  const { memory, cpu, pids, blockIO } = changed;
  return {
    ...old,
    ...(memory && { memory: { ...old.memory, ...memory } }),
    ...(cpu && { cpu: { ...old.cpu, ...cpu } }),
    ...(pids && { pids }),
    ...(blockIO && { blockIO: { ...old.blockIO, ...blockIO } }),
  };
}
