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
 * @param first columns that give before any other does
 */
export function formatTable(
  rows: readonly string[][],
  width = Infinity,
  first: readonly number[] = [],
): string {
  const widths = widthsOf(rows);
  const narrowest = narrowed(widths, first.length > 0 ? first : widths.keys().toArray());
  const gap = fits(narrowest, GAP, width) ? GAP : NARROW_GAP;
  shrink(widths, gap, width, first);
  shrink(widths, gap, width, widths.keys().toArray());
  return rows.map((row) => {
    const cells = row.map((cell, i) => cut(cell, widths[i]).padEnd(widths[i] + gap));
    return `${cells.join("").trimEnd()}\n`;
  }).join("");
}

/** Whether a table fits without that any but these columns give. */
export function fitsWhole(
  rows: readonly string[][],
  width: number,
  first: readonly number[],
): boolean {
  return fits(narrowed(widthsOf(rows), first), NARROW_GAP, width);
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

function widthsOf(rows: readonly string[][]): number[] {
  return rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
}

/** The widths when these columns have given all that they can. */
function narrowed(widths: readonly number[], columns: readonly number[]): number[] {
  return widths.map((each, i) => columns.includes(i) ? Math.min(each, LEAST) : each);
}

function fits(widths: number[], gap: number, width: number): boolean {
  return widths.reduce((sum, each) => sum + each, gap * (widths.length - 1)) <= width;
}

/** Takes from the widest of these columns, character by character, until all of the table fits. */
function shrink(widths: number[], gap: number, width: number, columns: readonly number[]): void {
  while (columns.length > 0 && !fits(widths, gap, width)) {
    const widest = columns.reduce((one, other) => widths[other] > widths[one] ? other : one);
    if (widths[widest] <= LEAST) return;
    widths[widest]--;
  }
}
