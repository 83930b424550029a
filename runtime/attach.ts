/**
 * A detached container's input and terminal, had by somebody who comes later.
 *
 * Its monitor (birth/monitor.ts) holds the other ends: the master of its terminal, or a pipe that its
 * standard input comes out of. The kernel copies them: pidfd_getfd(2), for whoever could as well
 * look into the monitor with a debugger. The output needs no copy: it is in the log.
 *
 * @module
 */

import { IOCTL, O } from "../ffi/constants.ts";
import { errnoName } from "../ffi/errno.ts";
import { attempt } from "../ffi/libc.ts";
import type { ContainerInfo } from "./containers.ts";
import { isAlive } from "./processes.ts";
import { StateError } from "./lifecycle/state_error.ts";

/** Descriptors of a container's ends; disposing of them closes them. */
export interface Ends extends Disposable {
  /** the master of its terminal, if it has one */
  terminal?: number;
  /** the end of the pipe that its standard input comes out of, if it was started with one */
  input?: number;
}

/** O_ACCMODE of open(2): which of the three ways a descriptor was opened. */
const ACCESS = 3;

/**
 * Takes copies of a container's ends.
 *
 * @throws {StateError} where it does not run, or runs in the foreground
 */
export function takeEnds({ id, owner }: ContainerInfo): Ends {
  const name = id.slice(0, 12);
  if (!owner) throw new StateError(`${name} is not running`);
  const pidfd = attempt.pidfd_open(owner.pid, 0);
  if (pidfd < 0 || !isAlive(owner)) {
    if (pidfd >= 0) attempt.close(pidfd);
    throw new StateError(`${name} has ended`);
  }
  const ends: Ends = {
    [Symbol.dispose]() {
      for (const fd of [this.terminal, this.input]) if (fd !== undefined) attempt.close(fd);
    },
  };
  try {
    for (const fd of descriptors(owner.pid)) {
      const kind = kindOf(owner.pid, fd);
      if (!kind) continue;
      const copy = attempt.pidfd_getfd(pidfd, fd, 0);
      if (copy < 0) throw new StateError(refused(name, owner.pid, -copy));
      // a name can be anything: only a terminal's master has a terminal's number
      if (kind === "terminal" && !isMaster(copy)) attempt.close(copy);
      else ends[kind] = copy;
    }
    return ends;
  } catch (error) {
    ends[Symbol.dispose]();
    // it may end at any moment, and what was looked at goes with it
    if (!isAlive(owner)) throw new StateError(`${name} has ended`, { cause: error });
    throw error;
  } finally {
    attempt.close(pidfd);
  }
}

function refused(name: string, pid: number, errno: number): string {
  return `${name}: pidfd_getfd(${pid}): ${errnoName(errno)}: the kernel lets this user copy no ` +
    "descriptor of its monitor; see sysctl kernel.yama.ptrace_scope";
}

function descriptors(pid: number): number[] {
  return Array.from(Deno.readDirSync(`/proc/${pid}/fd`), ({ name }) => Number(name));
}

/** What a descriptor of the monitor's is, proc_pid_fd(5). */
function kindOf(pid: number, fd: number): "terminal" | "input" | undefined {
  try {
    const link = Deno.readLinkSync(`/proc/${pid}/fd/${fd}`);
    if (link.endsWith("/ptmx")) return "terminal";
    if (!link.startsWith("pipe:")) return undefined;
    const info = Deno.readTextFileSync(`/proc/${pid}/fdinfo/${fd}`);
    const flags = /^flags:\s*(\d+)/m.exec(info)?.[1];
    return (parseInt(flags ?? "0", 8) & ACCESS) === O.WRONLY ? "input" : undefined;
  } catch (error) {
    // one of those that the monitor has just closed
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isMaster(fd: number): boolean {
  return attempt.ioctl(fd, IOCTL.TIOCGPTN, new Uint8Array(4)) === 0;
}
