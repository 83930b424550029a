/**
 * A container removed: its directory, its name, and whatever of its run is left.
 *
 * @module
 */

import { removeCgroup } from "../cgroups/lifecycle.ts";
import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, findContainer, inspectContainer } from "../containers.ts";
import { releaseName } from "../names.ts";
import { releaseNetwork } from "../network/release.ts";
import { isAlive } from "../processes.ts";
import { claimFile, readIdentity } from "../records.ts";
import { removeDirectory } from "../remove_directory.ts";
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
  const { id } = await findContainer(dataRoot, name);
  using _lock = await lockContainer(dataRoot, id);
  const info = await findContainer(dataRoot, id);
  if (info.state !== "created" && info.state !== "exited") {
    if (!isForced) {
      throw new StateError(
        `${name} is ${info.state}: tiffin stop ${name} ends it first, and rm -f kills it`,
      );
    }
    await end(dataRoot, info);
  }
  await clear(dataRoot, info);
}

async function end(dataRoot: string, info: ContainerInfo): Promise<void> {
  if (info.state === "restarting") return endRestarting(info);
  markStopped(info.directory);
  await endByForce(dataRoot, info);
}

/** Removes what is on the disk; the claim, which says whose fault it would be, goes last. */
async function clear(
  dataRoot: string,
  { id, directory, record, owner }: ContainerInfo,
): Promise<void> {
  // a command in the foreground clears its own container away, and must not be overtaken
  while (!record.keep && owner && isAlive(owner) && inspectContainer(dataRoot, id)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (record.cgroup) await removeCgroup(record.cgroup);
  await releaseNetwork(dataRoot, id);
  if (record.name !== undefined) releaseName(dataRoot, record.name, id);
  await removeDirectory(directory);
  const claim = claimFile(dataRoot, id);
  if (readIdentity(claim)) Deno.removeSync(claim);
}
