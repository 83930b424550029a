/**
 * A container that was made before, started: it gets a monitor, and outlives this command.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import { removeCgroup } from "../cgroups/lifecycle.ts";
import { startDetached } from "../container.ts";
import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, findContainer, inspectContainer } from "../containers.ts";
import type { ContainerRequest } from "../container_request.ts";
import { prepare } from "../prepare.ts";
import type { ProcessIdentity } from "../processes.ts";
import { claimFile, processFile, writeRecord } from "../records.ts";
import { removeFile } from "../remove_directory.ts";
import { forgetRestarts } from "./restarts.ts";
import { sendSignal } from "./signal.ts";
import { StateError } from "./state_error.ts";
import { stopMark } from "./stop_mark.ts";

/** How a container is started again. */
export interface StartOptions {
  /** what the monitor becomes when the container has ended, where there is something to do */
  afterwards?: NonNullable<ContainerRequest["detach"]>["afterwards"];
  /** how large its terminal shall be; unless given, as it was made */
  consoleSize?: { height: number; width: number };
  /** whether its restart policy starts it, and not somebody */
  isRestart?: boolean;
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
  { id, directory, record, owner }: ContainerInfo,
  { afterwards, consoleSize, isRestart = false }: StartOptions,
): Promise<void> {
  const { request } = record;
  // a start that was killed may have left them
  if (record.cgroup) await removeCgroup(record.cgroup);
  if (owner) endOwner(owner);
  removeFile(claimFile(dataRoot, id));
  removeFile(processFile(directory));
  if (!isRestart) {
    removeFile(stopMark(directory));
    forgetRestarts(directory);
  }
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

/** Ends the process that waits to start it again, unless it is this one. */
function endOwner(owner: ProcessIdentity): void {
  if (owner.pid !== Deno.pid) sendSignal(owner, SIG.KILL);
}
