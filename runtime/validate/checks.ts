/**
 * Checks: small functions, and ways to put them together, that find the first thing wrong with a
 * value parsed from JSON and say where it is.
 *
 * A check returns nothing for a good value, so a good document costs no allocation.
 *
 * @module
 */

import { didYouMean, show } from "../words.ts";

/** What is wrong, and the path to it from the value that was checked. */
export interface Problem {
  /** As `memory.limit` or `[2].path`; empty for the value itself. */
  readonly path: string;
  /** A phrase that goes after the path: "must be …, got …". */
  readonly text: string;
}

/**
 * Finds what is wrong with a value that should be a `T`.
 *
 * `exactly` is never there. It makes the compiler compare the types in both directions, so that a
 * check that knows fewer (or other) names than the type, or no field of it, does not compile.
 */
export interface Check<T> {
  (value: unknown): Problem | undefined;
  /** For the compiler alone. */
  readonly exactly?: (value: T) => T;
}

/** A check of a field that must be there. */
export interface RequiredCheck<T> extends Check<T> {
  /** Absence is a problem. */
  readonly required: true;
}

/** Makes a field's absence a problem. */
export function required<T>(check: Check<T>): RequiredCheck<T> {
  return Object.assign((value: unknown) => check(value), { required: true } as const);
}

/** A check for each field: a required one where the interface has no question mark. */
export type FieldChecks<T> = {
  readonly [K in keyof T]-?: Partial<Pick<T, K>> extends Pick<T, K>
    ? Check<Exclude<T[K], undefined>>
    : RequiredCheck<T[K]>;
};

/**
 * An object with these fields; others are ignored, as the OCI specification demands.
 *
 * @param fields a check for each field of the interface
 * @param rule what holds between the fields, asked when each of them is good by itself
 */
export function object<T extends object>(
  fields: FieldChecks<T>,
  rule?: (value: T) => Problem | undefined,
): Check<T> {
  const entries = Object.entries(fields) as [string, Check<unknown> & { required?: true }][];
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return wrong(`must be an object, got ${show(value)}`);
    }
    for (const [name, check] of entries) {
      const field = (value as Record<string, unknown>)[name];
      if (field === undefined) {
        if (check.required) return { path: name, text: "is required" };
        continue;
      }
      const problem = check(field);
      if (problem) return below(name, problem);
    }
    return rule?.(value as T);
  };
}

/**
 * A list of any length.
 *
 * @param check each element's
 * @param rule what holds between the elements, asked when each of them is good by itself
 */
export function array<T>(
  check: Check<T>,
  rule?: (value: T[]) => Problem | undefined,
): Check<T[]> {
  return (value) => {
    if (!Array.isArray(value)) return wrong(`must be a list, got ${show(value)}`);
    for (let i = 0; i < value.length; i++) {
      const problem = check(value[i]);
      if (problem) return below(`[${i}]`, problem);
    }
    return rule?.(value);
  };
}

/** An object whose keys are data: each key passes one check, each value another. */
export function map<K extends string, V>(
  keys: Check<K>,
  values: Check<V>,
): Check<string extends K ? Record<string, V> : Partial<Record<K, V>>> {
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return wrong(`must be an object, got ${show(value)}`);
    }
    for (const [key, element] of Object.entries(value)) {
      const bad = keys(key);
      if (bad) return wrong(`has a wrong key: it ${bad.text}`);
      const problem = values(element);
      if (problem) return below(`[${show(key)}]`, problem);
    }
  };
}

/** `true` or `false`. */
export const boolean: Check<boolean> = (value): Problem | undefined => {
  if (typeof value !== "boolean") return wrong(`must be true or false, got ${show(value)}`);
};

/**
 * A string that can be handed to the kernel: no NUL byte, which would end it early, and no half of
 * a surrogate pair, which UTF-8 cannot say.
 *
 * @param form what it must look like; anything if not given
 * @param must the phrase for one that does not
 */
export function text(form?: RegExp, must = "must be a string"): Check<string> {
  return (value) => {
    if (typeof value !== "string") return wrong(`must be a string, got ${show(value)}`);
    if (value.includes("\0")) return wrong("must not contain a NUL byte");
    if (!value.isWellFormed()) return wrong("must be valid Unicode");
    if (form && !form.test(value)) return wrong(`${must}, got ${show(value)}`);
  };
}

/**
 * A whole number.
 *
 * @param min the least, included
 * @param max the greatest, included
 * @param of what is counted, "bytes": for the message
 */
export function integer(min: number, max: number, of = ""): Check<number> {
  const number = of === "" ? "a whole number" : `a whole number of ${of}`;
  return (value) => {
    if (typeof value !== "number" || !Number.isInteger(value)) {
      return wrong(`must be ${number}, got ${show(value)}`);
    }
    if (value < min) return wrong(`must be ${number}, at least ${min}, got ${value}`);
    if (value > max) return wrong(`must be ${number}, at most ${max}, got ${value}`);
  };
}

/** One of these strings, all of which the message names if they are few, else the nearest. */
export function oneOf<const Names extends readonly string[]>(
  ...names: Names
): Check<Names[number]> {
  const known = new Set<unknown>(names);
  return (value) => {
    if (known.has(value)) return;
    if (names.length <= 9) {
      return wrong(`must be one of ${names.map(show).join(", ")}, got ${show(value)}`);
    }
    if (typeof value !== "string") return wrong(`must be a string, got ${show(value)}`);
    return wrong(`must be a known name, got ${show(value)}${didYouMean(value, names)}`);
  };
}

/** An unsigned integer of 16 bits. */
export const uint16: Check<number> = integer(0, 2 ** 16 - 1);
/** An unsigned integer of 32 bits. */
export const uint32: Check<number> = integer(0, 2 ** 32 - 1);
/** One of 64 bits: JSON.parse rounds 2^64 - 1, which stands for infinity, up to 2^64. */
export const uint64: Check<number> = integer(0, 2 ** 64);
/** A signed integer of 64 bits, its greatest rounded up to 2^63 too. */
export const int64: Check<number> = integer(-(2 ** 63), 2 ** 63);
/** A device's major number: the kernel keeps it in 12 bits. */
export const major: Check<number> = integer(0, 2 ** 12 - 1);
/** A device's minor number: the kernel keeps it in 20 bits. */
export const minor: Check<number> = integer(0, 2 ** 20 - 1);
/** Any string that the kernel can be given. */
export const anyText: Check<string> = text();
/** A path that starts with a slash. */
export const absolutePath: Check<string> = text(/^\//, "must be an absolute path");
/** A name that becomes a file's: with a slash or as two dots, it would reach another file. */
export const fileName: Check<string> = text(
  /^(?!\.\.?$)[^/\s]+$/,
  "must be the name of a file, without slash or space",
);
const cpuRange = String.raw`\d+(-\d+(:\d+/\d+)?)?`;
/** A list of CPUs or memory nodes, as cpuset(7) has it. */
export const cpuList: Check<string> = text(
  new RegExp(`^(${cpuRange}(,${cpuRange})*)?$`),
  'must be a list of numbers and ranges like "0-3,7"',
);

/** A problem with the value itself. */
export function wrong(text: string): Problem {
  return { path: "", text };
}

/** A problem with one field of the value. */
export function wrongField(path: string, text: string): Problem {
  return { path, text };
}

/** A problem with a part, as a problem of the whole. */
function below(part: string, { path, text }: Problem): Problem {
  return { path: path === "" || path.startsWith("[") ? part + path : `${part}.${path}`, text };
}
