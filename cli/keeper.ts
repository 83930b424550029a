/**
 * `keeper`: the process that serves networks while containers run. Nobody types this.
 *
 * @module
 */

import { keep } from "../runtime/keeper.ts";
import { parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { printError } from "./output.ts";
import type { Help } from "./usage.ts";

/** The help of `keeper`. */
export const help: Help = {
  usage: "keeper",
  summary: "answer for names and keep services balanced, while containers run",
  about: [
    "It is started by the container that needs it first, and ends with the last. There is never " +
    "more than one for a data root; another one ends at once.",
  ],
  examples: [{ command: "keeper", does: "what run --network front starts in the background" }],
};

/** Does what there is to do, until there is nothing. */
export async function keeper(args: string[], { root }: Context): Promise<number> {
  parseFlags(args, {});
  await keep(root, (problem) => printError(`${problem}\n`));
  return 0;
}
