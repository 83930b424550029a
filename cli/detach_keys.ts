/**
 * The keys that leave an attached container to itself: read, and found among others.
 *
 * @module
 */

import type { KeyFilter } from "./terminal.ts";
import { wrongValue } from "./flags/grammar.ts";

/** Reads `--detach-keys`: single characters and `ctrl-` with one, after commas; empty: none. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === "") return new Uint8Array(0);
  const codes = text.split(",").map((key) => {
    // what Ctrl makes of a key is the last five bits of its code, ascii(7)
    const control = /^ctrl-([a-zA-Z@[\\\]^_])$/.exec(key)?.[1];
    if (control) return control.toUpperCase().charCodeAt(0) & 0x1f;
    if (/^[!-~]$/.test(key)) return key.charCodeAt(0);
    throw wrongValue("detach-keys", text, "is no list of keys; write ctrl-p,ctrl-q or ctrl-],x");
  });
  return new Uint8Array(codes);
}

/** Looks for a sequence of keys; what may be its beginning is held back until that is known. */
export class DetachKeys implements KeyFilter {
  #matched = 0;

  /** Begins to look. @param sequence the codes of the keys; none: nothing is looked for */
  constructor(private readonly sequence: Uint8Array) {}

  /** What goes on to the container; `undefined` once the sequence is there. */
  take(keys: Uint8Array): Uint8Array | undefined {
    if (this.sequence.length === 0) return keys;
    const passed: number[] = [];
    for (const key of keys) {
      if (key === this.sequence[this.#matched]) {
        if (++this.#matched === this.sequence.length) return undefined;
        continue;
      }
      passed.push(...this.sequence.subarray(0, this.#matched));
      this.#matched = key === this.sequence[0] ? 1 : 0;
      if (this.#matched === 0) passed.push(key);
    }
    return new Uint8Array(passed);
  }
}
