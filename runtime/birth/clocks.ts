/**
 * A time namespace of the container's own, with its clocks shifted: time_namespaces(7).
 *
 * The shifts can be written as long as nobody is in the namespace. unshare(2) puts only children
 * into it, so this process writes them first, and then joins what it has made itself.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";
import type { LinuxClock, LinuxTimeOffset } from "../spec.ts";
import { writeFile } from "./files.ts";

const SECOND = 1_000_000_000;

/** The lines of /proc/PID/timens_offsets; nanoseconds are carried over, for the kernel wants them small. */
export function offsetLines(offsets: Partial<Record<LinuxClock, LinuxTimeOffset>>): string {
  return Object.entries(offsets).map(([clock, { secs = 0, nanosecs = 0 }]) =>
    `${clock} ${secs + Math.floor(nanosecs / SECOND)} ${nanosecs % SECOND}\n`
  ).join("");
}

/** Makes the namespace, shifts its clocks, and enters it. */
export function shiftClocks(
  program: Program,
  offsets: Partial<Record<LinuxClock, LinuxTimeOffset>> = {},
): void {
  program.phase("namespaces", 2);
  program.call("a time namespace, which this process itself is not in yet")
    .unshare(CLONE.NEWTIME);
  const lines = offsetLines(offsets);
  if (lines) {
    const why = "how far its clocks are ahead: after the first process is in it, it is too late";
    writeFile(program, "/proc/self/timens_offsets", lines, why);
  }
  const clocks = program.call("the namespace that was made", { name: "time" })
    .open("/proc/self/ns/time_for_children", O.RDONLY | O.CLOEXEC, 0);
  program.call("from here on this process goes by its clocks").setns(clocks, CLONE.NEWTIME);
  program.call("being in it does not need the descriptor").close(clocks);
}
