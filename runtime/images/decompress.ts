/**
 * Decompresses a layer: gzip, zstd or nothing at all, told apart by the bytes themselves.
 *
 * The media type in a manifest is only what somebody wrote there, and Docker's archives have none.
 * A small blob can hold a petabyte of zeros, so the result is counted and cut off at a limit. That
 * a layer was cut short between two gzip members, no decompressor notices: whoever unpacks one
 * checks its diff ID.
 *
 * @module
 */

import type { Transform } from "node:stream";
import { ByteSource } from "./byte_source.ts";
import { type Compression, compressionOf, DecompressError, LONGEST_MAGIC } from "./compression.ts";
import { splitFrames } from "./zstd_frames.ts";

/** What {@linkcode decompress} may be told. */
export interface DecompressOptions {
  /** The most bytes that come out before it gives up; 20 GiB unless told otherwise. */
  maxBytes?: number;
}

const MAX_BYTES = 20 * 1024 ** 3;
/** zlib hands its output over in pieces of this size; its default of 16 KiB halves the speed. */
const CHUNK = 256 * 1024;

/**
 * The decompressed bytes of a stream, in pieces. Ending the loop early closes the source.
 *
 * @throws {DecompressError} if the stream is damaged, cut short, or larger than the limit
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { maxBytes = MAX_BYTES }: DecompressOptions = {},
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const bytes of decompressAll(source)) {
    total += bytes.length;
    if (total > maxBytes) {
      throw new DecompressError(`it has more than ${maxBytes} bytes when decompressed`, "bytes");
    }
    yield bytes;
  }
}

async function* decompressAll(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  await using input = new ByteSource(source);
  const kind = compressionOf(await input.peek(LONGEST_MAGIC));
  if (kind === "none") return yield* input.rest();
  const zlib = await import("node:zlib");
  const options = { chunkSize: CHUNK };
  if (kind === "gzip") return yield* through(input.rest(), zlib.createGunzip(options), kind);
  // Node's zstd stops after the first frame and takes half a frame for a whole one, so each is
  // found and ended here.
  for await (const frame of splitFrames(input)) {
    yield* through(frame, zlib.createZstdDecompress(options), kind);
  }
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
  kind: Compression,
): AsyncGenerator<Uint8Array> {
  const { pipeline, Readable } = await import("node:stream");
  // The transform's own errors arrive in the loop; those of the source must not be taken for them.
  let sourceError: unknown;
  const watched = async function* () {
    try {
      yield* source;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  pipeline(Readable.from(watched(), { objectMode: true }), transform, () => {});
  try {
    for await (const bytes of transform) yield bytes;
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    throw new DecompressError(`its ${kind} data is damaged or cut short: ${messageOf(error)}`);
  } finally {
    transform.destroy();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
