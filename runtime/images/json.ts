/**
 * JSON from strangers: neither longer, nor deeper, nor in another encoding than there is reason for.
 *
 * @module
 */

import { quoteForeign } from "./registry_error.ts";

/** A document that is not read; the message is what is wrong with it, to stand behind a name. */
export class JsonError extends Error {
  /** The class's name, for messages. */
  override name = "JsonError";
}

/** No field of a manifest, an index or a config is half as deep. */
const MAX_DEPTH = 64;

/**
 * Reads a document.
 *
 * @param limit the most bytes that it may have
 * @throws {JsonError} if it is too long, too deep, not UTF-8 or not JSON
 */
export function parseJson(bytes: Uint8Array, limit: number): unknown {
  if (bytes.length > limit) {
    throw new JsonError(`has ${bytes.length} bytes, more than the ${limit} allowed`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    checkDepth(text);
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof JsonError) throw error;
    // The parser quotes what it stumbled over.
    throw new JsonError(`is not JSON: ${quoteForeign((error as Error).message)}`);
  }
}

/** JSON.parse takes any depth; whoever walks the result, or prints it, runs out of stack. */
function checkDepth(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === "\\") at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') {
      isInString = true;
    } else if (character === "[" || character === "{") {
      if (++depth > MAX_DEPTH) throw new JsonError(`is nested more than ${MAX_DEPTH} deep`);
    } else if (character === "]" || character === "}") {
      depth--;
    }
  }
}
