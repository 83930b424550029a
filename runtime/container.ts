/**
 * A container from its start to its end: started, waited for, and cleared away.
 *
 * @module
 */

import type { CgroupRecord } from "./cgroups/plan.ts";
import { later } from "./later.ts";
import { AT, SIG } from "../ffi/constants.ts";
import { attempt } from "../ffi/libc.ts";
import { ended, launch, type Launched } from "./birth/launch.ts";
import { waitFor } from "./birth/line.ts";
import type { Prepared } from "./prepare.ts";
import { type Exit, identify, readWaitStatus } from "./processes.ts";
import { claimFile, claimsDirectory, clearLeftovers, containersDirectory } from "./records.ts";
import { removeDirectory } from "./remove_directory.ts";

export type { Exit };

/** Starts what was prepared, as a child of this process. @throws {StartError} after everything is undone */
export async function start(prepared: Prepared): Promise<Container> {
  const { pid, terminal } = await bear(prepared);
  return new Container(prepared, pid, terminal);
}

/**
 * Starts what was prepared for a monitor, and leaves it to that.
 *
 * The monitor is a child of this process: one that goes on for long has to wait for it, waitpid(2).
 *
 * @throws {StartError} after everything is undone
 */
export async function startDetached(prepared: Prepared): Promise<Launched> {
  return await bear(prepared);
}

async function bear(prepared: Prepared): Promise<Launched> {
  const { dataRoot } = prepared;
  for (const directory of [containersDirectory(dataRoot), claimsDirectory(dataRoot)]) {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  await clearLeftovers(dataRoot);
  if (prepared.claim) prepared.draft = await prepared.claim();
  try {
    return await launch(prepared.draft, async (failure) => {
      const { examine } = await later<typeof import("./diagnosis.ts")>(
        import.meta,
        "./diagnosis.ts",
      );
      return await examine(failure);
    });
  } catch (error) {
    await undo(prepared, error);
    throw error;
  }
}

/** Undoes a start that failed; what goes wrong on the way does not hide why it failed. */
async function undo(prepared: Prepared, error: unknown): Promise<void> {
  try {
    await clearAway(prepared, prepared.isAgain);
  } catch (second) {
    if (error instanceof Error) error.cause ??= second;
  }
}

/** A container that runs. */
export class Container {
  /** its id: 64 hexadecimal digits */
  readonly id: string;
  private readonly started = Date.now();
  private hasEnded = false;

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
    if (!this.hasEnded) attempt.kill(this.pid, signal);
  }

  /** Waits until the container's first process has ended, and clears away what goes with its end. */
  async wait(): Promise<Exit> {
    const wait = await waitFor(this.pid, () => this.hasEnded = true);
    ended();
    const { record, directory } = this.prepared;
    const kills = await this.#kills(wait);
    if (record.keep) {
      const { writeStatus } = await later<typeof import("./status.ts")>(
        import.meta,
        "./status.ts",
      );
      const { started } = this;
      writeStatus(directory, { wait, started, ended: Date.now(), kills, owner: identify("self")! });
    }
    await clearAway(this.prepared, record.keep ?? false);
    return { ...readWaitStatus(wait), isOutOfMemory: kills > 0 };
  }

  /** How many of its processes were killed for memory, where one may have been. */
  async #kills(wait: number): Promise<number> {
    const { cgroup } = this.prepared.record;
    // a shell in front of the process that was killed gives the same code
    if (!cgroup || readWaitStatus(wait).code !== 128 + SIG.KILL) return 0;
    const { readOom } = await later<typeof import("./cgroups/stats.ts")>(
      import.meta,
      "./cgroups/stats.ts",
    );
    return readOom(cgroup);
  }
}

/** Removes a container's control group, its directory unless that stays, and the claim on it. */
async function clearAway(prepared: Prepared, stays: boolean): Promise<void> {
  const { record, directory, dataRoot } = prepared;
  try {
    if (record.cgroup && !removeEmpty(record.cgroup)) {
      const { removeCgroup } = await later<typeof import("./cgroups/lifecycle.ts")>(
        import.meta,
        "./cgroups/lifecycle.ts",
      );
      await removeCgroup(record.cgroup);
    }
    if (prepared.claim) await giveNetworkBack(dataRoot, record.id);
  } finally {
    if (!stays) {
      if (record.name !== undefined) await releaseName(dataRoot, record.name, record.id);
      const hasWritten = attempt.rmdir(`${directory}/upper`) !== 0;
      await removeDirectory(directory, !hasWritten);
    }
    attempt.unlinkat(AT.FDCWD, claimFile(dataRoot, record.id), 0);
  }
}

async function giveNetworkBack(dataRoot: string, id: string): Promise<void> {
  const { releaseNetwork } = await later<typeof import("./network/release.ts")>(
    import.meta,
    "./network/release.ts",
  );
  await releaseNetwork(dataRoot, id);
}

async function releaseName(dataRoot: string, name: string, id: string): Promise<void> {
  const names = await later<typeof import("./names.ts")>(import.meta, "./names.ts");
  names.releaseName(dataRoot, name, id);
}

/** Removes groups in which nobody is left, as is the rule; false where somebody or something is. */
function removeEmpty({ made }: CgroupRecord): boolean {
  return made.toReversed().every((path) => attempt.rmdir(path) === 0);
}
