/**
 * A container deleted: its control group, its directory, and its last hooks.
 *
 * @module
 */

import { POLL, SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { pollfd } from "../../ffi/structs.ts";
import { removeCgroup, thaw } from "../cgroups/lifecycle.ts";
import type { CgroupRecord } from "../cgroups/plan.ts";
import { later } from "../later.ts";
import type { ProcessIdentity } from "../processes.ts";
import { sendSignal } from "../lifecycle/send_signal.ts";
import type { Hook } from "../spec.ts";
import type { State } from "../spec/state.ts";
import { type OciContainer, OciError, stateOf } from "./container.ts";

/** How long the kernel may take to end a process that was killed, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Deletes a container that has ended, or was never started.
 *
 * @param force whether one that runs is killed first
 * @returns what went wrong in hooks that only have to be told of
 * @throws {OciError} for one that runs
 */
export async function deleteContainer(container: OciContainer, force: boolean): Promise<Error[]> {
  const { directory, process, record, status } = container;
  if (process) {
    if (!force && status !== "created") {
      throw new OciError(`cannot delete container ${record.id} that is not stopped: ${status}`);
    }
    await end(container, process);
  }
  const state = { ...stateOf(container), status: "stopped", pid: undefined } as const;
  return await clearAway(directory, record.cgroup, record.spec.hooks?.poststop, state);
}

/** Removes what there is of a container, and runs its last hooks. */
export async function clearAway(
  directory: string,
  cgroup: CgroupRecord | undefined,
  hooks: readonly Hook[] = [],
  state: State,
): Promise<Error[]> {
  if (cgroup) await removeCgroup(cgroup);
  Deno.removeSync(directory, { recursive: true });
  if (!hooks.length) return [];
  const { runAllHooks } = await later<typeof import("../hooks.ts")>(import.meta, "../hooks.ts");
  return await runAllHooks("poststop", hooks, state);
}

/** Kills the first process, and waits until it is gone. */
async function end(
  { record, status }: OciContainer,
  process: ProcessIdentity,
): Promise<void> {
  const pidfd = attempt.pidfd_open(process.pid, 0);
  sendSignal(process, SIG.KILL);
  if (status === "paused" && record.cgroup) await thaw(record.cgroup);
  if (pidfd < 0) return;
  const ended = attempt.poll(pollfd(pidfd, POLL.IN), 1, PATIENCE);
  attempt.close(pidfd);
  if (ended === 0) {
    throw new OciError(
      `process ${process.pid} was killed and has not ended: it waits in the kernel`,
    );
  }
}
