/**
 * Text on a terminal where some characters take two columns: Chinese, Japanese, Korean, emoji.
 *
 * The widths are those of Unicode's East Asian Width (UAX #11), ambiguous characters being narrow;
 * line breaks follow the parts of UAX #14 that Chinese and English prose need.
 *
 * @module
 */

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Marks of a style: they take no column, and an opening one belongs to what follows. */
export const MARK = {
  code: "\ue000",
  endCode: "\ue001",
  bold: "\ue002",
  endBold: "\ue003",
} as const;

const MARKS = /[\ue000-\ue003]/;

/** What no line begins with, and what none ends with. */
const CLOSING = /[,.;:!?)\]}，。、；：？！）」』》】〉”’…—～%\ue001\ue003]/;
const OPENING = /[([{（「『《【〈“‘\ue000\ue002]/;

/** How many columns a text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (!MARKS.test(character)) columns += WIDE.test(character) ? 2 : 1;
  }
  return columns;
}

/** A text filled up with spaces to so many columns. */
export function padColumns(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

/** Lines of at most so many columns; a word that is longer than that is cut. */
export function wrapColumns(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const { unit, isAfterSpace } of units(text)) {
    const gap = line !== "" && isAfterSpace ? " " : "";
    if (columnsOf(line) + gap.length + columnsOf(unit) <= columns) {
      line += gap + unit;
      continue;
    }
    if (line !== "") lines.push(line);
    line = unit;
    while (columnsOf(line) > columns) {
      const head = start(line, columns);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  if (line !== "" || lines.length === 0) lines.push(line);
  return lines;
}

/** The longest beginning of a text that takes at most so many columns. */
export function start(text: string, columns: number): string {
  let head = "";
  for (const character of text) {
    if (columnsOf(head + character) > columns) break;
    head += character;
  }
  return head;
}

/** The pieces that a line may be broken between. */
function* units(text: string): Generator<{ unit: string; isAfterSpace: boolean }> {
  let unit = "";
  let isAfterSpace = false;
  let isSpace = false;
  let last = "";
  for (const character of text) {
    if (character === " ") {
      isSpace = true;
      continue;
    }
    const isWord = !WIDE.test(character) && !WIDE.test(last) && !OPENING.test(character) &&
      !MARKS.test(last);
    const isGlued = !isSpace && (isWord || CLOSING.test(character) || OPENING.test(last));
    if (unit !== "" && !isGlued) {
      yield { unit, isAfterSpace };
      [unit, isAfterSpace] = ["", isSpace];
    }
    unit += character;
    last = character;
    isSpace = false;
  }
  if (unit !== "") yield { unit, isAfterSpace };
}
