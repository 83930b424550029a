/**
 * Words in error messages: strangers' values made safe to show, and the name that was meant.
 *
 * @module
 */

/**
 * A value as an error message shows it: one short line, without control characters, because the
 * value may come from a stranger and the message goes to a terminal.
 */
export function show(value: unknown): string {
  if (typeof value === "string") {
    const short = value.length > 60 ? value.slice(0, 60) + "\u2026" : value;
    // JSON escapes what is below 0x20, but not DEL and the second set of control characters.
    return JSON.stringify(short).replace(
      /[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
      (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"),
    );
  }
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  if (value === undefined) return "nothing";
  return typeof value === "function" ? "a function" : String(value);
}

/** `; did you mean "x"?`, or nothing where no candidate is near. For the end of a message. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  if (word.length > 100) return "";
  let best = "";
  let least = Math.min(4, Math.ceil(word.length / 2));
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    // two letters off is still a slip of the fingers, but hardly with another first letter too
    if (distance > 1 && candidate[0] !== word[0]) continue;
    if (distance < least) [least, best] = [distance, candidate];
  }
  return best === "" ? "" : `; did you mean ${show(best)}?`;
}

/** Levenshtein's distance: how many letters must be added, removed or changed. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, changed));
    }
    row = next;
  }
  return row[b.length];
}
