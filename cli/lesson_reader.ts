/**
 * Whoever reads a lesson: a person at a terminal, who turns the pages by keys, or nobody.
 *
 * @module
 */

import { isScreen, print } from "./output.ts";
import type { Screen } from "./lesson_screen.ts";
import { screenSize } from "./table.ts";

/** A reader. */
export interface Reader {
  /** what lines are made for */
  screen: Screen;
  /** how many rows are shown at once; without end where nobody turns pages */
  rows: number;
  /** shows text */
  write(text: string): void;
  /** Waits for one of the keys, `"\n"` for Enter, and shows `prompt` until then. */
  key(prompt: string, keys: string): Promise<string>;
  /** gives the terminal back; what a lesson that is cut short still has to say is not shown */
  close(): void;
}

/** The most columns of a lesson's lines: longer ones are hard to read. */
const WIDEST = 80;
/** And the fewest: a line has to hold a letter beside what it is indented by. */
const NARROWEST = 20;

/** Somebody who gets everything at once: a file, a lecture, a test. */
export function openSheet(colour: boolean): Reader {
  return {
    screen: { columns: WIDEST, colour },
    rows: Infinity,
    write: print,
    key: (_, keys) => Promise.resolve(keys[0]),
    close: () => {},
  };
}

/** A person at the terminal. */
export function openKeyboard(colour: boolean): Reader {
  const { columns, rows } = screenSize();
  const input = new Keys();
  let isOpen = true;
  const show = (text: string) => {
    if (isOpen) print(text);
  };
  return {
    screen: { columns: Math.max(Math.min(columns, WIDEST), NARROWEST), colour },
    rows: Math.max(rows, 10),
    write: show,
    key: async (prompt, keys) => {
      show(colour ? `\x1b[2m${prompt}\x1b[0m` : prompt);
      for (;;) {
        const pressed = await input.next();
        if (!keys.includes(pressed)) continue;
        show(isScreen(Deno.stdout) ? "\r\x1b[K" : "\n");
        return pressed;
      }
    },
    close: () => {
      isOpen = false;
      input.close();
    },
  };
}

/** Single keys, without echo; Ctrl-C stays what it is. */
class Keys {
  private waiting: string[] = [];

  constructor() {
    Deno.stdin.setRaw(true, { cbreak: true });
  }

  /** The next key; the end of the input counts as `q`. */
  async next(): Promise<string> {
    const buffer = new Uint8Array(64);
    while (this.waiting.length === 0) {
      const count = await Deno.stdin.read(buffer);
      if (count === null) return "q";
      const text = new TextDecoder().decode(buffer.subarray(0, count));
      // an arrow key is a sequence whose letters mean nothing here
      if (!text.startsWith("\x1b")) this.waiting.push(...text.replaceAll("\r", "\n"));
    }
    return this.waiting.shift()!;
  }

  close(): void {
    Deno.stdin.setRaw(false);
  }
}
