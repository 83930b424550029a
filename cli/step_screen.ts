/**
 * A call of a birth and what it changed, as lines.
 *
 * @module
 */

import type { Happened, Stop } from "../runtime/stepping/stepper.ts";
import type { Change } from "../runtime/stepping/changes.ts";
import { errnoMeaning, errnoName } from "../ffi/errno.ts";
import { shorten } from "./explain.ts";
import { printable } from "./printable.ts";

/** How lines are written. */
export interface Sheet {
  /** the container's id, which is written as `$ID` */
  id: string;
  /** how many calls the birth has */
  count: number;
  /** the most columns of a line */
  columns: number;
  /** with bold headings and dim reasons */
  colour: boolean;
}

/** What a text can be marked as. */
export type Style = "bold" | "dim" | "new" | "gone";

/** Styles as SGR escape sequences, ECMA-48. */
const SGR: Record<Style, string> = { bold: "1", dim: "2", new: "32", gone: "31" };

/** A text in a style, where styles are welcome. */
export function styled(text: string, style: Style, { colour }: Sheet): string {
  return colour ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text;
}

/** Where a call stands: its number, its phase, who makes it, and the lesson that teaches it. */
export function headingOf({ number, step, by }: Stop, { count }: Sheet): string {
  const { title, lesson } = step.phase;
  const place = number === undefined ? "" : `${number}/${count} `;
  return `${place}${title} (${by}${lesson ? `, lesson ${lesson}` : ""})`;
}

/** The call and why it is made. */
export function callLines({ program, step }: Stop, sheet: Sheet): string[] {
  const call = shorten(program.format(step).replaceAll(sheet.id, "$ID"));
  const why = step.why.replaceAll(sheet.id, "$ID");
  return [
    ...fold(call, sheet, ""),
    ...fold(why, sheet, "    ").map((line) => styled(line, "dim", sheet)),
  ];
}

/** What the call gave, and what it changed. */
export function happenedLines({ outcome, changes, unchanged }: Happened, sheet: Sheet): string[] {
  const result = outcome === undefined
    ? "the call did not return: the process is another program now"
    : outcome.errno
    ? `= -1 ${errnoName(outcome.errno)}: ${errnoMeaning(outcome.errno)}`
    : outcome.result > 2 ** 31
    ? "done"
    : `= ${outcome.result}`;
  return [
    `  ${result}`,
    ...changeLines(changes, sheet),
    ...unchanged.flatMap((change) =>
      fold(`  ${change.section}: ${change.name} = ${change.after}, as it was`, sheet, "    ")
    ),
  ];
}

/** Changes, one or two lines each. */
export function changeLines(changes: readonly Change[], sheet: Sheet): string[] {
  return changes.flatMap((change) => {
    const { section, name } = change;
    const subject = `${section}: ${name.replaceAll(sheet.id, "$ID")}`;
    return sayings(change).flatMap(({ sign, text }) => {
      const style = sign === "+" ? "new" : sign === "-" ? "gone" : undefined;
      const value = printable(text.replaceAll("\n", "↵")).replaceAll(sheet.id, "$ID");
      const lines = fold(`  ${sign} ${subject}${value && ` ${value}`}`, sheet, "      ");
      return style ? lines.map((line) => styled(line, style, sheet)) : lines;
    });
  });
}

interface Saying {
  sign: "+" | "-" | " ";
  text: string;
}

/** A change in words; of a set, what has come and what has gone. */
function sayings({ section, name, before, after }: Change): Saying[] {
  if (before === undefined) return [{ sign: "+", text: after! }];
  if (after === undefined) return [{ sign: "-", text: before }];
  if (section === "files" && after.startsWith(before)) {
    return [{ sign: "+", text: after.slice(before.length) }];
  }
  const isSet = section === "rights" && (before + after).includes("CAP_");
  if (!isSet) return [{ sign: " ", text: `${before} → ${after}` }];
  const words = (text: string) => text.split(" ").filter((word) => word.startsWith("CAP_"));
  const [old, now] = [words(before), words(after)];
  const gone = old.filter((word) => !now.includes(word));
  const come = now.filter((word) => !old.includes(word));
  return [
    ...(come.length ? [{ sign: "+" as const, text: come.join(" ") }] : []),
    ...(gone.length ? [{ sign: "-" as const, text: gone.join(" ") }] : []),
  ].map((saying) => ({ ...saying, name }));
}

/** Lines of at most so many columns; the second and later ones are indented. */
export function fold(text: string, { columns }: Pick<Sheet, "columns">, indent: string): string[] {
  const lines: string[] = [];
  let rest = indent.length > 0 && !text.startsWith(" ") ? indent + text : text;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const at = space > indent.length + 20 ? space : columns;
    lines.push(rest.slice(0, at));
    rest = `${indent || "    "}${rest.slice(at).trimStart()}`;
  }
  return [...lines, rest];
}
