/**
 * Detached containers for tests of the commands that deal with them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { type Outcome, runTiffin } from "../helpers/run_tiffin.ts";
import type { Box } from "./box.ts";

/** A container that was left running; `await using` removes it. */
export interface Detached extends AsyncDisposable {
  /** its id */
  readonly id: string;
  /** runs `tiffin` with these words in the same data root */
  tiffin(...words: string[]): Promise<Outcome>;
  /** {@linkcode Detached.tiffin} of a command that has to succeed; what it prints */
  text(...words: string[]): Promise<string>;
}

/**
 * Starts one.
 *
 * @param command what it runs
 * @param flags flags of `run` beside `-d`
 */
export async function detached(box: Box, command: string[], ...flags: string[]): Promise<Detached> {
  const tiffin = (...words: string[]) => runTiffin(words, { root: box.path, timeout: 30 });
  const text = async (...words: string[]) => {
    const { code, stdout, stderr } = await tiffin(...words);
    assertEquals(code, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  const id = (await text("run", "-d", ...flags, "local", ...command)).trim();
  return {
    id,
    tiffin,
    text,
    [Symbol.asyncDispose]: async () => {
      await text("rm", "-f", id);
    },
  };
}

/** Words that keep a container going until it is asked to end, and then end it at once. */
export const IDLE: string[] = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];
