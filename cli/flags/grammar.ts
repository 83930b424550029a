/**
 * Reading a command line by Docker's grammar, which is that of Go's pflag.
 *
 * A value follows in the next word or after `=`; short flags stand alone, in clusters (`-it`), or
 * before their value (`-eA=b`); a switch takes a value only after `=`. The next word is a value
 * whatever it looks like: `--memory-swap -1`, `-e --x`. `--` ends the flags.
 *
 * `@std/cli/parse-args` has another grammar: `--memory-swap -1` and `-eA=b` lose their values there,
 * `--rm=0` is true, `--rm true` swallows the image's name, and a `--` behind the image is dropped.
 *
 * @module
 */

import { didYouMean, show } from "../../runtime/words.ts";

/** One flag of a command. */
export interface Flag {
  /** Its one-letter name. */
  readonly short?: string;
  /** What its value is called in the help; a flag without a value is a switch. */
  readonly value?: string;
  /** The value it has when it stands alone; another one must follow a `=` then. */
  readonly bare?: string;
  /** Every value counts when it is given more than once; otherwise the last one does. */
  readonly many?: true;
  /** One line for the help. */
  readonly help: string;
}

/** A name that is understood, and not listed in the help. */
export type Hidden =
  /** Another name of a flag. */
  | { readonly alias: string; readonly short?: undefined }
  /** A flag that Docker has and Tiffin has not: the reason, and what to do instead. */
  | { readonly refused: string; readonly short?: string };

/** The flags of a command by their long names. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** What a flag's value is. */
export type FlagValue<F extends Flag> = F extends { many: true } ? string[]
  : F extends { value: string } ? string
  : boolean;

/** The flags that were given, by their long names. */
export type Flags<T extends FlagTable> = { [K in keyof T]?: FlagValue<T[K]> };

/** A command line, read. */
export interface CommandLine<T extends FlagTable> {
  /** The flags that were given. */
  flags: Flags<T>;
  /** All other words. */
  operands: string[];
}

/** How a command's line is read. */
export interface GrammarOptions {
  /** Everything from the first operand on is an operand: it belongs to another command. */
  stopEarly?: boolean;
  /** Names beside those in the table. */
  hidden?: Readonly<Record<string, Hidden>>;
}

/** A command line that cannot be understood; its message says which word, and what is right. */
export class UsageError extends Error {
  /** The class's name, for messages. */
  override name = "UsageError";

  /** Where to read more, if that is not the help of the command line's first word. */
  hint?: string;

  /**
   * Says what is wrong.
   *
   * @param message with the word that is wrong, and what is right
   * @param exitCode what the command exits with; unless given, what it exits with for any error
   */
  constructor(message: string, readonly exitCode?: number) {
    super(message);
  }
}

/** `--help` was given. */
export class HelpWanted extends Error {
  /** The class's name, for messages. */
  override name = "HelpWanted";
}

/** What Docker's own command exits with for a flag that it does not understand. */
const WRONG_FLAG = 125;

