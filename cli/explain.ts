/**
 * The birth of a container on the screen: `run --explain` and `run --trace`.
 *
 * @module
 */

import type { Line } from "../runtime/birth/trace.ts";

/** How a listing is shown. */
export interface ListingOptions {
  /** the container's id, which is written as `$ID` */
  id: string;
  /** with bold headings and dim reasons */
  colour: boolean;
}

/** The most characters of a string in a call; all of it is in `--explain=json`. */
const LONGEST = 80;
const STRING = /"(?:[^"\\]|\\.)*"/g;

/**
 * The calls of a birth: a heading for each phase, a call and its reason on lines of their own, and
 * below them the text that the call was too short for: a file's lines, the packet filter's rules.
 */
export function listing(lines: readonly Line[], { id, colour }: ListingOptions): string {
  const bold = (text: string) => colour ? `\x1b[1m${text}\x1b[0m` : text;
  const dim = (text: string) => colour ? `\x1b[2m${text}\x1b[0m` : text;
  const width = String(lines.length).length;
  let heading = "";
  let text = `ID=${id}\n`;
  lines.forEach((line, i) => {
    const next = headingOf(line);
    if (next !== heading) text += `\n${bold(next)}\n`;
    heading = next;
    const whole = line.call.replaceAll(id, "$ID");
    const call = shorten(whole);
    const outcome = line.result === undefined ? "" : ` = ${line.result}`;
    const time = line.microseconds === undefined ? "" : `  ${dim(microseconds(line.microseconds))}`;
    text += `${String(i + 1).padStart(width)}  ${call}${outcome}${time}\n`;
    const margin = " ".repeat(width + 4);
    text += `${margin}${dim(line.why)}\n`;
    for (const row of linesCut(whole)) text += `${margin}  ${dim("|")} ${row}`.trimEnd() + "\n";
  });
  return text;
}

function headingOf({ phase, by, lesson }: Line): string {
  return `${phase} (${by}${lesson ? `, lesson ${lesson}` : ""})`;
}

function microseconds(value: number): string {
  return `${value.toFixed(1)} µs`;
}

/** Cuts long strings, as strace(1) does, but never in the middle of an escape sequence. */
export function shorten(call: string): string {
  return call.replace(STRING, (string) => {
    if (string.length <= LONGEST) return string;
    const start = /^"(?:[^"\\]|\\.){0,60}/.exec(string)![0];
    return `${start}"…`;
  });
}

/** The lines of a call's text, if it has several and `shorten` cuts it; control characters stay escaped. */
function linesCut(call: string): string[] {
  const MEANINGS: Record<string, string> = { n: "\n", t: "\t" };
  return (call.match(STRING) ?? []).filter((string) => string.length > LONGEST)
    .map((string) => string.slice(1, -1).replace(/\\(["\\nt])/g, (_, it) => MEANINGS[it] ?? it))
    .filter((text) => text.trimEnd().includes("\n"))
    .flatMap((text) => text.trimEnd().split("\n"));
}

/** The calls of a birth for a program: one JSON array of objects. */
export function listingJson(lines: readonly Line[]): string {
  return `${JSON.stringify(lines, null, 2)}\n`;
}
