/**
 * A run that is over, seen through: whoever holds a container's lock and wants it started or
 * removed first waits for those who start it or clear up after it, or does their work.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import { removeCgroup } from "../cgroups/lifecycle.ts";
import { type ContainerInfo, findContainer, isOver } from "../containers.ts";
import { releaseNetwork } from "../network/release.ts";
import type { ProcessIdentity } from "../processes.ts";
import { claimFile, isMonitored, processFile } from "../records.ts";
import { removeFile } from "../remove_directory.ts";
import { sendSignal } from "./send_signal.ts";
import { StateError } from "./state_error.ts";
import { waitForProcess } from "./wait.ts";

/** How long a command may take to start a container, or to clear it away, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Looks at a container that is locked, once nobody is about to change it.
 *
 * @returns one that runs, is paused or restarting; or one of whose last run nothing is left
 * @throws {StateError} where somebody takes too long
 */
export async function settled(dataRoot: string, id: string): Promise<ContainerInfo> {
  const end = performance.now() + PATIENCE;
  for (let pause = 1;; pause = Math.min(2 * pause, 50)) {
    const info = await findContainer(dataRoot, id);
    const { owner, state } = info;
    if (state !== "created" && state !== "exited") return info;
    if (!owner || owner.pid === Deno.pid) return info;
    // a monitor that has written down the end has no more to do than is done here
    if (isOver(info) && isMonitored(dataRoot, id)) {
      await endOwner(owner);
      await clearRun(dataRoot, info);
      return { ...info, owner: undefined };
    }
    if (performance.now() > end) {
      throw new StateError(
        `${id.slice(0, 12)}: process ${owner.pid} has been starting it, or clearing it away, for ` +
          `${PATIENCE / 1000} s: wait for it, or end it`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Ends the process that answers for a container, unless it is this one. */
export async function endOwner(owner: ProcessIdentity): Promise<void> {
  if (owner.pid === Deno.pid) return;
  sendSignal(owner, SIG.KILL);
  await waitForProcess(owner);
}

/** Removes what a run has left: its control group, its place in networks, the claim on it. */
export async function clearRun(
  dataRoot: string,
  { id, directory, record }: Pick<ContainerInfo, "id" | "directory" | "record">,
): Promise<void> {
  if (record.cgroup) await removeCgroup(record.cgroup);
  await releaseNetwork(dataRoot, id);
  removeFile(processFile(directory));
  removeFile(claimFile(dataRoot, id));
}
