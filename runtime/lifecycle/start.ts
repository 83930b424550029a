/**
 * A container that was made before, started: it gets a monitor, and outlives this command.
 *
 * @module
 */

import { removeCgroup } from "../cgroups/lifecycle.ts";
import { startDetached } from "../container.ts";
import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, findContainer, inspectContainer } from "../containers.ts";
import type { ContainerRequest } from "../container_request.ts";
import { prepare } from "../prepare.ts";
import { processFile, writeRecord } from "../records.ts";
import { StateError } from "./state_error.ts";
import { stopMark } from "./stop_mark.ts";

/** How a container is started again. */
export interface StartOptions {
  /** what the monitor becomes when the container has ended, where there is something to do */
  afterwards?: NonNullable<ContainerRequest["detach"]>["afterwards"];
  /** how large its terminal shall be; unless given, as it was made */
  consoleSize?: { height: number; width: number };
}

/**
 * Starts a container; one that runs already is left alone.
 *
 * @param name its name, its id, or the beginning of its id
 * @throws {StateError} for one that is paused
 * @throws {StartError} where the start fails; the container is as it was then
 */
export async function startContainer(
  dataRoot: string,
  name: string,
  options: StartOptions = {},
): Promise<ContainerInfo> {
  const { id } = await findContainer(dataRoot, name);
  using _lock = await lockContainer(dataRoot, id);
  // what was true before the lock was held need not be now
  const info = await findContainer(dataRoot, id);
  if (info.state === "running") return info;
  if (info.state === "paused") {
    throw new StateError(`${name} is paused: tiffin unpause ${name} lets it go on`);
  }
  await bear(dataRoot, info, options);
  return inspectContainer(dataRoot, id)!;
}

async function bear(
  dataRoot: string,
  { id, directory, record }: ContainerInfo,
  { afterwards, consoleSize }: StartOptions,
): Promise<void> {
  const { request } = record;
  // a start that was killed may have left them
  if (record.cgroup) await removeCgroup(record.cgroup);
  remove(processFile(directory));
  remove(stopMark(directory));
  const prepared = await prepare({
    ...request,
    options: { ...request.options, ...(consoleSize && { consoleSize }) },
    dataRoot,
    id,
    isAgain: true,
    detach: { keepsInput: request.hasInput ?? false, afterwards },
  });
  // the host's hierarchies may be others than when it was made
  if (JSON.stringify(prepared.record.cgroup) !== JSON.stringify(record.cgroup)) {
    writeRecord(directory, { ...record, cgroup: prepared.record.cgroup });
  }
  await startDetached(prepared);
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
