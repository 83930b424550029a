/**
 * Memory given back before the garbage collector comes.
 *
 * @module
 */

/**
 * Gives back the memory of a piece of a stream that has been read.
 *
 * What a stream is made of lies outside of V8's heap, and V8 lets 64 MB of it gather, in each thread,
 * before it looks for what nobody wants any more. Detaching a buffer frees it at once.
 *
 * A decompressor cuts several pieces out of one buffer: only the last, which reaches its end, says
 * that there will be no more, and by then the others have been read. Nobody may look at the bytes
 * after this.
 */
export function release({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const isLast = byteOffset + byteLength === buffer.byteLength;
  if (isLast && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
