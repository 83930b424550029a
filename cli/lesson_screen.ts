/**
 * The parts of a lesson as lines on a screen.
 *
 * @module
 */

import type { Part } from "../lessons/text.ts";
import type { Shown } from "../lessons/stage.ts";
import { columnsOf, MARK, start, wrapColumns } from "./wide.ts";

/** What lines are made for. */
export interface Screen {
  /** the most columns of a line */
  columns: number;
  /** with bold headings and coloured code; else with the marks of the text */
  colour: boolean;
}

/** What a text can be marked as. */
export type Style = "bold" | "code" | "dim" | "good" | "bad";

/** Styles as SGR escape sequences, ECMA-48. */
const SGR: Record<Style, string> = { bold: "1", code: "36", dim: "2", good: "32", bad: "31" };

/** A text in a style, where styles are welcome. */
export function styled(text: string, style: Style, { colour }: Screen): string {
  return colour && text !== "" ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text;
}

/** A heading: a rule across the screen, so that the eye finds where a page began. */
export function headingLine(title: string, screen: Screen): string {
  const rule = "─".repeat(Math.max(0, screen.columns - columnsOf(title) - 4));
  return `${styled("──", "dim", screen)} ${styled(title, "bold", screen)} ${
    styled(rule, "dim", screen)
  }`;
}

/** A paragraph, wrapped, below its first line's beginning. */
export function paragraph(text: string, screen: Screen, first = "", rest = first): string[] {
  const { colour, columns } = screen;
  const marked = colour
    ? text.replace(/`([^`]+)`/g, `${MARK.code}$1${MARK.endCode}`)
      .replace(/\*\*(.+?)\*\*/g, `${MARK.bold}$1${MARK.endBold}`)
    : text.replace(/\*\*(.+?)\*\*/g, "$1");
  const indent = Math.max(columnsOf(first), columnsOf(rest));
  let open = "";
  return wrapColumns(marked, columns - indent).map((line, i) => {
    let shown = open;
    for (const character of line) {
      if (character === MARK.code) open = `\x1b[${SGR.code}m`;
      else if (character === MARK.bold) open = `\x1b[${SGR.bold}m`;
      else if (character === MARK.endCode || character === MARK.endBold) {
        open = "";
        shown += "\x1b[0m";
        continue;
      } else {
        shown += character;
        continue;
      }
      shown += open;
    }
    // a style that goes on in the next line begins there again
    return `${i === 0 ? first : rest}${shown}${open === "" ? "" : "\x1b[0m"}`;
  });
}

/** The lines of a part that only wants to be read; predictions and live parts are the player's. */
export function staticLines(part: Part, screen: Screen): string[] {
  switch (part.kind) {
    case "paragraph":
    case "why":
      return paragraph(part.text, screen);
    case "list":
      return part.items.flatMap((item, i) => {
        const bullet = part.isNumbered ? `${i + 1}. ` : "- ";
        return paragraph(item, screen, bullet, " ".repeat(bullet.length));
      });
    case "picture":
      return part.lines.map((line) => `  ${line}`);
    case "prediction":
      return part.answers.flatMap(({ text }, i) =>
        paragraph(text, screen, `  ${letter(i)}) `, "     ")
      );
    default:
      return [];
  }
}

/** The lines of what a step shows. @param exitCode how an exit code is written */
export function shownLines(
  shown: Shown,
  screen: Screen,
  exitCode: (code: number) => string,
): string[] {
  switch (shown.kind) {
    case "paragraph":
      return paragraph(shown.text, screen);
    case "lines":
      return shown.lines.flatMap((line) => fold(line, screen));
    case "typed": {
      const { line, output, code } = shown;
      return [
        ...fold(line, screen, "$ ").map((text) => styled(text, "bold", screen)),
        ...(output === "" ? [] : output.replace(/\n$/, "").split("\n"))
          .flatMap((text) => fold(text, screen)),
        ...(code === 0 ? [] : [styled(`  ${exitCode(code)}`, "bad", screen)]),
      ];
    }
  }
}

/** A line of a machine's, cut into as many as it needs, each indented; nothing in it steers. */
function fold(line: string, { columns }: Screen, prompt = ""): string[] {
  // deno-lint-ignore no-control-regex -- an output may hold anything, also what moves the cursor
  let rest = prompt + line.replaceAll("\t", "    ").replace(/[\x00-\x1f\x7f-\x9f]/g, "");
  const lines: string[] = [];
  do {
    const indent = lines.length === 0 ? "  " : "      ";
    const full = start(rest, columns - indent.length);
    // rather behind a word or a directory's name than within it, where that is near the end
    const [nice = ""] = full.length < rest.length ? /^.*[ /]/.exec(full) ?? [] : [];
    const head = nice.length > full.length / 2 ? nice : full;
    lines.push(indent + head);
    rest = rest.slice(head.length);
  } while (rest !== "");
  return lines;
}

/** The letter that an answer is chosen by. */
export function letter(index: number): string {
  return String.fromCharCode("a".charCodeAt(0) + index);
}
