/**
 * Signals by name and number, as people write them.
 *
 * @module
 */

import { SIG } from "../ffi/constants.ts";

/**
 * The number of a signal by its name or number: `SIGTERM`, `term`, `15`, `RTMIN+3`.
 *
 * @returns `undefined` for what is no signal, signal(7)
 */
export function signalNumber(text: string): number | undefined {
  const name = text.toUpperCase().replace(/^SIG/, "");
  if (/^\d+$/.test(name)) return Number(name) >= 1 && Number(name) <= 64 ? Number(name) : undefined;
  // glibc keeps the first two real-time signals to itself, nptl(7)
  const [, end, offset = "0"] = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name) ?? [];
  if (end !== undefined) {
    const number = (end === "MIN" ? 34 : 64) + Number(offset);
    return number >= 34 && number <= 64 ? number : undefined;
  }
  return Object.hasOwn(SIG, name) ? SIG[name as keyof typeof SIG] : undefined;
}
