/**
 * Archives on their way out: to a file that is whole or not there, or to the standard output.
 *
 * @module
 */

import { UsageError } from "./flags/grammar.ts";
import { statOf } from "./flags/paths.ts";
import { printBytes } from "./output.ts";

/** An archive that could not be written. */
export class OutputFailed extends Error {
  /** The class's name, for messages. */
  override name = "OutputFailed";
}

/**
 * Refuses what an archive cannot be written to, before anything is done for it.
 *
 * @param path the file; nothing is the standard output
 * @param hint what to say where that is a terminal, which an archive would upset
 */
export function checkOutput(path: string | undefined, hint: string): void {
  if (path === undefined) {
    if (Deno.stdout.isTerminal()) throw new UsageError(hint);
  } else if (statOf(path)?.isDirectory) {
    throw new UsageError(`--output: ${path} is a directory: name a file in it`);
  }
}

/**
 * Writes an archive.
 *
 * @param signal ends it between two pieces when it fires
 * @throws {OutputFailed} with nothing left behind; the signal's reason, alike
 */
export async function writeOutput(
  path: string | undefined,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const { streamOf } = await import("../runtime/images/archive_blobs.ts");
  const stream = streamOf(pieces, signal);
  if (path === undefined) {
    for await (const piece of stream) printBytes(Deno.stdout, piece);
    return;
  }
  const there = statOf(path);
  // A pipe or a device takes the place of no file.
  const isPlain = !there || there.isFile;
  const fresh = isPlain ? `${path}.${crypto.randomUUID()}` : path;
  let file: Deno.FsFile | undefined;
  try {
    file = Deno.openSync(fresh, { write: true, createNew: isPlain, mode: 0o600 });
    for await (const piece of stream) {
      for (let at = 0; at < piece.length;) at += file.writeSync(piece.subarray(at));
    }
    if (isPlain) {
      file.syncSync();
      Deno.chmodSync(fresh, there?.mode ?? 0o666 & ~Deno.umask());
      Deno.renameSync(fresh, path);
    }
  } catch (error) {
    if (isPlain && file) Deno.removeSync(fresh);
    throw error instanceof Error && "code" in error ? failed(path, error) : error;
  } finally {
    file?.close();
  }
}

function failed(path: string, error: Error): Error {
  const [meaning] = error.message.split(" (os error");
  const cause = meaning.charAt(0).toLowerCase() + meaning.slice(1);
  return new OutputFailed(`${path} cannot be written: ${cause}`, { cause: error });
}
