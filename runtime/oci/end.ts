/**
 * A container ended: its first process killed, and waited for.
 *
 * @module
 */

import { POLL, SIG } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { pollfd } from "../../ffi/structs.ts";
import { thaw } from "../cgroups/lifecycle.ts";
import { sendSignal } from "../lifecycle/send_signal.ts";
import type { ProcessIdentity } from "../processes.ts";
import { type OciContainer, OciError } from "./container.ts";

/** How long the kernel may take to end a process that was killed, in milliseconds. */
const PATIENCE = 10_000;

/** Kills the first process, and waits until it is gone. @throws {OciError} if it stays */
export async function end(
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
