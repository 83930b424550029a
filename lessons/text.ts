/**
 * A lesson's text, read from the small part of Markdown that lessons are written in.
 *
 * The rules are strict so that nothing in a text can be mistaken for something else, and so that no
 * code in it can be left unexecuted: see docs/lessons.md.
 *
 * @module
 */

/** A piece of a text, in order of appearance. */
export type Part =
  | { kind: "paragraph"; text: string }
  | { kind: "list"; items: string[]; isNumbered: boolean }
  /** a picture in characters */
  | { kind: "picture"; lines: string[] }
  /** a question's answers; the question is the paragraph before them */
  | { kind: "prediction"; answers: Answer[] }
  /** what is told after the real thing has happened */
  | { kind: "why"; text: string }
  | Live;

/** A part that does something. */
export type Live =
  /** commands for a shell */
  | { kind: "shell"; commands: ShellCommand[] }
  /** a whole TypeScript program */
  | { kind: "program"; source: string }
  /** a function of the lesson's `lesson.ts` */
  | { kind: "step"; name: string };

/** One answer to choose from. */
export interface Answer {
  /** the answer */
  text: string;
  /** whether it is the right one */
  isRight: boolean;
}

/** One line that is typed, and what it must answer. */
export interface ShellCommand {
  /** the line after the prompt */
  line: string;
  /** what it writes, `…` for anything within a line and a line `…` for any lines; empty: whatever */
  output: string[];
  /** what it exits with */
  code: number;
}

/** A heading and what follows it: a screen. */
export interface Section {
  /** the heading; the first section's is the lesson's title */
  heading: string;
  /** what is below it */
  parts: Part[];
}

/** A lesson's text. */
export interface LessonText {
  /** the lesson's title */
  title: string;
  /** its sections; the last one sets the exercise */
  sections: Section[];
}

/** A text that breaks the rules; the message names file and line. */
export class TextError extends Error {
  /** The class's name, for messages. */
  override name = "TextError";
}

/**
 * Reads a text.
 *
 * @param file its name, for messages
 * @throws {TextError} for what is no part of the rules
 */
export function parseText(markdown: string, file: string): LessonText {
  const blocks = splitBlocks(markdown, file);
  const sections: Section[] = [];
  for (const { line, lines } of blocks) {
    const refuse = (problem: string) => new TextError(`${file}:${line}: ${problem}`);
    const [first] = lines;
    const heading = /^(#+) (.*)$/.exec(first);
    if (heading) {
      const wanted = sections.length === 0 ? "#" : "##";
      if (heading[1] !== wanted || lines.length > 1) {
        throw refuse(`a heading of one line with ${wanted} is wanted here, not ${first}`);
      }
      sections.push({ heading: heading[2], parts: [] });
      continue;
    }
    const section = sections.at(-1);
    if (!section) throw refuse("a text begins with its title: # …");
    section.parts.push(parsePart(lines, refuse));
  }
  return { title: sections[0]?.heading ?? "", sections };
}

/** Blocks of lines with empty lines between; a fenced block may hold empty lines itself. */
function splitBlocks(markdown: string, file: string): { line: number; lines: string[] }[] {
  const blocks: { line: number; lines: string[] }[] = [];
  let current: string[] | undefined;
  let isFenced = false;
  markdown.split("\n").forEach((text, index) => {
    if (!isFenced && text.trim() === "") {
      current = undefined;
      return;
    }
    if (text.startsWith("```")) {
      if (!isFenced) current = undefined;
      isFenced = !isFenced;
    }
    if (!current) blocks.push({ line: index + 1, lines: current = [] });
    current.push(text);
  });
  if (isFenced) throw new TextError(`${file}: a block that begins with \`\`\` does not end`);
  return blocks;
}

type Refuse = (problem: string) => TextError;

function parsePart(lines: string[], refuse: Refuse): Part {
  const [first] = lines;
  if (first.startsWith("```")) return parseFence(first.slice(3), lines.slice(1, -1), refuse);
  if (first.startsWith("- [")) return parsePrediction(lines, refuse);
  if (first.startsWith("- ")) {
    return { kind: "list", items: items(lines, /^- /), isNumbered: false };
  }
  if (/^\d+\. /.test(first)) {
    return { kind: "list", items: items(lines, /^\d+\. /), isNumbered: true };
  }
  if (first.startsWith(">")) {
    return { kind: "why", text: joinLines(lines.map((line) => line.replace(/^> ?/, ""))) };
  }
  if (/^(\||<|!\[)/.test(first)) throw refuse(`tables, HTML and images have no place: ${first}`);
  return { kind: "paragraph", text: joinLines(lines) };
}

function parseFence(language: string, lines: string[], refuse: Refuse): Part {
  switch (language) {
    case "text":
      return { kind: "picture", lines };
    case "ts":
      return { kind: "program", source: `${lines.join("\n")}\n` };
    case "sh":
      return { kind: "shell", commands: parseCommands(lines, refuse) };
    case "step":
      if (lines.length === 1) return { kind: "step", name: lines[0].trim() };
      throw refuse("a step block holds one line: the name of a step in lesson.ts");
    default:
      throw refuse(`a block is sh, ts, step or text, not ${JSON.stringify(language)}`);
  }
}

function parseCommands(lines: string[], refuse: Refuse): ShellCommand[] {
  const commands: ShellCommand[] = [];
  for (const line of lines) {
    if (line.startsWith("$ ")) commands.push({ line: line.slice(2), output: [], code: 0 });
    else {
      const command = commands.at(-1);
      if (!command) throw refuse("a sh block begins with a command: $ …");
      const [, code] = /^\[exit code (\d+)\]$/.exec(line) ?? [];
      if (code !== undefined) command.code = Number(code);
      else command.output.push(line);
    }
  }
  return commands;
}

function parsePrediction(lines: string[], refuse: Refuse): Part {
  const answers = items(lines, /^- (?=\[[ x]\] )/).map((item) => ({
    text: item.slice(4),
    isRight: item.startsWith("[x]"),
  }));
  if (answers.length < 2 || answers.filter(({ isRight }) => isRight).length !== 1) {
    throw refuse("a prediction has two or more answers, - [ ] …, and one right one, - [x] …");
  }
  return { kind: "prediction", answers };
}

/** The items of a list; a line that does not begin one goes on with the one before. */
function items(lines: string[], bullet: RegExp): string[] {
  const found: string[][] = [];
  for (const line of lines) {
    if (bullet.test(line)) found.push([line.replace(bullet, "")]);
    else found.at(-1)?.push(line.trim());
  }
  return found.map(joinLines);
}

/** Chinese has no spaces between words: none comes of a line's end either. */
const WIDE = /[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/;

/** Lines as one. */
export function joinLines(lines: string[]): string {
  return lines.reduce((text, line) => {
    const isSeam = WIDE.test(text.at(-1) ?? "") && WIDE.test(line[0] ?? "");
    return `${text}${isSeam ? "" : " "}${line}`;
  });
}
