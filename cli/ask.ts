/**
 * Questions to the person at the terminal, asked on the standard error and answered in a line.
 *
 * @module
 */

import { printError } from "./output.ts";
import { Interrupted } from "./pull_watch.ts";

/** Ctrl-C, Ctrl-D, Ctrl-U and what a terminal sends for the Backspace key. */
const KEY = { INTERRUPT: 0x03, END: 0x04, KILL: 0x15, BACKSPACE: 0x08, DELETE: 0x7f };
const SIGINT = 2;

/** Asks for a line; an empty one where the input ends. */
export async function ask(question: string): Promise<string> {
  printError(question);
  const bytes: number[] = [];
  for await (const byte of keys()) {
    if (byte === 0x0a) return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
    bytes.push(byte);
  }
  // nobody has typed the end of the line
  printError("\n");
  return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
}

/**
 * Asks for a line that is not shown while it is typed.
 *
 * @throws {Interrupted} at Ctrl-C
 */
export async function askSecret(question: string): Promise<string> {
  printError(question);
  Deno.stdin.setRaw(true);
  try {
    let bytes: number[] = [];
    for await (const byte of keys()) {
      if (byte === KEY.INTERRUPT) throw new Interrupted(SIGINT);
      if (byte === 0x0d || byte === 0x0a || byte === KEY.END) break;
      if (byte === KEY.KILL) bytes = [];
      else if (byte === KEY.BACKSPACE || byte === KEY.DELETE) dropCharacter(bytes);
      else bytes.push(byte);
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  } finally {
    Deno.stdin.setRaw(false);
    printError("\n");
  }
}

/** Asks whether to go on; only a yes is a yes. */
export async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N] `));
}

/** The bytes of the standard input, one at a time: what is behind the line is for the next question. */
async function* keys(): AsyncGenerator<number> {
  const byte = new Uint8Array(1);
  while (await Deno.stdin.read(byte)) yield byte[0];
}

/** Takes the last character away, which can be several bytes of UTF-8. */
function dropCharacter(bytes: number[]): void {
  let last: number | undefined;
  do last = bytes.pop(); while (last !== undefined && (last & 0xc0) === 0x80);
}
