/**
 * What is done about a container whose claim is a dead process's: it was killed, and so was the
 * container; what is left of it is cleared away.
 *
 * @module
 */

import { SIG } from "../ffi/constants.ts";
import { attempt } from "../ffi/libc.ts";
import { removeCgroup } from "./cgroups/lifecycle.ts";
import { tryLockContainer } from "./container_lock.ts";
import { releaseAllNames } from "./names.ts";
import { releaseNetwork } from "./network/release.ts";
import { identify, isAlive, type ProcessIdentity } from "./processes.ts";
import { claimFile, containerDirectory, processFile, readIdentity, readRecord } from "./records.ts";
import { removeDirectory, removeFile } from "./remove_directory.ts";
import { readStatus, writeStatus } from "./status.ts";

/**
 * Ends what is left of a container's run, and takes the claim on it away. One that stays when it
 * has ended gets a status record that says that it was killed, and one that does not is removed.
 */
export async function clearLeftover(dataRoot: string, id: string): Promise<void> {
  const directory = containerDirectory(dataRoot, id);
  const claim = claimFile(dataRoot, id);
  const held = tryLockContainer(dataRoot, id);
  // somebody else does it, or starts it again
  if (held === "held") return;
  using _lock = held;
  const owner = readIdentity(claim);
  if (owner && isAlive(owner)) return;
  const record = readRecord(directory);
  const first = readIdentity(processFile(directory));
  if (first) await end(first);
  if (record?.cgroup) await removeCgroup(record.cgroup);
  await releaseNetwork(dataRoot, id);
  if (record?.keep && !(first && record.request.rm)) {
    if (first && owner) noteKilled(directory, owner);
  } else {
    await removeDirectory(directory);
    releaseAllNames(dataRoot, id);
  }
  removeFile(`${claim}.new`);
  removeFile(claim);
}

/** Writes down that a container was killed with its owner, unless how it ended is known. */
function noteKilled(directory: string, owner: ProcessIdentity): void {
  const status = readStatus(directory);
  if (status?.owner.pid === owner.pid && status.owner.start === owner.start) return;
  const started = Deno.statSync(processFile(directory)).mtime!.getTime();
  writeStatus(directory, { wait: SIG.KILL, started, ended: Date.now(), kills: 0, owner });
}

/** Kills a process by descriptor, so that no other can be meant, and waits until it is gone. */
async function end(process: ProcessIdentity): Promise<void> {
  const fd = attempt.pidfd_open(process.pid, 0);
  if (fd < 0) return;
  try {
    if (!isAlive(process)) return;
    attempt.pidfd_send_signal(fd, SIG.KILL, null, 0);
    while (identify(process.pid)?.start === process.start) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    attempt.close(fd);
  }
}
