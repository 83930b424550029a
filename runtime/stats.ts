/**
 * What a container uses: counted by the kernel in its control group, and at the interfaces of its
 * network namespace.
 *
 * @module
 */

import { type Pressure, type PressureKind, readPressure } from "./cgroups/pressure.ts";
import { type CgroupStats, readStats } from "./cgroups/stats.ts";
import type { ContainerInfo } from "./containers.ts";

/** What was counted up to a moment. */
export interface Sample extends CgroupStats {
  /** when, in milliseconds of the clock that only goes forward */
  at: number;
  /** bytes through its interfaces, loopback aside; absent where the host's network is its own */
  network?: { received: number; sent: number };
  /** what its processes wait for */
  pressure: Partial<Record<PressureKind, Pressure>>;
}

/** Counts; `undefined` for a container that does not run. */
export function sample({ record, process }: ContainerInfo): Sample | undefined {
  if (!process) return undefined;
  const { cgroup } = record;
  return {
    at: performance.now(),
    ...cgroup ? readStats(cgroup) : {},
    network: readNetwork(process.pid),
    pressure: cgroup ? readPressure(cgroup) : {},
  };
}

/**
 * The processor time between two samples, in percent of one processor; `undefined` where nobody
 * counts it.
 */
export function cpuShare(before: Sample, after: Sample): number | undefined {
  if (!before.cpu || !after.cpu || after.at <= before.at) return undefined;
  // a container that was started again between the two begins at 0
  const microseconds = Math.max(after.cpu.usage - before.cpu.usage, 0);
  return microseconds / (after.at - before.at) / 10;
}

/** proc_net(5): a line an interface, eight numbers received, eight sent. */
function readNetwork(pid: number): Sample["network"] {
  try {
    const [theirs, ours] = [pid, "self"].map((who) => Deno.readLinkSync(`/proc/${who}/ns/net`));
    if (theirs === ours) return undefined;
    const sum = { received: 0, sent: 0 };
    for (const line of Deno.readTextFileSync(`/proc/${pid}/net/dev`).split("\n")) {
      const [, name, numbers] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? [];
      if (name === undefined || name === "lo") continue;
      const counts = numbers.split(/\s+/).map(Number);
      sum.received += counts[0];
      sum.sent += counts[8];
    }
    return sum;
  } catch {
    return undefined;
  }
}
