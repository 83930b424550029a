/**
 * Processes of the host, by process id and start time: the pair is never used twice.
 *
 * A process id alone is given to another process sooner or later, and a record that names it
 * would then speak of a stranger.
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

/** Who a process is; `undefined` when there is none, or only a zombie. */
export function identify(pid: number | "self"): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  // the second field is a name in parentheses and may hold spaces and parentheses itself
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid: parseInt(stat), start: Number(fields[19]) };
}

/** Whether this very process still runs. */
export function isAlive({ pid, start }: ProcessIdentity): boolean {
  return identify(pid)?.start === start;
}
