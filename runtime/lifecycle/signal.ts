/**
 * Signals for a container's first process, and what `stop` makes of them.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import { thaw } from "../cgroups/lifecycle.ts";
import { type ContainerInfo, findContainer } from "../containers.ts";
import { lockContainer } from "../container_lock.ts";
import { isAlive, type ProcessIdentity } from "../processes.ts";
import { claimFile, readIdentity } from "../records.ts";
import { endOwner, settled } from "./settle.ts";
import { sendSignal } from "./send_signal.ts";
import { StateError } from "./state_error.ts";
import { signalNumber } from "../signal_number.ts";
import { markStopped } from "./stop_mark.ts";
import { waitForEnd } from "./wait.ts";

export { signalNumber };

/** What `stop` sends unless the container or its image asks for another one. */
const STOP_SIGNAL = "SIGTERM";
/** Seconds between that and SIGKILL, as Docker's. */
const STOP_TIMEOUT = 10;
/** How long the owner of a run may take to clear up after its end, in milliseconds. */
const CLEAR_PATIENCE = 10_000;
/** How long the kernel may take to end a process that was killed, in milliseconds. */
const KILL_PATIENCE = 10_000;

/**
 * Sends a signal to a container's first process, as `kill` does.
 *
 * @throws {StateError} where it does not run
 */
export async function killContainer(dataRoot: string, name: string, signal: number): Promise<void> {
  const info = await findContainer(dataRoot, name);
  const { process, record, state } = info;
  if (!process) throw new StateError(`${name} is not running`);
  // who kills it does not want it back
  if (signal === SIG.KILL || signal === stopSignal(info)) markStopped(info);
  if (!sendSignal(process, signal)) throw new StateError(`${name} is not running`);
  // a frozen process of version 1 dies only when it is let go
  if (state === "paused" && signal === SIG.KILL && record.cgroup) await thaw(record.cgroup);
}

/** The signal that asks a container to end: its own, or its image's. */
function stopSignal({ record: { request } }: ContainerInfo): number {
  const image = typeof request.from === "string" ? undefined : request.from.config.config;
  const text = request.options.stopSignal ?? image?.StopSignal ?? STOP_SIGNAL;
  return signalNumber(text) ?? SIG.TERM;
}

/** How a container is asked to end. */
export interface StopOptions {
  /** the signal's number; unless given, the container's own */
  signal?: number;
  /** seconds until it is killed; negative: never; unless given, the container's own */
  timeout?: number;
}

/**
 * Asks a container to end, kills it when it does not, and waits until it has ended. One that does
 * not run is left alone.
 */
export async function stopContainer(
  dataRoot: string,
  name: string,
  { signal, timeout }: StopOptions = {},
): Promise<void> {
  let info = await findContainer(dataRoot, name);
  if (info.state === "restarting") {
    using _lock = await lockContainer(dataRoot, info.id);
    // whoever restarts it may have done so meanwhile
    info = await settled(dataRoot, info.id);
    if (info.state === "restarting") return await endRestarting(info);
  }
  const { process, owner, record } = info;
  if (!process || !owner) return;
  markStopped(info);
  sendSignal(process, signal ?? stopSignal(info));
  if (info.state === "paused" && record.cgroup) await thaw(record.cgroup);
  const seconds = timeout ?? record.request.stopTimeout ?? STOP_TIMEOUT;
  const patience = seconds < 0 ? undefined : seconds * 1000;
  if ((await waitForEnd(dataRoot, info, patience))?.process) await endByForce(dataRoot, info);
  await waitForRelease(dataRoot, info.id, owner);
}

/** Waits until a run is cleared up: then its ports are free, and with `--rm` the container is gone. */
async function waitForRelease(
  dataRoot: string,
  id: string,
  owner: ProcessIdentity,
): Promise<void> {
  const end = performance.now() + CLEAR_PATIENCE;
  for (let pause = 1; performance.now() < end; pause = Math.min(2 * pause, 50)) {
    // the owner itself need not end: it may be a program that has started a container, and goes on
    const claimant = readIdentity(claimFile(dataRoot, id));
    const isOwners = claimant?.pid === owner.pid && claimant.start === owner.start;
    if (!isOwners || !isAlive(owner)) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Kills a container that runs, and waits until it has ended. */
export async function endByForce(dataRoot: string, info: ContainerInfo): Promise<void> {
  const { process, record, id } = info;
  sendSignal(process!, SIG.KILL);
  if (record.cgroup) await thaw(record.cgroup).catch(() => {});
  const after = await waitForEnd(dataRoot, info, KILL_PATIENCE);
  if (!after?.process) return;
  throw new StateError(
    `${id.slice(0, 12)} was killed and has not ended in ${KILL_PATIENCE / 1000} s: its process ` +
      `${process!.pid} waits in the kernel; cat /proc/${process!.pid}/stack says where`,
  );
}

/** Ends what would start the container again. */
export async function endRestarting(info: ContainerInfo): Promise<void> {
  markStopped(info);
  if (info.owner) await endOwner(info.owner);
}
