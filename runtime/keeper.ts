/**
 * The keeper: one process for all that has to be done while containers run and no command does.
 *
 * It is started by whoever needs it first and ends when nobody needs it any more. It keeps nothing
 * but what it reads from the data root, so nothing is lost when it is killed and started again.
 * There is one for a data root: it holds the lock on a file as long as it lives.
 *
 * @module
 */

import { readHostFile } from "./host_files.ts";
import { tryLockFile } from "./images/file_lock.ts";
import { later } from "./later.ts";
import { leaveBehind } from "./orphan.ts";
import { ownCommand } from "./own_command.ts";
import { clearLeftovers } from "./records.ts";

/** Something that has to be done all the time. */
export interface Job {
  /** what it is, in a word */
  name: string;
  /** whether there is anything for it to do */
  isNeeded(dataRoot: string): boolean;
  /** does it until the signal fires */
  run(dataRoot: string, signal: AbortSignal): Promise<void>;
}

/** The modules of the jobs by their names: each has its own as `job`. */
const JOBS = { dns: "./network/dns.ts", balance: "./network/balance.ts", health: "./health.ts" };

/** How often is looked whether the jobs are needed, in milliseconds. */
const ROUND = 500;
/** How many rounds without any job the keeper waits for the next: it takes a while to start. */
const PATIENCE = 4;

/** The file whose lock the keeper holds. In it is what keeps the keeper from its work, if anything. */
export function keeperFile(dataRoot: string): string {
  return `${dataRoot}/keeper`;
}

/**
 * Sees to it that there is a keeper. What it is needed for is in the data root already: a keeper
 * that is just about to end looks once more when it has let go of its lock.
 */
export function ensureKeeper(dataRoot: string): void {
  Deno.writeTextFileSync(keeperFile(dataRoot), "", { create: true, mode: 0o600 });
  const lock = tryLockFile(keeperFile(dataRoot));
  if (!lock) return;
  lock.close();
  const { path, args, env } = ownCommand(dataRoot, "keeper");
  leaveBehind("tiffin-keeper", (calls) => {
    calls.call("what it does takes more than calls").execve(path, args, env);
  });
}

/** What keeps the keeper from its work, if anything, since `ensureKeeper` was last called. */
export function keeperProblem(dataRoot: string): string | undefined {
  return readHostFile(keeperFile(dataRoot)) || undefined;
}

/** The jobs as far as they are loaded. */
interface Loaded {
  jobs: Job[];
  /** those on the way */
  loading: Set<Promise<void>>;
  /** whether one cannot be had; Deno fails again in a process in which it has failed once */
  isLacking: boolean;
}

/**
 * Does the jobs that are needed until none is. This is all that the keeper's process does.
 *
 * @param onProblem told what `keeperProblem` is from now on
 */
export async function keep(
  dataRoot: string,
  onProblem?: (problem: string) => void,
): Promise<void> {
  const loaded: Loaded = { jobs: [], loading: new Set(), isLacking: false };
  const isBegunAnew = () => loaded.isLacking && keeperProblem(dataRoot) === undefined;
  const load = async (name: keyof typeof JOBS) => {
    try {
      loaded.jobs.push((await later<{ job: Job }>(import.meta, JOBS[name])).job);
    } catch (error) {
      const problem = problemOf(name, error as Error);
      Deno.writeTextFileSync(keeperFile(dataRoot), problem);
      loaded.isLacking = true;
      onProblem?.(problem);
    }
  };
  let isFirst = true;
  do {
    using lock = tryLockFile(keeperFile(dataRoot));
    if (!lock) return;
    if (isFirst) {
      lock.truncateSync();
      for (const name of Object.keys(JOBS) as (keyof typeof JOBS)[]) {
        const one = load(name).then(() => void loaded.loading.delete(one));
        loaded.loading.add(one);
      }
    }
    isFirst = false;
    await serve(dataRoot, loaded, isBegunAnew);
  } while (!isBegunAnew() && loaded.jobs.some((job) => isNeeded(job, dataRoot)));
  if (isBegunAnew()) ensureKeeper(dataRoot);
}

/** Why a job cannot be loaded: what it has of npm is fetched when it is first wanted. */
function problemOf(name: keyof typeof JOBS, { message }: Error): string {
  // Deno says what it could not do, and on the lines below the causes of causes
  const [what, why] = message.split("\n").map((line) => line.trim().replace(/^0: /, ""));
  const { pathname } = new URL(JOBS[name], import.meta.url);
  return `the keeper cannot load what its job ${name} is made of: ${what}${
    why ? `: ${why}` : ""
  }; ` +
    `where there is a network, fetch it once: deno cache ${pathname}`;
}

/** Whether there is anything to do; what cannot be found out now leaves things as they are. */
function isNeeded(job: Job, dataRoot: string, isRunning = false): boolean {
  try {
    return job.isNeeded(dataRoot);
  } catch {
    return isRunning;
  }
}

async function serve(
  dataRoot: string,
  { jobs, loading }: Loaded,
  isOver: () => boolean,
): Promise<void> {
  const running = new Map<Job, { stop: AbortController; ended: Promise<void> }>();
  for (
    let idle = 0;
    idle < PATIENCE && !isOver();
    idle = running.size + loading.size > 0 ? 0 : idle + 1
  ) {
    // a killed command's containers need nothing any more, and nobody else may come to say so
    await clearLeftovers(dataRoot);
    for (const job of jobs) {
      const known = running.get(job);
      const isWanted = isNeeded(job, dataRoot, known !== undefined);
      if (isWanted && !known) running.set(job, begin(job, dataRoot, running));
      else if (!isWanted && known) {
        known.stop.abort();
        await known.ended;
      }
    }
    await Promise.race([new Promise((resolve) => setTimeout(resolve, ROUND)), ...loading]);
  }
  for (const { stop, ended } of running.values()) {
    stop.abort();
    await ended;
  }
}

/** Begins a job. One that fails is begun anew in the next round, as long as it is needed. */
function begin(
  job: Job,
  dataRoot: string,
  running: Map<Job, unknown>,
): { stop: AbortController; ended: Promise<void> } {
  const stop = new AbortController();
  const ended = job.run(dataRoot, stop.signal).catch(() => {}).then(() => {
    running.delete(job);
  });
  return { stop, ended };
}
