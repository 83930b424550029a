/**
 * How long the processes of a control group wait for what there is not enough of: pressure stall
 * information, the kernel's Documentation/accounting/psi.rst.
 *
 * @module
 */

import type { CgroupRecord } from "./plan.ts";

/** What is waited for. */
export type PressureKind = "cpu" | "memory" | "io";

/** Shares of the time, in percent. */
export interface Pressure {
  /** in which at least one process waited, of the last 10 seconds */
  some: number;
  /** in which all of them did; the processor alone is always had by somebody */
  full: number;
}

/** Reads it; a kind is absent where the kernel does not count it: `psi=0`, or version 1 alone. */
export function readPressure({ v2 }: CgroupRecord): Partial<Record<PressureKind, Pressure>> {
  const found: Partial<Record<PressureKind, Pressure>> = {};
  for (const kind of ["cpu", "memory", "io"] as const) {
    const text = v2 && read(`${v2}/${kind}.pressure`);
    const average = (line: string) =>
      Number(new RegExp(`^${line} avg10=([\\d.]+)`, "m").exec(text ?? "")?.[1] ?? 0);
    if (text) found[kind] = { some: average("some"), full: average("full") };
  }
  return found;
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // EOPNOTSUPP where it was switched off at boot
    return undefined;
  }
}