/** The words that stand for a switch's two states: those of Go's strconv.ParseBool. */
const STATES: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true])),
  ...Object.fromEntries(["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false])),
};

/**
 * Reads a command line.
 *
 * @throws {UsageError} for a flag that is unknown, refused, lacks its value or has a wrong one
 * @throws {HelpWanted} for `--help`, and for `-h` where that is no flag of the command
 */
export function parseFlags<const T extends FlagTable>(
  args: readonly string[],
  table: T,
  options: GrammarOptions = {},
): CommandLine<T> {
  const reader = new Reader(args, table, options.hidden ?? {});
  return { operands: reader.read(options.stopEarly ?? false), flags: reader.flags as Flags<T> };
}

/** An error in a flag's value. */
export function wrongValue(flag: string, value: string, problem: string): UsageError {
  return new UsageError(`--${flag}: ${show(value)} ${problem}`, WRONG_FLAG);
}

/** An error in a flag, or in several that do not go together. */
export function wrongFlag(message: string): UsageError {
  return new UsageError(message, WRONG_FLAG);
}

/** One pass over the words. */
class Reader {
  readonly flags: Record<string, string | string[] | boolean> = {};
  #at = 0;

  constructor(
    private readonly args: readonly string[],
    private readonly table: FlagTable,
    private readonly hidden: Readonly<Record<string, Hidden>>,
  ) {}

  /** Reads all words, and returns the operands. */
  read(stopEarly: boolean): string[] {
    const operands: string[] = [];
    while (this.#at < this.args.length) {
      const word = this.args[this.#at++];
      if (word === "--") return operands.concat(this.args.slice(this.#at));
      if (word.startsWith("--")) this.#readLong(word);
      else if (word.startsWith("-") && word !== "-") this.#readCluster(word);
      else if (stopEarly) return this.args.slice(this.#at - 1);
      else operands.push(word);
    }
    return operands;
  }

  /** `--name`, `--name=value`. */
  #readLong(word: string): void {
    const equals = word.indexOf("=");
    const typed = equals < 0 ? word.slice(2) : word.slice(2, equals);
    this.#take(this.#resolve(typed), `--${typed}`, equals < 0 ? undefined : word.slice(equals + 1));
  }

  /** `-it`, `-m32m`, `-m=32m`, `-itm 32m`. */
  #readCluster(word: string): void {
    for (let i = 1; i < word.length; i++) {
      const letter = word[i];
      const name = this.#resolveShort(letter, word);
      const rest = word.slice(i + 1);
      const isSwitch = this.table[name].value === undefined;
      if (rest.startsWith("=")) return this.#take(name, `-${letter}`, rest.slice(1));
      if (!isSwitch) return this.#take(name, `-${letter}`, rest === "" ? undefined : rest);
      this.#take(name, `-${letter}`, undefined);
    }
  }

  #take(name: string, typed: string, given: string | undefined): void {
    const { value, bare, many } = this.table[name];
    if (value === undefined) {
      this.flags[name] = given === undefined ? true : toState(typed, given);
      return;
    }
    const text = given ?? bare ?? this.#nextWord(typed, value);
    if (many) ((this.flags[name] ??= []) as string[]).push(text);
    else this.flags[name] = text;
  }

  #nextWord(typed: string, value: string): string {
    if (this.#at < this.args.length) return this.args[this.#at++];
    const help = typed === "-h" ? "; for help, write --help" : "";
    throw wrongFlag(`${typed} needs a value: ${typed} ${value}${help}`);
  }

  /** The name in the table for a long name as typed. */
  #resolve(typed: string): string {
    if (Object.hasOwn(this.table, typed)) return typed;
    if (typed === "help") throw new HelpWanted();
    if (Object.hasOwn(this.hidden, typed)) return this.#resolveHidden(`--${typed}`, typed);
    const near = didYouMean(`--${typed}`, Object.keys(this.table).map((name) => `--${name}`));
    throw wrongFlag(`unknown flag ${show(`--${typed}`)}${near}`);
  }

  #resolveShort(letter: string, word: string): string {
    for (const table of [this.table, this.hidden]) {
      const name = Object.keys(table).find((name) => table[name].short === letter);
      if (name !== undefined) return this.#resolveHidden(`-${letter}`, name);
    }
    if (letter === "h") throw new HelpWanted();
    const long = word.slice(1).split("=")[0];
    // `-memory` is a long flag that lacks a dash, more often than five short ones.
    const near = Object.hasOwn(this.table, long) ? `; did you mean "--${long}"?` : "";
    const where = word === `-${letter}` ? "" : ` in ${show(word)}`;
    throw wrongFlag(`unknown flag ${show(`-${letter}`)}${where}${near}`);
  }

  #resolveHidden(typed: string, name: string): string {
    const hidden = this.hidden[name];
    if (hidden === undefined) return name;
    if ("alias" in hidden) return hidden.alias;
    throw wrongFlag(`${typed}: ${hidden.refused}`);
  }
}

function toState(typed: string, text: string): boolean {
  if (Object.hasOwn(STATES, text)) return STATES[text];
  throw wrongFlag(`${typed}: a switch is true or false, not ${show(text)}`);
}
