/**
 * Writing to the standard streams: whole, at once, and quiet where nobody reads any more.
 *
 * @module
 */

/** Whoever read our output has stopped: `| head` does. There is nobody to tell. */
export class OutputClosed extends Error {
  /** The class's name, for messages. */
  override name = "OutputClosed";
}

/**
 * Writes text to the standard output.
 *
 * @throws {OutputClosed} if the other end of a pipe is closed
 */
export function print(text: string): void {
  printBytes(Deno.stdout, new TextEncoder().encode(text));
}

/** Writes text to the standard error. @throws {OutputClosed} as {@linkcode print} */
export function printError(text: string): void {
  printBytes(Deno.stderr, new TextEncoder().encode(text));
}

/** Writes bytes to the standard output or error. @throws {OutputClosed} as {@linkcode print} */
export function printBytes(
  stream: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  try {
    // write(2) may take less than it is given.
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
    // a new error, because the disk that is full is not the data root's
    const name = stream === Deno.stderr ? "error" : "output";
    throw new Error(`${(error as Error).message}: write to the standard ${name}`, { cause: error });
  }
}

/** Whether colours are welcome: on a terminal, unless `NO_COLOR` is set (no-color.org). */
export function hasColour(stream: { isTerminal(): boolean }): boolean {
  return !Deno.noColor && isScreen(stream);
}

/** Whether a stream obeys escape sequences: it is a terminal, and says of itself no other. */
export function isScreen(stream: { isTerminal(): boolean }): boolean {
  return stream.isTerminal() && Deno.env.get("TERM") !== "dumb";
}
