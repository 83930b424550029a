/**
 * Reads a stream of chunks as if it were one row of bytes.
 *
 * @module
 */

import { DecompressError } from "./compression.ts";

/** A stream that is read by lengths; closing it closes the stream. */
export class ByteSource implements AsyncDisposable {
  #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  /** Reads the stream of these chunks. */
  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks = Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : source[Symbol.iterator]();
  }

  /** Whether there are no more bytes. */
  async atEnd(): Promise<boolean> {
    return this.#chunk.length === 0 && !await this.#more();
  }

  /**
   * The next `length` bytes, which may be a window of a chunk.
   *
   * @throws {DecompressError} if there are fewer
   */
  async take(length: number): Promise<Uint8Array> {
    if (this.#chunk.length >= length) return this.#cut(length);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      await this.#need();
      const piece = this.#cut(length - at);
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** Passes over the next `length` bytes. */
  async skip(length: number): Promise<void> {
    for (let at = 0; at < length;) {
      await this.#need();
      at += this.#cut(length - at).length;
    }
  }

  /** The first bytes, at most `length` of them, without taking them. */
  async peek(length: number): Promise<Uint8Array> {
    while (this.#chunk.length < length) {
      const before = this.#chunk;
      if (!await this.#more()) break;
      const joined = new Uint8Array(before.length + this.#chunk.length);
      joined.set(before);
      joined.set(this.#chunk, before.length);
      this.#chunk = joined;
    }
    return this.#chunk.subarray(0, length);
  }

  /** All bytes that are left, chunk by chunk. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (!await this.atEnd()) yield this.#cut(this.#chunk.length);
  }

  /** Tells the stream that nobody will read on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.();
  }

  #cut(length: number): Uint8Array {
    const bytes = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return bytes;
  }

  async #need(): Promise<void> {
    if (await this.atEnd()) throw new DecompressError("it is cut short");
  }

  async #more(): Promise<boolean> {
    while (true) {
      const { value, done } = await this.#chunks.next();
      if (done) return false;
      if (value.length > 0) {
        this.#chunk = value;
        return true;
      }
    }
  }
}
