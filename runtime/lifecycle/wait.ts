/**
 * Waiting for a container that is somebody else's child.
 *
 * @module
 */

import { POLL } from "../../ffi/constants.ts";
import { attempt, offthread } from "../../ffi/libc.ts";
import { pollfd } from "../../ffi/structs.ts";
import { type ContainerInfo, findContainer, inspectContainer } from "../containers.ts";
import { isAlive, type ProcessIdentity } from "../processes.ts";

/** The longest that poll(2) can be told to wait, in milliseconds: 24 days. */
const LONGEST = 2 ** 31 - 1;

/**
 * Waits until a process has ended, by descriptor: no other that gets its number can be meant.
 *
 * @param timeout milliseconds; unless given, as long as it takes
 * @returns whether it has ended
 */
export async function waitForProcess(process: ProcessIdentity, timeout = -1): Promise<boolean> {
  const fd = attempt.pidfd_open(process.pid, 0);
  if (fd < 0 || !isAlive(process)) {
    if (fd >= 0) attempt.close(fd);
    return true;
  }
  try {
    return await offthread.poll(pollfd(fd, POLL.IN), 1, Math.min(timeout, LONGEST)) !== 0;
  } finally {
    attempt.close(fd);
  }
}

/**
 * Waits until a container has ended, and how.
 *
 * @returns its exit code; of one that never ran, or that somebody has removed with what it was, 0
 */
export async function waitForContainer(dataRoot: string, name: string): Promise<{ code: number }> {
  const info = await findContainer(dataRoot, name);
  const after = info.process ? await waitForEnd(dataRoot, info) : info;
  return { code: after?.status?.exit.code ?? 0 };
}

/** Longest between the end of a container and the record of it, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Waits until a container does not run any more, and how it ended is written down.
 *
 * @param timeout milliseconds to wait for the end; unless given, as long as it takes
 * @returns what it is then; `undefined` where it is gone. One that still runs after the timeout is
 * returned as it is.
 */
export async function waitForEnd(
  dataRoot: string,
  info: ContainerInfo,
  timeout?: number,
): Promise<ContainerInfo | undefined> {
  if (info.process && !await waitForProcess(info.process, timeout)) {
    return inspectContainer(dataRoot, info.id);
  }
  const end = performance.now() + PATIENCE;
  for (let pause = 1;; pause = Math.min(2 * pause, 50)) {
    const now = inspectContainer(dataRoot, info.id);
    // its owner is the last to know, and the one that writes it down
    const isOver = !now || isEndOf(now, info) || !info.owner || !isAlive(info.owner);
    if (isOver || performance.now() > end) return now;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Whether the record of an end is that of this run, and not of an earlier one. */
function isEndOf({ status }: ContainerInfo, { owner }: ContainerInfo): boolean {
  return status?.owner.pid === owner?.pid && status?.owner.start === owner?.start;
}
