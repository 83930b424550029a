/**
 * A container removed: its directory, its names, and whatever of its run is left.
 *
 * @module
 */

import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, findContainer, NoSuchContainerError } from "../containers.ts";
import { releaseAllNames } from "../names.ts";
import { claimFile, recordFile } from "../records.ts";
import { removeDirectory, removeFile } from "../remove_directory.ts";
import { clearRun, settled } from "./settle.ts";
import { endByForce, endRestarting } from "./signal.ts";
import { StateError } from "./state_error.ts";
import { markStopped } from "./stop_mark.ts";

/**
 * Removes a container.
 *
 * @param isForced also one that runs, which is killed first
 * @throws {StateError} for one that runs and is not to be killed
 */
export async function removeContainer(
  dataRoot: string,
  name: string,
  { isForced = false }: { isForced?: boolean } = {},
): Promise<void> {
  const { id, record } = await findContainer(dataRoot, name);
  using _lock = await lockContainer(dataRoot, id);
  try {
    await removeLocked(dataRoot, id, { name, isForced });
  } catch (error) {
    // a command in the foreground has cleared its own container away
    if (!(error instanceof NoSuchContainerError) || record.keep) throw error;
  }
}

async function removeLocked(
  dataRoot: string,
  id: string,
  { name, isForced }: { name: string; isForced: boolean },
): Promise<void> {
  let info = await settled(dataRoot, id);
  if (info.state !== "created" && info.state !== "exited") {
    if (!isForced) {
      throw new StateError(
        `${name} is ${info.state}: tiffin stop ${name} ends it first, and rm -f kills it`,
      );
    }
    await end(dataRoot, info);
    info = await settled(dataRoot, id);
  }
  await clearRun(dataRoot, info);
  // Whatever a kill leaves from here on is nobody's container any more: leftovers.ts clears it away.
  // The record becomes the claim, since on a full disk there is no room for another file.
  Deno.renameSync(recordFile(info.directory), claimFile(dataRoot, id));
  releaseAllNames(dataRoot, id);
  await removeDirectory(info.directory);
  removeFile(claimFile(dataRoot, id));
}

async function end(dataRoot: string, info: ContainerInfo): Promise<void> {
  if (info.state === "restarting") return await endRestarting(info);
  markStopped(info);
  await endByForce(dataRoot, info);
}
