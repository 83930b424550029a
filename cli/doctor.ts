/**
 * `doctor`: what this host can do, and the command that would mend what it cannot.
 *
 * @module
 */

import type { Finding } from "../runtime/doctor.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { hasColour, print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  json: { help: "print the findings as JSON" },
} as const satisfies FlagTable;

/** The help of `doctor`. */
export const help: Help = {
  usage: "doctor [FLAGS]",
  summary: "say what this host can do, and which command would mend what it cannot",
  about: [
    "ok: works. --: containers run, but without this. !!: no container runs before it is mended; " +
    "then the exit code is 1, otherwise 0. What can be tried is tried, in a process of its own " +
    "that leaves nothing behind.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "doctor", does: "as the user that you are; root and others differ" },
    { command: "doctor --json", does: "the same for a program" },
  ],
};

/** Examines this host. @returns 1 if something keeps containers from running */
export async function doctor(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("doctor takes no names");
  const [{ examineHost }, { thisHost }] = await Promise.all([
    import("../runtime/doctor.ts"),
    import("../runtime/doctor/this_host.ts"),
  ]);
  const findings = await examineHost(thisHost(root));
  print(
    flags.json
      ? `${JSON.stringify(findings, null, 2)}\n`
      : formatFindings(findings, hasColour(Deno.stdout)),
  );
  return findings.some(({ state }) => state === "bad") ? 1 : 0;
}

const MARKS = { good: "ok", limited: "--", bad: "!!" } as const;
const COLOURS = { good: "32", limited: "33", bad: "31" } as const;
const WIDTH = 80;
const COLUMN = 26;

/** The findings, and what would mend them, in 80 columns; a command stays whole to be copied. */
export function formatFindings(findings: readonly Finding[], colour: boolean): string {
  return findings.map(({ subject, state, found, fix }) => {
    const mark = colour ? `\x1b[${COLOURS[state]}m${MARKS[state]}\x1b[0m` : MARKS[state];
    const [first, ...rest] = wrap(found, WIDTH - COLUMN);
    const lines = [
      `${mark}  ${subject.padEnd(COLUMN - 4)}${first}`,
      ...rest.map((line) => " ".repeat(COLUMN) + line),
    ];
    if (fix) lines.push(`${" ".repeat(4)}${fix}`);
    return `${lines.join("\n")}\n`;
  }).join("");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const last = lines.length - 1;
    if (lines[last] !== "" && lines[last].length + 1 + word.length > width) lines.push(word);
    else lines[last] = lines[last] === "" ? word : `${lines[last]} ${word}`;
  }
  return lines;
}
