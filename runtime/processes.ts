/**
 * Processes of the host: who they are, by process id and start time, and how they ended.
 *
 * The pair is not used twice while the machine runs. A process id alone is given to another process
 * sooner or later, and a record that names it would then speak of a stranger.
 *
 * @module
 */

/** A process, for as long as it or its record lasts. */
export interface ProcessIdentity {
  /** its process id, as the host counts */
  pid: number;
  /** clock ticks after boot, field 22 of /proc/PID/stat (proc(5)) */
  start: number;
}

/** ENOMEM, ENFILE, EMFILE: what stops somebody who looks from seeing anything. */
const CANNOT_LOOK = /\(os error (12|23|24)\)/;

/**
 * Who a process is; `undefined` when there is none, or only a zombie.
 *
 * @throws where this process cannot look: what is taken for dead has its container cleared away
 */
export function identify(pid: number | "self"): ProcessIdentity | undefined {
  try {
    return parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch (error) {
    if (CANNOT_LOOK.test((error as Error).message)) throw error;
    return undefined;
  }
}

/** Reads a line of /proc/PID/stat; `undefined` for a zombie's, and for what is no such line. */
export function parseStat(stat: string): ProcessIdentity | undefined {
  // the second field is a name in parentheses and may hold spaces and parentheses itself
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X" || fields.length < 20) return undefined;
  return { pid: parseInt(stat), start: parseInt(fields[19]) };
}

/** As much of a line of /proc/PID/stat as {@linkcode parseStat} reads. */
export function formatStat({ pid, start }: ProcessIdentity, name = "tiffin"): string {
  return `${pid} (${name}) R ${"0 ".repeat(18)}${start}\n`;
}

/** Whether this very process still runs. */
export function isAlive({ pid, start }: ProcessIdentity): boolean {
  return identify(pid)?.start === start;
}

/** How a process ended, as the container that it was the first of. */
export interface Exit {
  /** 0 to 255; 128 and the signal's number for a process that was killed by one */
  code: number;
  /** the signal that killed it */
  signal?: number;
  /** whether it was killed because the memory limit was reached */
  isOutOfMemory: boolean;
}

/** What waitpid(2) says of how a process ended. */
export function readWaitStatus(status: number): Exit {
  const signal = status & 0x7f;
  if (signal) return { code: 128 + signal, signal, isOutOfMemory: false };
  return { code: status >> 8 & 0xff, isOutOfMemory: false };
}
