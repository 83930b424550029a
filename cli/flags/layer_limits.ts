/**
 * How much of an image's layer is taken, for those who trust it: `--max-layer-size` and
 * `--max-layer-entries`.
 *
 * @module
 */

import type { Flags, FlagTable } from "./grammar.ts";
import { parseSize, parseWhole } from "./values.ts";

/** The flags. */
export const LIMIT_FLAGS = {
  "max-layer-size": { value: "SIZE", help: "the most that a layer may unpack to (20g)" },
  "max-layer-entries": { value: "NUMBER", help: "the most files a layer may have (1000000)" },
} as const satisfies FlagTable;

/** What they say, as those who unpack take it. */
export function readLimits(
  flags: Flags<typeof LIMIT_FLAGS>,
): { maxBytes?: number; maxEntries?: number } {
  const [size, entries] = ["max-layer-size", "max-layer-entries"] as const;
  return {
    maxBytes: flags[size] === undefined ? undefined : parseSize(size, flags[size]),
    maxEntries: flags[entries] === undefined
      ? undefined
      : parseWhole(entries, flags[entries], 1, Number.MAX_SAFE_INTEGER),
  };
}
