/**
 * A container that was made before, started: it gets a monitor, and outlives this command.
 *
 * @module
 */

import { startDetached } from "../container.ts";
import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, findContainer, inspectContainer } from "../containers.ts";
import { forgetHealth } from "../health_file.ts";
import { prepare } from "../prepare.ts";
import { claimFile, processFile, writeRecord } from "../records.ts";
import { removeFile } from "../remove_directory.ts";
import { detachOf } from "./afterwards.ts";
import { forgetRestarts } from "./restarts.ts";
import { clearRun, endOwner, settled } from "./settle.ts";
import { watchHealth } from "./watch_health.ts";
import { StateError } from "./state_error.ts";
import { stopMark } from "./stop_mark.ts";

/** How a container is started again. */
export interface StartOptions {
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
  const info = await settled(dataRoot, id);
  if (info.state === "running") return info;
  // somebody has stopped it
  if (options.isRestart && info.state !== "restarting") return info;
  if (info.state === "paused") {
    throw new StateError(`${name} is paused: tiffin unpause ${name} lets it go on`);
  }
  if (info.owner) await endOwner(info.owner);
  if (options.isRestart) await bearAgain(dataRoot, info);
  else {
    await clearRun(dataRoot, info);
    removeFile(stopMark(info.directory));
    forgetRestarts(info.directory);
    await bear(dataRoot, info, options);
  }
  watchHealth(dataRoot, id, info.record.request);
  return inspectContainer(dataRoot, id)!;
}

/** Where a start fails, the process that restarts the container answers for it until the next try. */
async function bearAgain(dataRoot: string, info: ContainerInfo): Promise<void> {
  const claim = claimFile(dataRoot, info.id);
  // it is moved, not written again: on a full disk there would be no room for it
  const aside = `${info.directory}/claim`;
  Deno.renameSync(claim, aside);
  try {
    await clearRun(dataRoot, info);
    await bear(dataRoot, info, {});
  } catch (error) {
    Deno.renameSync(aside, claim);
    throw error;
  }
  removeFile(aside);
}

async function bear(
  dataRoot: string,
  { id, directory, record }: ContainerInfo,
  { consoleSize }: StartOptions,
): Promise<void> {
  const { request } = record;
  removeFile(processFile(directory));
  forgetHealth(directory);
  const prepared = await prepare({
    ...request,
    options: { ...request.options, ...(consoleSize && { consoleSize }) },
    dataRoot,
    id,
    isAgain: true,
    detach: detachOf(request, dataRoot, id),
  });
  // the host's hierarchies may be others than when it was made
  if (JSON.stringify(prepared.record.cgroup) !== JSON.stringify(record.cgroup)) {
    writeRecord(directory, { ...record, cgroup: prepared.record.cgroup });
  }
  await startDetached(prepared);
}
