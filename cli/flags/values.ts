/**
 * The values of flags: sizes, whole numbers, and pairs of a key and a value.
 *
 * @module
 */

import { wrongValue } from "./grammar.ts";

/** The exponents of 1024 by their letters. */
const UNITS = "bkmgtp";

/**
 * Bytes: `32m`, `1.5g`, `512`, in powers of 1024, as Docker has them.
 *
 * @param flag the flag's long name, for the error
 */
export function parseSize(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgtp])?i?b?$/i.exec(text);
  if (!match) throw wrongValue(flag, text, "is not a size; write 32m or 1g");
  const exponent = UNITS.indexOf((match[2] ?? "b").toLowerCase());
  const bytes = Math.floor(Number(match[1]) * 1024 ** exponent);
  if (bytes > Number.MAX_SAFE_INTEGER) throw wrongValue(flag, text, "is more than can be counted");
  return bytes;
}

/**
 * A whole number.
 *
 * @param min the least, included
 * @param max the greatest, included
 */
export function parseWhole(flag: string, text: string, min: number, max: number): number {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  throw wrongValue(flag, text, `is not a whole number ${range}`);
}

/** One of some words. */
export function parseWord<const W extends string>(
  flag: string,
  text: string,
  words: readonly W[],
): W {
  if (words.includes(text as W)) return text as W;
  const last = words.at(-1);
  const list = words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${last}` : last;
  const way = text.includes("{{") ? "; Go's templates are not read: jq takes json apart" : "";
  throw wrongValue(flag, text, `is not ${list}${way}`);
}

/** `key=value`, both with something in them. */
export function parsePair(flag: string, text: string, form = "KEY=VALUE"): [string, string] {
  const equals = text.indexOf("=");
  if (equals > 0 && equals < text.length - 1) {
    return [text.slice(0, equals), text.slice(equals + 1)];
  }
  throw wrongValue(flag, text, `is not ${form}`);
}

/** `KEY`, or `KEY=VALUE`: a label as `--label` has it. */
export function parseLabel(text: string): [key: string, value: string] {
  const [key] = text.split("=", 1);
  if (key === "") throw wrongValue("label", text, "has no name before the =");
  return [key, text.slice(key.length + 1)];
}

/** Whether there is a label `KEY`, or one that is `KEY=VALUE`, as the filters of lists have it. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [key] = wanted.split("=", 1);
  if (!Object.hasOwn(labels, key)) return false;
  return key === wanted || labels[key] === wanted.slice(key.length + 1);
}
