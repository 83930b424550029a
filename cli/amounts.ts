/**
 * Sizes and times as Docker prints them: `7.8MB`, `2 weeks ago`.
 *
 * @module
 */

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes with three digits, in powers of 1000. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let size = bytes;
  // 999.6 would be rounded to 1000.
  for (; size >= 999.5 && unit < UNITS.length - 1; unit++) size /= 1000;
  return `${Number(size.toPrecision(3))}${UNITS[unit]}`;
}

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes with four digits, in powers of 1024, as Docker's `stats` has memory. */
export function formatBinary(bytes: number): string {
  let unit = 0;
  let size = bytes;
  for (; size >= 1023.5 && unit < BINARY.length - 1; unit++) size /= 1024;
  return `${Number(size.toPrecision(4))}${BINARY[unit]}`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The units of an age in seconds, and from how many of them on the next one is used. */
const SPANS: [name: string, seconds: number, until: number][] = [
  ["second", 1, 60],
  ["minute", MINUTE, 60],
  ["hour", HOUR, 48],
  ["day", DAY, 14],
  ["week", 7 * DAY, 8.5],
  ["month", 30 * DAY, 24],
  ["year", 365 * DAY, Infinity],
];

/**
 * How long ago something was.
 *
 * @param date RFC 3339; nothing known gives an empty text
 * @param now milliseconds since 1970
 */
export function formatAge(date: string | undefined, now = Date.now()): string {
  const then = Date.parse(date ?? "");
  if (Number.isNaN(then)) return "";
  return `${formatSpan(now - then)} ago`;
}

/** How long something has taken, given in milliseconds: `2 weeks`. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(milliseconds, 0) / 1000;
  const [name, span] = SPANS.find(([, span, until]) => seconds < span * until)!;
  const count = Math.floor(seconds / span);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}
