/**
 * Strangers' text on the screen.
 *
 * @module
 */

/** Text of an image's author's on one line, and with nothing in it that a terminal obeys. */
export function printable(text: unknown): string {
  if (typeof text !== "string") return "";
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
}
