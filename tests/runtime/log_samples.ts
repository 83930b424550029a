/**
 * Frames of a log, as birth/output.ts writes them.
 *
 * @module
 */

import { FRAME, FRAME_MAGIC } from "../../runtime/birth/output.ts";

/** One frame. */
export function frame(
  text: string,
  { stream = 1, time = 0n, file = 0 }: { stream?: 1 | 2; time?: bigint; file?: number } = {},
): Uint8Array<ArrayBuffer> {
  const data = new TextEncoder().encode(text);
  const bytes = new Uint8Array(FRAME.size + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(FRAME.magic, FRAME_MAGIC, true);
  view.setUint32(FRAME.stream, stream, true);
  view.setBigInt64(FRAME.time, time / 1_000_000_000n, true);
  view.setBigInt64(FRAME.time + 8, time % 1_000_000_000n, true);
  view.setUint32(FRAME.length, data.length, true);
  view.setUint32(FRAME.file, file, true);
  bytes.set(data, FRAME.size);
  return bytes;
}
