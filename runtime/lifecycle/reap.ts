/**
 * What is left to do when a detached container has ended and calls alone cannot do it: it is
 * started again, or removed. The monitor becomes the process that does this, see birth/monitor.ts.
 *
 * @module
 */

import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, inspectContainer } from "../containers.ts";
import { releaseNetwork } from "../network/release.ts";
import { claimFile } from "../records.ts";
import { removeFile } from "../remove_directory.ts";
import { removeContainer } from "./remove.ts";
import { startContainer, type StartOptions } from "./start.ts";
import { noteRestarts, restartsOf } from "./restarts.ts";
import { isStopped } from "./stop_mark.ts";

/** How long is waited before the first try to start it again, in milliseconds; then twice as long. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
/** A container that has run for so long was all right, in milliseconds. */
const LONG_RUN = 10_000;

/**
 * Does what is left to do for a container whose monitor this process was.
 *
 * @param again what the next monitor is told
 */
export async function reap(dataRoot: string, id: string, again: StartOptions): Promise<void> {
  const info = inspectContainer(dataRoot, id);
  await releaseNetwork(dataRoot, id);
  const wish = info && wishOf(info);
  if (wish) {
    const restarts = restartsOf(info.directory) + 1;
    noteRestarts(info.directory, restarts);
    const pause = Math.min(FIRST_PAUSE * 2 ** Math.min(wish.inARow, 20), LONGEST_PAUSE);
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (await startAgain(dataRoot, info, again)) return;
  }
  {
    using _lock = await lockContainer(dataRoot, id);
    removeFile(claimFile(dataRoot, id));
  }
  if (info && !info.record.keep) await removeContainer(dataRoot, id);
}

/** Whether a container shall be started again, and how often it has been in a row. */
function wishOf(info: ContainerInfo): { inARow: number } | undefined {
  const { record: { request: { restart } }, status, directory } = info;
  if (!restart || !status || isStopped(directory)) return undefined;
  const isLong = status.ended.getTime() - status.started.getTime() >= LONG_RUN;
  const inARow = isLong ? 0 : restartsOf(info.directory);
  if (restart.name !== "on-failure") return { inARow };
  const isSpent = restart.limit > 0 && restartsOf(info.directory) >= restart.limit;
  return status.exit.code === 0 || isSpent ? undefined : { inARow };
}

/** Starts it, unless somebody has stopped or removed it meanwhile; a failure is one more try. */
async function startAgain(
  dataRoot: string,
  { id, directory }: ContainerInfo,
  again: StartOptions,
): Promise<boolean> {
  for (let pause = FIRST_PAUSE;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    if (isStopped(directory) || !inspectContainer(dataRoot, id)) return false;
    try {
      await startContainer(dataRoot, id, { ...again, isRestart: true });
      return true;
    } catch {
      // a full disk, a missing file: what was wrong may be right the next time
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
