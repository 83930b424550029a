/**
 * File names as strings that lose nothing: a name in Linux is bytes, and most, not all, are UTF-8.
 *
 * A byte that is not part of valid UTF-8 becomes one of the 128 lone surrogates U+DC80 to U+DCFF,
 * which no valid UTF-8 decodes to, and becomes that byte again on the way back. (Python does the
 * same, under the name `surrogateescape`; PEP 383.)
 *
 * @module
 */

const ESCAPE = 0xdc00;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The string for a name's bytes. */
export function decodeName(bytes: Uint8Array): string {
  const whole = decodeStrictly(bytes);
  if (whole !== undefined) return whole;
  let name = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at]);
    const character = decodeStrictly(bytes.subarray(at, at + length));
    name += character ?? String.fromCharCode(ESCAPE + bytes[at]);
    at += character === undefined ? 1 : length;
  }
  return name;
}

/** The bytes that the string was made from. */
export function encodeName(name: string): Uint8Array<ArrayBuffer> {
  if (name.isWellFormed()) return encoder.encode(name);
  const bytes = new Uint8Array(name.length * 3);
  let length = 0;
  for (const character of name) {
    const code = character.codePointAt(0)!;
    if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) bytes[length++] = code - ESCAPE;
    else length += encoder.encodeInto(character, bytes.subarray(length)).written;
  }
  return bytes.slice(0, length);
}

/** The name as a system call takes it: the string itself, or bytes that end with NUL. */
export function nameArgument(name: string): string | Uint8Array<ArrayBuffer> {
  if (name.isWellFormed()) return name;
  const bytes = encodeName(name);
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** How many bytes the name has on the disk. */
export function nameLength(name: string): number {
  return /^[\0-\x7f]*$/.test(name) ? name.length : encodeName(name).length;
}

/**
 * The name in quotes, for an error message: names come from strangers, and one that holds escape
 * sequences or turns the text direction round must not act on the terminal that shows it.
 */
export function showName(name: string): string {
  const short = name.length > 300 ? `${name.slice(0, 200)}…${name.slice(-80)}` : name;
  const safe = short.replace(/["\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0)!;
    if (character === '"' || character === "\\") return `\\${character}`;
    if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) {
      return `\\x${(code - ESCAPE).toString(16)}`;
    }
    return `\\u{${code.toString(16)}}`;
  });
  return `"${safe}"`;
}

function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}
