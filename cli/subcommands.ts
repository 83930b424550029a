/**
 * Commands of two words: `image prune`, `system df`.
 *
 * @module
 */

import { later } from "../runtime/later.ts";
import { HelpWanted, UsageError } from "./flags/grammar.ts";
import type { Command, CommandEntry, Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

/** Exit code for a second word that is none: Docker's for what it does not know. */
const UNKNOWN = 125;

/**
 * Runs the command that the first of the words names.
 *
 * @param group the command's first word
 * @param table the second words
 * @throws {HelpWanted} if help for the whole group is wanted
 */
export async function runSubcommand(
  group: string,
  table: Readonly<Record<string, CommandEntry>>,
  [word, ...rest]: string[],
  context: Context,
): Promise<number> {
  if (word === undefined || word === "--help" || word === "-h") throw new HelpWanted();
  if (!Object.hasOwn(table, word)) {
    const { didYouMean, show } = await import("../runtime/words.ts");
    const near = didYouMean(word, Object.keys(table));
    throw new UsageError(`${group} has no command ${show(word)}${near}`, UNKNOWN);
  }
  const { file, name } = table[word];
  const module = await later<Record<string, Command> & { help: Help }>(import.meta, file);
  try {
    return await module[name](rest, context);
  } catch (error) {
    if (!(error instanceof HelpWanted)) throw error;
    const { formatHelp } = await import("./usage.ts");
    print(formatHelp(module.help));
    return 0;
  }
}
