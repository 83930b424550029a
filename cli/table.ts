/**
 * Tables on the screen, in Docker's form: capital headings, columns with three spaces between.
 *
 * @module
 */

/** What stands between two columns. */
const GAP = 3;

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
  shrink(widths, width);
  return rows.map((row) => {
    const cells = row.map((cell, i) => cut(cell, widths[i]).padEnd(widths[i] + GAP));
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

/** Takes from the widest column, character by character, until all of them fit. */
function shrink(widths: number[], width: number): void {
  const room = width - GAP * (widths.length - 1);
  while (widths.reduce((sum, each) => sum + each, 0) > room) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest] <= LEAST) return;
    widths[widest]--;
  }
}
