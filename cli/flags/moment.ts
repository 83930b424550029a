/**
 * Moments in flags, as Docker has them: `--since 10m`, `--until 2026-11-26T11:00`, seconds since 1970.
 *
 * @module
 */

import { wrongValue } from "./grammar.ts";

/** Nanoseconds of Go's units of time. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/**
 * Reads a moment: a time before now as Go writes durations, a date with or without a time and a
 * zone, or seconds since 1970.
 *
 * @returns nanoseconds since 1970
 */
export function parseMoment(flag: string, text: string, now = Date.now()): bigint {
  const moment = momentOf(text, now);
  if (moment !== undefined) return moment;
  throw wrongValue(
    flag,
    text,
    "is no moment; write 10m for ten minutes ago, or 2026-11-26T11:00:00Z",
  );
}

/** The same; `undefined` for what is no moment. */
export function momentOf(text: string, now = Date.now()): bigint | undefined {
  const moment = secondsOf(text) ?? dateOf(text);
  if (moment !== undefined) return moment;
  const duration = durationOf(text);
  return duration === undefined ? undefined : BigInt(now) * 1_000_000n - duration;
}

/** `1700000000.5` */
function secondsOf(text: string): bigint | undefined {
  const [, seconds, fraction = ""] = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** `1h30m` in nanoseconds, as Go's time.ParseDuration reads it; `undefined` for what is no span. */
export function durationOf(text: string): bigint | undefined {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(number) * UNITS[unit];
  }
  return BigInt(Math.round(sum));
}

/** `2026-11-26`, `2026-11-26T11:00:00.5`, with `Z` or `+01:00`; without one it is the local time. */
function dateOf(text: string): bigint | undefined {
  const form = /^\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d)?)?(?:(\.\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?$/;
  const match = form.exec(text);
  if (!match) return undefined;
  const [, fraction = ""] = match;
  let plain = text.replace(fraction, "");
  if (!plain.includes("T")) plain += "T00:00:00";
  plain = plain.replace(/T(\d\d)(?=Z|[+-]|$)/, "T$1:00");
  const milliseconds = Date.parse(plain);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.slice(1).padEnd(9, "0"));
}
