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

/**
 * Text with strangers' words in it, as an error message may have them: what a terminal would obey,
 * or what turns the direction of the text, is written out.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\n" || character === "\t") return character;
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}
