/**
 * The memory of processes, each page that several of them share divided among them.
 *
 * @module
 */

/** What a process takes, in bytes: its proportional set size, proc_pid_smaps(5). */
export function pss(pid: number): number {
  const [, kibibytes] = /^Pss:\s*(\d+) kB$/m.exec(
    Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`),
  )!;
  return Number(kibibytes) * 1024;
}

/** What is printed of them: how many, one of them when it was alone, and each of all. */
export function pssTable(all: number[], alone: number): string[] {
  const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
  return [String(all.length), megabytes(alone), megabytes(mean)];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
