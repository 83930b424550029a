/**
 * Modules that are loaded when they are wanted.
 *
 * @module
 */

/**
 * Imports a module late: `await later<typeof import("./x.ts")>(import.meta, "./x.ts")`.
 *
 * As `import("./x.ts")`, but Deno does not see the name before the line is reached. What it sees in
 * an `import` expression it opens before it runs anything, with all that is imported there, and a
 * plain start would pay for pulling, checking and explaining failures: 90 modules, 2 ms.
 *
 * @param meta the caller's `import.meta`, from which the specifier is meant
 */
export function later<T>(meta: ImportMeta, specifier: string): Promise<T> {
  return import(new URL(specifier, meta.url).href);
}
