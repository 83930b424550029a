/**
 * A lesson played: its text page by page, its predictions, and the real thing as it happens.
 *
 * @module
 */

import { runCommands, runProgram } from "../lessons/blocks.ts";
import type { Folder } from "../lessons/course.ts";
import { type Lesson, Surprise } from "../lessons/lesson.ts";
import { openStage, type Shown } from "../lessons/stage.ts";
import type { LessonText, Live, Part, Section } from "../lessons/text.ts";
import { openWorkshop, type Workshop } from "../lessons/workshop.ts";
import type { Reader } from "./lesson_reader.ts";
import {
  headingLine,
  letter,
  paragraph,
  shownLines,
  staticLines,
  styled,
} from "./lesson_screen.ts";
import { word } from "./lesson_words.ts";

/** What is played. */
export interface Play {
  /** where the lesson is */
  folder: Folder;
  /** its needs and steps */
  lesson: Lesson;
  /** its text, in the workshop's language */
  text: LessonText;
  /** where it works */
  workshop: Workshop;
}

/** How a play ended. */
export interface PlayEnd {
  /** whether the reader left before the end */
  hasQuit: boolean;
  /** how many times the machine did something else than the text says */
  surprises: number;
}

/** Plays a lesson to the reader. */
export async function play(reader: Reader, what: Play): Promise<PlayEnd> {
  const player = new Player(reader, what);
  const hasQuit = !await player.playAll();
  return { hasQuit, surprises: player.surprises };
}

/** Opens a workshop and plays in it; `onOpen` is told of it, for Ctrl-C. */
export async function playIn(
  reader: Reader,
  what: Omit<Play, "workshop">,
  { language, root }: Pick<Workshop, "language" | "root">,
  onOpen: (workshop: AsyncDisposable) => void = () => {},
): Promise<PlayEnd> {
  await using workshop = openWorkshop(language, root);
  onOpen(workshop);
  return await play(reader, { ...what, workshop });
}

/** Rows that the prompt at the foot of a page takes, with the empty one above it. */
const FOOT = 2;

class Player {
  surprises = 0;
  /** rows since the reader last turned the page */
  private used = 0;
  /** the reader's guess, until it is told whether it was right */
  private guess: { chosen: number; right: number } | undefined;

  constructor(private readonly reader: Reader, private readonly what: Play) {}

  /** Plays all sections. @returns whether the reader stayed to the end */
  async playAll(): Promise<boolean> {
    for (const section of this.what.text.sections) {
      if (!await this.playSection(section)) return false;
    }
    return true;
  }

  private async playSection({ heading, parts }: Section): Promise<boolean> {
    const { screen } = this.reader;
    const title = this.used === 0 && heading === this.what.text.title
      ? `${this.what.folder.number}. ${heading}`
      : heading;
    if (!await this.show([headingLine(title, screen)])) return false;
    for (const part of parts) {
      if (!await this.playPart(part)) return false;
    }
    return await this.turn();
  }

  private async playPart(part: Part): Promise<boolean> {
    switch (part.kind) {
      case "prediction":
        return await this.show(staticLines(part, this.reader.screen)) &&
          await this.ask(part.answers.findIndex(({ isRight }) => isRight), part.answers.length);
      case "why":
        return await this.show([...this.tell(), ...staticLines(part, this.reader.screen)]);
      case "shell":
      case "program":
      case "step":
        return await this.playLive(part);
      default:
        return await this.show(staticLines(part, this.reader.screen));
    }
  }

  /** Asks for a guess; Enter is none. */
  private async ask(right: number, count: number): Promise<boolean> {
    const letters = Array.from({ length: count }, (_, i) => letter(i));
    const prompt = word(this.language, "choose", letters.join("/"));
    const key = await this.reader.key(prompt, `\n${letters.join("")}q`);
    this.used = 0;
    this.guess = { chosen: letters.indexOf(key), right };
    return key !== "q";
  }

  /** Whether the guess was right. */
  private tell(): string[] {
    const { guess } = this;
    this.guess = undefined;
    if (!guess) return [];
    const { screen } = this.reader;
    const right = letter(guess.right);
    if (guess.chosen < 0) return [styled(word(this.language, "answer", right), "bold", screen)];
    return guess.chosen === guess.right
      ? [styled(word(this.language, "right", right), "good", screen)]
      : [styled(word(this.language, "wrong", letter(guess.chosen), right), "bad", screen)];
  }

  private async playLive(part: Live): Promise<boolean> {
    const { screen } = this.reader;
    const shown: Shown[] = [];
    let surprise = "";
    try {
      surprise = await this.perform(part, (one) => shown.push(one));
    } catch (error) {
      if (!(error instanceof Surprise)) throw error;
      surprise = error.message;
    }
    const exitCode = (code: number) => word(this.language, "exitCode", code);
    for (const one of shown) {
      if (!await this.show(shownLines(one, screen, exitCode))) return false;
    }
    if (surprise === "") return true;
    this.surprises++;
    return await this.show(
      paragraph(word(this.language, "surprise", surprise.trimEnd()), screen)
        .map((line) => styled(line, "bad", screen)),
    );
  }

  /** Does it. @returns what was otherwise than the text says, if anything */
  private async perform(part: Live, show: (shown: Shown) => void): Promise<string> {
    const { workshop, folder, lesson } = this.what;
    switch (part.kind) {
      case "shell": {
        const typed = await runCommands(workshop, part.commands);
        for (const one of typed) show({ kind: "typed", ...one });
        const strange = typed.find(({ isAsTold }) => !isAsTold);
        return strange ? word(this.language, "otherwise", strange.line) : "";
      }
      case "program": {
        const { code, output } = await runProgram(workshop, part.source, folder.path);
        show({ kind: "lines", lines: part.source.trimEnd().split("\n") });
        show({ kind: "lines", lines: output.trimEnd().split("\n") });
        return code === 0 ? "" : word(this.language, "exitCode", code);
      }
      case "step":
        await lesson.steps[part.name](openStage(workshop, show));
        return "";
    }
  }

  /** Shows lines and an empty one; first turns the page if they do not fit. */
  private async show(lines: string[]): Promise<boolean> {
    const room = this.reader.rows - FOOT;
    if (this.used > 0 && this.used + lines.length > room && !await this.turn()) return false;
    for (let at = 0; at < lines.length; at += room) {
      if (at > 0 && !await this.turn()) return false;
      const page = lines.slice(at, at + room);
      this.reader.write(`${page.join("\n")}\n`);
      this.used += page.length;
    }
    this.reader.write("\n");
    this.used++;
    return true;
  }

  /** Lets the reader turn the page. */
  private async turn(): Promise<boolean> {
    this.used = 0;
    return await this.reader.key(word(this.language, "goOn"), "\nq") !== "q";
  }

  private get language() {
    return this.what.workshop.language;
  }
}
