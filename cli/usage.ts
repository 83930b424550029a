/**
 * Help: what the commands are, and what each of them takes, in 80 columns.
 *
 * @module
 */

import type { Flag, FlagTable } from "./flags/grammar.ts";

/** The help of one command. */
export interface Help {
  /** What is typed after `tiffin`. */
  usage: string;
  /** What the command does, in one line. */
  summary: string;
  /** What else there is to know: paragraphs. */
  about?: string[];
  /** Its flags, by the headings that they are listed under. */
  flags?: Readonly<Record<string, FlagTable>>;
  /** At least one. */
  examples: Example[];
}

/** A command line, and what comes of it. */
export interface Example {
  /** What is typed after `tiffin`. */
  command: string;
  /** What comes of it. */
  does: string;
}

const WIDTH = 80;

/** The help of all commands. */
export function formatOverview(commands: Record<string, Help>, flags: FlagTable): string {
  const rows = Object.entries(commands).map(([name, { summary }]): [string, string] => [
    name,
    summary,
  ]);
  return [
    "Tiffin runs containers, and shows how each of them comes to be.",
    "Usage: tiffin [FLAGS] COMMAND …",
    `Commands:\n${formatRows(rows, 11)}`,
    formatFlags("Flags before the command", flags),
    formatExamples([
      { command: "run local sh", does: "a shell in a container, made of this machine's programs" },
      { command: "run alpine sh", does: "the same in an image that is fetched from Docker Hub" },
      {
        command: "explain alpine sh",
        does: "each step that this takes, and why; nothing is started",
      },
      { command: "help run", does: "the flags of one command" },
    ]),
    'From a checkout, "tiffin" is: deno run -A mod.ts\n',
  ].join("\n\n");
}

/** The help of one command. */
export function formatHelp({ usage, summary, about = [], flags = {}, examples }: Help): string {
  return [
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    `Usage: tiffin ${usage}`,
    ...about.map((paragraph) => wrap(paragraph, WIDTH).join("\n")),
    ...Object.entries(flags).map(([heading, table]) => formatFlags(heading, table)),
    `${formatExamples(examples)}\n`,
  ].join("\n\n");
}

function formatFlags(heading: string, table: FlagTable): string {
  const rows = Object.entries(table).map(([name, flag]): [string, string] => [
    flagWords(name, flag),
    flag.help,
  ]);
  return `${heading}:\n${formatRows(rows, COLUMN)}`;
}

/** `-e, --env KEY[=VALUE]`. */
function flagWords(name: string, { short, value, bare }: Flag): string {
  const form = value === undefined ? "" : bare === undefined ? ` ${value}` : `[=${value}]`;
  return `${short === undefined ? "    " : `-${short}, `}--${name}${form}`;
}

/** Where meanings begin, if all names leave room for that. */
const COLUMN = 32;

/** Names on the left and what they mean on the right; a long name has its line to itself. */
function formatRows(rows: [name: string, meaning: string][], column: number): string {
  return rows.map(([name, meaning]) => {
    const left = `  ${name}`;
    const lines = wrap(meaning, WIDTH - column);
    if (left.length + 2 > column) lines.unshift("");
    return lines.map((line, i) => `${(i === 0 ? left : "").padEnd(column)}${line}`.trimEnd())
      .join("\n");
  }).join("\n");
}

function formatExamples(examples: Example[]): string {
  const lines = examples.map(({ command, does }) => `  tiffin ${command}\n      ${does}`);
  return `Examples:\n${lines.join("\n")}`;
}

/** Lines of at most so many characters, broken at spaces. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
