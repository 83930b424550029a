/**
 * Signals for a container: to its first process, or to all that are in it.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { hasNew } from "../birth/namespaces.ts";
import { killAll, processesIn, thaw } from "../cgroups/lifecycle.ts";
import { sendSignal } from "../lifecycle/send_signal.ts";
import { type OciContainer, OciError } from "./container.ts";

/** What engines take for "it has ended already". */
const NOT_RUNNING = "container not running";

/**
 * Sends a signal.
 *
 * @param all whether every process in it gets the signal
 * @throws {OciError} for a container that has ended, unless all are meant
 */
export async function killContainer(
  container: OciContainer,
  signal: number,
  all = false,
): Promise<void> {
  const { process, record: { cgroup, spec }, status } = container;
  // without a pid namespace of its own, the others outlive the first one
  const everybody = all || (signal === SIG.KILL && !hasNew(spec, "pid"));
  if (everybody && cgroup) {
    if (!process && !all) throw new OciError(NOT_RUNNING);
    if (signal === SIG.KILL) killAll(cgroup);
    else for (const pid of processesIn(cgroup)) attempt.kill(pid, signal);
  } else if (!process || !sendSignal(process, signal)) {
    throw new OciError(NOT_RUNNING);
  }
  // a frozen process of version 1 dies only when it is let go
  if (status === "paused" && signal === SIG.KILL && cgroup) await thaw(cgroup);
}
