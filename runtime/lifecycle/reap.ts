/**
 * What is left to do when a detached container has ended and calls alone cannot do it: it is
 * started again, or removed. The monitor becomes the process that does this, see birth/monitor.ts.
 *
 * @module
 */

import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, inspectContainer, NoSuchContainerError } from "../containers.ts";
import { releaseNetwork } from "../network/release.ts";
import { claimFile, readIdentity } from "../records.ts";
import { removeContainer } from "./remove.ts";
import { noteRestarts, restartsOf } from "./restarts.ts";
import { clearRun } from "./settle.ts";
import { startContainer } from "./start.ts";
import { isStopped } from "./stop_mark.ts";

/** How long is waited before the first try to start it again, in milliseconds; then twice as long. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
/** A container that has run for so long was all right, in milliseconds. */
const LONG_RUN = 10_000;

/** Does what is left to do for a container whose monitor this process was. */
export async function reap(dataRoot: string, id: string): Promise<void> {
  // its ports are free at once; where that fails, it is tried again by all that follows
  await releaseNetwork(dataRoot, id).catch(() => {});
  for (let tries = 0;; tries++) {
    const info = inspectContainer(dataRoot, id);
    if (!info || !isOurs(info)) return;
    const inARow = wishOf(info);
    if (inARow === undefined) return await finish(dataRoot, info);
    const pause = FIRST_PAUSE * 2 ** Math.min(Math.max(inARow, tries), 20);
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, LONGEST_PAUSE)));
    try {
      noteRestarts(info.directory, restartsOf(info.directory) + 1);
      await startContainer(dataRoot, id, { isRestart: true });
    } catch {
      // a full disk, a missing file: what was wrong may be right the next time
    }
  }
}

/** Whether this process still answers for the container: somebody may have started or removed it. */
function isOurs({ owner }: ContainerInfo): boolean {
  return owner?.pid === Deno.pid;
}

/** How often it was started again in a row, if it shall be once more. */
function wishOf(info: ContainerInfo): number | undefined {
  const { record: { request: { restart } }, status, directory } = info;
  if (!restart || !status || isStopped(directory)) return undefined;
  const restarts = restartsOf(directory);
  if (restart.name === "on-failure") {
    const isSpent = restart.limit > 0 && restarts >= restart.limit;
    if (status.exit.code === 0 || isSpent) return undefined;
  }
  const isLong = status.ended.getTime() - status.started.getTime() >= LONG_RUN;
  return isLong ? 0 : restarts;
}

async function finish(dataRoot: string, info: ContainerInfo): Promise<void> {
  const { id, record } = info;
  if (!record.keep || record.request.rm) {
    return await removeContainer(dataRoot, id, { isForced: true }).catch((error) => {
      if (!(error instanceof NoSuchContainerError)) throw error;
    });
  }
  using lock = await lockContainer(dataRoot, id);
  if (lock && readIdentity(claimFile(dataRoot, id))?.pid === Deno.pid) {
    await clearRun(dataRoot, info);
  }
}
