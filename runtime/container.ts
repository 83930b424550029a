/**
 * A container from its start to its end: started, waited for, and cleared away.
 *
 * @module
 */

import type { CgroupRecord } from "./cgroups/plan.ts";
import { later } from "./later.ts";
import { SIG } from "../ffi/constants.ts";
import { attempt, offthread } from "../ffi/libc.ts";
import { ended, launch } from "./birth/launch.ts";
import type { Prepared } from "./prepare.ts";
import { identify } from "./processes.ts";
import { clearLeftovers, containersDirectory, processFile, removeDirectory } from "./records.ts";

/** How a container ended. */
export interface Exit {
  /** 0 to 255; 128 and the signal's number for a process that was killed by one */
  code: number;
  /** the signal that killed it */
  signal?: number;
  /** whether it was killed because the memory limit was reached */
  isOutOfMemory: boolean;
}

/** Starts what was prepared. @throws {StartError} after everything is undone */
export async function start(prepared: Prepared): Promise<Container> {
  const { dataRoot, directory, draft } = prepared;
  Deno.mkdirSync(containersDirectory(dataRoot), { recursive: true, mode: 0o700 });
  await clearLeftovers(dataRoot);
  try {
    const { pid, terminal } = await launch(draft, async (failure) => {
      const { examine } = await later<typeof import("./diagnosis.ts")>(
        import.meta,
        "./diagnosis.ts",
      );
      return await examine(failure);
    });
    Deno.writeTextFileSync(
      processFile(directory),
      JSON.stringify(identify(pid) ?? { pid, start: 0 }),
    );
    return new Container(prepared, pid, terminal);
  } catch (error) {
    await undo(prepared, error);
    throw error;
  }
}

/** Undoes a start that failed; what goes wrong on the way does not hide why it failed. */
async function undo(prepared: Prepared, error: unknown): Promise<void> {
  try {
    await clearAway(prepared);
  } catch (second) {
    if (error instanceof Error) error.cause ??= second;
  }
}

/** A container that runs. */
export class Container {
  /** its id: 64 hexadecimal digits */
  readonly id: string;

  /** Takes charge of a container that {@linkcode start} has started. */
  constructor(
    private readonly prepared: Prepared,
    /** its first process, as the host counts */
    readonly pid: number,
    /** the master of its terminal, if it has one; whoever made the container closes it */
    readonly terminal: number | undefined,
  ) {
    this.id = prepared.record.id;
  }

  /** Sends a signal to the first process; one that has ended already gets none. */
  signal(signal: number): void {
    attempt.kill(this.pid, signal);
  }

  /** Waits until the container's first process has ended, and clears the container away. */
  async wait(): Promise<Exit> {
    const status = new Uint8Array(4);
    await offthread.waitpid(this.pid, status, 0);
    ended();
    const exit = readStatus(new DataView(status.buffer).getInt32(0, true));
    const { cgroup } = this.prepared.record;
    // a shell in front of the process that was killed gives the same code
    if (exit.code === 128 + SIG.KILL && cgroup) {
      const { readOom } = await later<typeof import("./cgroups/stats.ts")>(
        import.meta,
        "./cgroups/stats.ts",
      );
      exit.isOutOfMemory = readOom(cgroup) > 0;
    }
    await clearAway(this.prepared);
    return exit;
  }
}

/** Removes a container's control group and directory. */
async function clearAway({ record, directory }: Prepared): Promise<void> {
  try {
    if (record.cgroup && !removeEmpty(record.cgroup)) {
      const { removeCgroup } = await later<typeof import("./cgroups/lifecycle.ts")>(
        import.meta,
        "./cgroups/lifecycle.ts",
      );
      await removeCgroup(record.cgroup);
    }
  } finally {
    await removeDirectory(directory);
  }
}

/** Removes groups in which nobody is left, as is the rule; false where somebody or something is. */
function removeEmpty({ made }: CgroupRecord): boolean {
  return made.toReversed().every((path) => attempt.rmdir(path) === 0);
}

/** What waitpid(2) says of how a process ended. */
function readStatus(status: number): Exit {
  const signal = status & 0x7f;
  if (signal) return { code: 128 + signal, signal, isOutOfMemory: false };
  return { code: status >> 8 & 0xff, isOutOfMemory: false };
}
