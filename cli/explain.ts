/**
 * The birth of a container on the screen: `run --explain` and `run --trace`.
 *
 * @module
 */

import type { Line } from "../runtime/birth/trace.ts";

/** How a listing is shown. */
export interface ListingOptions {
  /** with bold headings and dim reasons */
  colour: boolean;
}

/** The calls of a birth, a heading for each phase, a call and its reason on lines of their own. */
export function listing(lines: readonly Line[], { colour }: ListingOptions): string {
  const bold = (text: string) => colour ? `\x1b[1m${text}\x1b[0m` : text;
  const dim = (text: string) => colour ? `\x1b[2m${text}\x1b[0m` : text;
  const width = String(lines.length).length;
  let heading = "";
  let text = "";
  lines.forEach((line, i) => {
    const { by, phase, lesson, call, why, result, microseconds } = line;
    const next = `${phase} (${by}${lesson ? `, lesson ${lesson}` : ""})`;
    if (next !== heading) text += `${heading ? "\n" : ""}${bold(next)}\n`;
    heading = next;
    const outcome = result === undefined ? "" : ` = ${result}`;
    const time = microseconds === undefined ? "" : `  ${dim(`${microseconds.toFixed(1)} µs`)}`;
    text += `${String(i + 1).padStart(width)}  ${call}${outcome}${time}\n`;
    text += `${" ".repeat(width)}    ${dim(why)}\n`;
  });
  return text;
}

/** The calls of a birth for a program: one JSON array of objects. */
export function listingJson(lines: readonly Line[]): string {
  return `${JSON.stringify(lines, null, 2)}\n`;
}
