/**
 * Tables on the screen, in Docker's form: capital headings, columns with three spaces between.
 *
 * @module
 */

/** What stands between two columns. */
const GAP = 3;
/** …and where even the narrowest columns would not fit otherwise. */
const NARROW_GAP = 2;

/** A column is not made narrower than this. */
const LEAST = 8;

/**
 * Lines of a table.
 *
 * @param rows the headings first; all of the same length, printable text
 * @param width the most characters of a line; where they do not suffice, the widest column gives
 */
export function formatTable(rows: readonly string[][], width = Infinity): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const narrowest = widths.map((each) => Math.min(each, LEAST));
  const gap = fits(narrowest, GAP, width) ? GAP : NARROW_GAP;
  shrink(widths, gap, width);
  return rows.map((row) => {
    const cells = row.map((cell, i) => cut(cell, widths[i]).padEnd(widths[i] + gap));
    return `${cells.join("").trimEnd()}\n`;
  }).join("");
}

/** The columns of the terminal that the standard output is; without one, lines may be of any length. */
export function outputWidth(): number {
  return Deno.stdout.isTerminal() ? screenSize().columns : Infinity;
}

/** The size of the terminal; 80 by 24 where it is not known. */
export function screenSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // Not every terminal tells its size.
  }
  return { columns: 80, rows: 24 };
}

/** Text in at most so many characters; an ellipsis stands for what is missing. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`;
}

function fits(widths: number[], gap: number, width: number): boolean {
  return widths.reduce((sum, each) => sum + each, gap * (widths.length - 1)) <= width;
}

/** Takes from the widest column, character by character, until all of them fit. */
function shrink(widths: number[], gap: number, width: number): void {
  while (!fits(widths, gap, width)) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest] <= LEAST) return;
    widths[widest]--;
  }
}
