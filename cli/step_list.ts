/**
 * The list of a birth's calls, page by page, with the one that is next marked.
 *
 * @module
 */

import type { Step } from "../ffi/program.ts";
import type { Reader } from "./lesson_reader.ts";
import { print } from "./output.ts";
import { type Sheet, styled } from "./step_screen.ts";

/** Shows the list, beginning with the page of the call that is next. */
export async function callList(
  reader: Reader,
  steps: readonly Step[],
  next: Step,
  sheet: Sheet,
): Promise<void> {
  const lines = linesOf(steps, next, sheet);
  const room = Math.max(reader.rows - 2, 5);
  const here = Math.max(lines.findIndex(({ isNext }) => isNext), 0);
  for (let page = Math.floor(here / room);;) {
    const shown = lines.slice(page * room, (page + 1) * room);
    print(`\n${shown.map(({ text }) => text).join("\n")}\n`);
    const isLast = (page + 1) * room >= lines.length;
    const key = await reader.key("n next page  b page before  q back", "\n nbq");
    if (key === "q" || (isLast && key !== "b")) return;
    page += key !== "b" ? 1 : page > 0 ? -1 : 0;
  }
}

function linesOf(steps: readonly Step[], next: Step, sheet: Sheet) {
  let title = "";
  const at = steps.indexOf(next);
  return steps.flatMap((step, i) => {
    const heading = step.phase.title === title ? [] : [{
      text: styled(step.phase.title, "bold", sheet),
      isNext: false,
    }];
    title = step.phase.title;
    const mark = i === at ? ">" : i < at ? "." : " ";
    const why = `${mark}${String(i + 1).padStart(4)}  ${step.name.padEnd(14)} ${step.why}`;
    const text = why.replaceAll(sheet.id, "$ID").slice(0, sheet.columns);
    return [...heading, { text: i === at ? styled(text, "new", sheet) : text, isNext: i === at }];
  });
}
