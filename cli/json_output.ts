/**
 * What the commands called `inspect` print: an array for a person, or a line each for a program.
 *
 * @module
 */

import type { FlagTable } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import { print } from "./output.ts";

/** The flag of all of them. */
export const FORMAT_JSON = {
  format: { short: "f", value: "FORM", help: "json: an object a line, without blanks" },
} as const satisfies FlagTable;

/** Prints what was found, as Docker does. */
export function printJson(found: readonly unknown[], format?: string): void {
  if (format === undefined) return print(`${JSON.stringify(found, null, 4)}\n`);
  parseWord("format", format, ["json"]);
  print(found.map((each) => `${JSON.stringify(each)}\n`).join(""));
}
