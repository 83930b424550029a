/**
 * Commands timed side by side: one round runs each of them once, so that a noisy minute of the
 * machine falls on all alike.
 *
 * @module
 */

/** One command line that is timed. */
export interface Contestant {
  /** What the table calls it. */
  name: string;
  /** The program and its arguments. */
  command: string[];
  /** Environment variables beside our own. */
  env?: Record<string, string>;
  /** The working directory; our own otherwise. */
  cwd?: string;
}

/** What was measured of one contestant. */
export interface Result {
  /** The contestant's name. */
  name: string;
  /** Milliseconds from before the spawn to after the wait, one number a round, ascending. */
  times: number[];
}

/** How long and how often. */
export interface Effort {
  /** Rounds that count. */
  rounds: number;
  /** Rounds before them, which do not: caches fill. */
  warmUp: number;
  /** After so many seconds no further round begins. */
  seconds: number;
}

/** The effort that `BENCH_RUNS` and `BENCH_SECONDS` ask for. */
export function effort(rounds: number, seconds: number): Effort {
  return {
    rounds: Number(Deno.env.get("BENCH_RUNS") ?? rounds),
    warmUp: 3,
    seconds: Number(Deno.env.get("BENCH_SECONDS") ?? seconds),
  };
}

/**
 * Time the contestants, A B C A B C …
 *
 * @throws If a command does not exit with 0.
 */
export function interleave(contestants: Contestant[], effort: Effort): Result[] {
  const results = contestants.map(({ name }) => ({ name, times: [] as number[] }));
  const deadline = performance.now() + effort.seconds * 1000;
  for (let round = 0; round < effort.warmUp + effort.rounds; round++) {
    if (performance.now() > deadline && round > effort.warmUp) break;
    for (const [index, contestant] of contestants.entries()) {
      const time = once(contestant);
      if (round >= effort.warmUp) results[index].times.push(time);
    }
  }
  for (const { times } of results) times.sort((a, b) => a - b);
  return results;
}

/** Run a command to its end, and say how many milliseconds it took. */
export function once({ name, command: [program, ...args], env, cwd }: Contestant): number {
  const command = new Deno.Command(program, { args, env, cwd, stdin: "null", stdout: "null" });
  const start = performance.now();
  const { code, stderr } = command.outputSync();
  const time = performance.now() - start;
  if (code !== 0) {
    throw new Error(`${name}: exit code ${code}: ${new TextDecoder().decode(stderr).trim()}`);
  }
  return time;
}

/** The value below which the given share of the ascending times lies. */
export function quantile(times: number[], share: number): number {
  const place = (times.length - 1) * share;
  const [low, high] = [times[Math.floor(place)], times[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}

/** The middle one of the ascending times. */
export function median(times: number[]): number {
  return quantile(times, 0.5);
}

/** Print rows under a heading, the first column to the left, the others to the right. */
export function printTable(heading: string[], rows: string[][]): void {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  for (const row of all) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])
    );
    console.log(cells.join("  "));
  }
}

/** A number of milliseconds for the table. */
export function ms(time: number): string {
  return time.toFixed(1);
}
