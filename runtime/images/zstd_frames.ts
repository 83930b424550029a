/**
 * Finds where each frame of a zstd stream begins and ends.
 *
 * A frame is a header, blocks that each say their length, and a checksum if the header announces
 * one: so its end can be found without decompressing anything. RFC 8878, section 3.1.
 *
 * @module
 */

import { concatenate } from "../../ffi/structs.ts";
import type { ByteSource } from "./byte_source.ts";
import { DecompressError } from "./compression.ts";

/** The kinds of block that matter here; the length of an RLE block is what it expands to. */
const BLOCK_TYPE = { RLE: 1, RESERVED: 3 };

/**
 * The frames of a zstd stream, one after the other; each is to be read to its end before the next
 * is asked for. Skippable frames, which hold notes and no data, are left out.
 *
 * @throws {DecompressError} if the stream is not made of frames or ends inside one
 */
export async function* splitFrames(
  input: ByteSource,
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  while (!await input.atEnd()) {
    const magic = littleEndian(await input.take(4));
    if (magic === 0xfd2fb528) {
      yield frame(input);
    } else if (magic >>> 4 === 0x184d2a5) {
      await input.skip(littleEndian(await input.take(4)));
    } else {
      throw new DecompressError("its zstd data is damaged: there is something between two frames");
    }
  }
}

async function* frame(input: ByteSource): AsyncGenerator<Uint8Array> {
  const descriptor = await input.take(1);
  let start = concatenate([
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd),
    descriptor,
    await input.take(lengthOfHeader(descriptor[0])),
  ]);
  for (let last = false; !last;) {
    const blockHeader = await input.take(3);
    const header = littleEndian(blockHeader);
    const type = (header >> 1) & 3;
    if (type === BLOCK_TYPE.RESERVED) {
      throw new DecompressError("its zstd data is damaged: a block is of no known type");
    }
    const content = await input.take(type === BLOCK_TYPE.RLE ? 1 : header >> 3);
    yield concatenate([start, blockHeader, content]);
    start = new Uint8Array();
    last = (header & 1) !== 0;
  }
  if (descriptor[0] & 0x04) yield await input.take(4);
}

/** How many bytes follow the descriptor: the window's size, the dictionary's number, the content's size. */
function lengthOfHeader(descriptor: number): number {
  const singleSegment = (descriptor & 0x20) !== 0;
  const window = singleSegment ? 0 : 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3];
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  return window + dictionary + contentSize;
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
