/**
 * Times on a command line: spans as Go writes them, and moments.
 *
 * @module
 */

import { wrongValue } from "./grammar.ts";

/** Milliseconds by the letters of Go's time.ParseDuration, as far as a person uses them. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

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
  const span = readSpan(value);
  if (span !== undefined) return Date.now() - span;
  const time = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (!Number.isNaN(time)) return time;
  throw wrongValue(flag, text, "is no time: until=24h, or until=2026-01-31T12:00:00Z");
}

function readSpan(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit], 0);
}
