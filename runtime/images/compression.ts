/**
 * Tells how a stream is compressed, by its first bytes.
 *
 * @module
 */

/** How a stream is compressed. */
export type Compression = "none" | "gzip" | "zstd";

/** A stream that cannot be decompressed: damaged, cut short, too large, or of a kind not supported. */
export class DecompressError extends Error {
  /** The class's name, for messages. */
  override name = "DecompressError";

  /**
   * Says what is wrong.
   *
   * @param problem what is wrong
   * @param limit that it is too large
   */
  constructor(problem: string, readonly limit?: "bytes") {
    super(problem);
  }
}

/** How many first bytes {@linkcode compressionOf} looks at. */
export const LONGEST_MAGIC = 5;

const KNOWN: [magic: number[], kind: Compression][] = [
  [[0x1f, 0x8b], "gzip"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd"],
];

/** What image layers do not have, but what somebody may try to import. */
const REFUSED: [magic: number[], advice: string][] = [
  [[0x42, 0x5a, 0x68], "it is compressed with bzip2: decompress it first (bunzip2)"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "it is compressed with xz: decompress it first (unxz)"],
  [[0x50, 0x4b, 0x03, 0x04], "it is a zip archive: pack it again with tar"],
];

/**
 * What the stream that begins with these bytes is compressed with.
 *
 * @throws {DecompressError} if it is a kind that image layers do not have
 */
export function compressionOf(start: Uint8Array): Compression {
  const begins = ([magic]: [number[], string]) => magic.every((byte, i) => start[i] === byte);
  const refused = REFUSED.find(begins);
  if (refused) throw new DecompressError(refused[1]);
  if (isSkippableFrame(start)) return "zstd";
  return KNOWN.find(begins)?.[1] ?? "none";
}

/** A zstd stream may begin with a frame that holds notes, not data; zstd:chunked layers have some. */
function isSkippableFrame(start: Uint8Array): boolean {
  return start.length >= 4 && (start[0] & 0xf0) === 0x50 && start[1] === 0x2a &&
    start[2] === 0x4d && start[3] === 0x18;
}
