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

/** Docker's other names for second words. */
const ALIASES: Readonly<Record<string, string>> = { list: "ls", ps: "ls", remove: "rm" };

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
  [typed, ...rest]: string[],
  context: Context,
): Promise<number> {
  if (typed === undefined || typed === "--help" || typed === "-h") throw new HelpWanted();
  const word = Object.hasOwn(table, typed) ? typed : ALIASES[typed] ?? typed;
  if (!Object.hasOwn(table, word)) throw await unknownCommand(group, typed, Object.keys(table));
  const { file, name } = table[word];
  const module = await later<Record<string, Command> & { help: Help }>(import.meta, file);
  try {
    return await module[name](rest, context);
  } catch (error) {
    if (error instanceof UsageError) {
      error.hint ??= `tiffin ${group} ${word} --help shows its flags`;
    }
    if (!(error instanceof HelpWanted)) throw error;
    const { formatHelp } = await import("./usage.ts");
    print(formatHelp(module.help));
    return 0;
  }
}

/** A second word that is none: it is misspelt, or Docker's for what is somewhere else here. */
async function unknownCommand(group: string, word: string, known: string[]): Promise<UsageError> {
  const [{ didYouMean, show }, { elsewhere }] = await Promise.all([
    import("../runtime/words.ts"),
    import("./elsewhere.ts"),
  ]);
  const more = elsewhere(word) ?? didYouMean(word, known);
  const error = new UsageError(`${group} has no command ${show(word)}${more}`, UNKNOWN);
  error.hint = `tiffin ${group} --help lists its commands`;
  return error;
}
