/**
 * The processes of a container, as /proc tells of them.
 *
 * They are those of its control group, or, where it has none, those that see its first process as
 * process 1: /proc/PID/ns/pid.
 *
 * @module
 */

import { processesIn } from "./cgroups/lifecycle.ts";
import type { ContainerInfo } from "./containers.ts";

/** One process. */
export interface ListedProcess {
  /** its process id, as the host counts */
  pid: number;
  /** as the container counts */
  inner: number;
  /** its parent, as the host counts */
  parent: number;
  /** its user, as the host counts */
  uid: number;
  /** when it was started, milliseconds since 1970 */
  started: number;
  /** processor time that it has used, in seconds */
  time: number;
  /** its terminal, `pts/3`; absent without one */
  terminal?: string;
  /** its arguments; the kernel's name for it in brackets where it has none */
  command: string;
}

/** USER_HZ: ticks in a second that /proc counts in, on all machines of Linux's that Deno runs on. */
const TICKS = 100;

/** Lists the processes of a container that runs, by process id. */
export function processesOf({ record, process }: ContainerInfo): ListedProcess[] {
  if (!process) return [];
  const { cgroup } = record;
  const pids = cgroup && (cgroup.v2 ?? Object.values(cgroup.v1)[0])
    ? processesIn(cgroup)
    : processesBeside(process.pid);
  const booted = bootTime();
  return pids.map((pid) => look(pid, booted)).filter((found) => found !== undefined)
    .sort((a, b) => a.pid - b.pid);
}

/** The processes in the same pid namespace. */
function processesBeside(first: number): number[] {
  const own = linkOf(first);
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name))
    .filter((pid) => pid > 0 && own !== undefined && linkOf(pid) === own);
}

function linkOf(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

/** When the machine was started, in milliseconds since 1970. */
function bootTime(): number {
  const [, seconds = "0"] = /^btime (\d+)$/m.exec(Deno.readTextFileSync("/proc/stat")) ?? [];
  return Number(seconds) * 1000;
}

/** Reads what /proc says of one; `undefined` where it has ended. */
function look(pid: number, booted: number): ListedProcess | undefined {
  try {
    const [stat, status, cmdline] = ["stat", "status", "cmdline"].map((file) =>
      Deno.readTextFileSync(`/proc/${pid}/${file}`)
    );
    // proc_pid_stat(5); the second field is a name that may hold spaces and parentheses
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [parent, terminal] = [Number(fields[1]), Number(fields[4])];
    const inner = /^NSpid:.*?(\d+)$/m.exec(status)?.[1];
    return {
      pid,
      inner: Number(inner ?? pid),
      parent,
      uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? 0),
      started: booted + Number(fields[19]) * 1000 / TICKS,
      time: (Number(fields[11]) + Number(fields[12])) / TICKS,
      terminal: terminalName(terminal),
      command: cmdline.split("\0").slice(0, -1).join(" ") || `[${name}]`,
    };
  } catch {
    return undefined;
  }
}

/** Pseudoterminals have the major numbers 136 to 143, Documentation/admin-guide/devices.txt. */
function terminalName(device: number): string | undefined {
  const major = device >> 8 & 0xfff;
  const minor = device & 0xff | device >> 12 & 0xfff00;
  return major >= 136 && major <= 143 ? `pts/${(major - 136) * 256 + minor}` : undefined;
}
