/**
 * Times on a command line: spans as Go writes them, and moments.
 *
 * @module
 */

import { wrongValue } from "./grammar.ts";
import { durationOf, momentOf } from "./moment.ts";

/** A span of time in milliseconds: `1m30s`, `500ms`, `1.5h`; 0 needs no unit. */
export function parseSpan(flag: string, text: string): number {
  const span = text === "0" ? 0 : readSpan(text);
  if (span !== undefined) return span;
  throw wrongValue(flag, text, "is not a span of time, as 30s or 1m30s");
}

/**
 * A moment in milliseconds since 1970: so long ago, or a date, or seconds since 1970.
 *
 * @param text the whole filter, for the error
 */
export function parseMoment(text: string, value: string, flag = "filter"): number {
  const moment = momentOf(value);
  if (moment !== undefined) return Number(moment) / 1e6;
  throw wrongValue(flag, text, "is no time: until=24h, or until=2026-01-31T12:00:00Z");
}

function readSpan(text: string): number | undefined {
  const span = durationOf(text);
  return span === undefined ? undefined : Number(span) / 1e6;
}
