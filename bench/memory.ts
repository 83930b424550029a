/**
 * A command timed together with the memory that it and its children take.
 *
 * @module
 */

import type { Contestant } from "./measure.ts";

/** What one run of a command took. */
export interface Usage {
  /** Milliseconds from before the spawn to after the wait. */
  time: number;
  /** The sum of the peaks of its processes' resident memory, in bytes: at least the peak of the sum. */
  memory: number;
}

/** Processes are looked at this often, in milliseconds. */
const INTERVAL = 10;

/**
 * Runs a command to its end.
 *
 * Each process's peak is the kernel's own (`VmHWM` in /proc/PID/status, proc(5)); what is sampled is
 * only which processes there are.
 *
 * @throws If the command does not exit with 0.
 */
export async function usage(
  { name, command: [program, ...args], env, cwd }: Contestant,
): Promise<Usage> {
  const command = new Deno.Command(program, {
    args,
    env,
    cwd,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const start = performance.now();
  const child = command.spawn();
  const peaks = new Map<number, number>();
  const timer = setInterval(() => look(child.pid, peaks), INTERVAL);
  const { code, stderr } = await child.output();
  const time = performance.now() - start;
  clearInterval(timer);
  if (code !== 0) {
    throw new Error(`${name}: exit code ${code}: ${new TextDecoder().decode(stderr).trim()}`);
  }
  return { time, memory: [...peaks.values()].reduce((sum, peak) => sum + peak, 0) };
}

/** Notes the peaks of a process and of its children. */
function look(pid: number, peaks: Map<number, number>): void {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const [, kibibytes = "0"] = /^VmHWM:\s*(\d+) kB$/m.exec(status) ?? [];
    peaks.set(pid, Math.max(peaks.get(pid) ?? 0, Number(kibibytes) * 1024));
    for (const task of Deno.readDirSync(`/proc/${pid}/task`)) {
      const children = Deno.readTextFileSync(`/proc/${pid}/task/${task.name}/children`);
      for (const child of children.split(" ")) if (child !== "") look(Number(child), peaks);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // It has ended since.
  }
}
