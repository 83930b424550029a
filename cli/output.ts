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
  write(Deno.stdout, text);
}

/** Writes text to the standard error. @throws {OutputClosed} as {@linkcode print} */
export function printError(text: string): void {
  write(Deno.stderr, text);
}

function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    // write(2) may take less than it is given.
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    throw error instanceof Deno.errors.BrokenPipe ? new OutputClosed() : error;
  }
}

/** Whether escape sequences are welcome: on a terminal, unless `NO_COLOR` is set (no-color.org). */
export function hasColour(stream: { isTerminal(): boolean }): boolean {
  return !Deno.noColor && stream.isTerminal();
}
