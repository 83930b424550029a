/**
 * A blob on its way into the store: a locked file that grows, hashed as it does, and takes its place
 * under its digest only when every byte of it is right and on the disk.
 *
 * @module
 */

import { DigestMismatch, type Hasher, hasher } from "./digest.ts";
import { lockFile, type LockOptions } from "./file_lock.ts";

/** What a finished blob must be. */
export interface ExpectedBlob {
  /** The digest it must hash to. */
  digest: string;
  /** The bytes it must have, where that is known. */
  size?: number;
}

/** A blob that is being written. Whoever opens one closes it: `using`. */
export class BlobWriter implements Disposable {
  /** Bytes written so far. */
  received = 0;

  private constructor(
    private readonly path: string,
    private readonly file: Deno.FsFile,
    private hash: Hasher,
    private open = true,
  ) {}

  /**
   * Takes the file at `path` for this writer alone, waiting as long as another one has it.
   *
   * What an earlier writer left in it stays until {@linkcode resume} or {@linkcode restart}.
   */
  static async open(path: string, options?: LockOptions): Promise<BlobWriter> {
    const hash = await hasher();
    return new BlobWriter(path, await lockFile(path, options), hash);
  }

  /** Takes over the bytes that are in the file, hashing them again: the next ones go after them. */
  async resume(): Promise<void> {
    this.received = 0;
    this.hash = await hasher();
    this.file.seekSync(0, Deno.SeekMode.Start);
    const buffer = new Uint8Array(256 * 1024);
    for (let n = 0; (n = this.file.readSync(buffer) ?? 0) > 0; this.received += n) {
      this.hash.update(buffer.subarray(0, n));
    }
  }

  /** Throws away what is in the file. */
  async restart(): Promise<void> {
    this.received = 0;
    this.hash = await hasher();
    this.file.truncateSync(0);
    this.file.seekSync(0, Deno.SeekMode.Start);
  }

  /**
   * Adds bytes, at most up to `limit` bytes in all.
   *
   * @throws {DigestMismatch} if there are more: a server that never stops sending is stopped here
   */
  append(bytes: Uint8Array, limit = Infinity): void {
    if (this.received + bytes.length > limit) {
      throw new DigestMismatch(`more than the ${limit} bytes that were announced`);
    }
    // Before the file, so that `received` never counts a byte that the hash has not seen.
    this.hash.update(bytes);
    for (let at = 0; at < bytes.length;) at += this.file.writeSync(bytes.subarray(at));
    this.received += bytes.length;
  }

  /**
   * Checks the blob and moves it to where `place` says. The file is synced before it gets its name
   * and the directory after, so that a name in the store always stands for whole bytes, whenever
   * the power goes.
   *
   * @throws {DigestMismatch} if it is not what was expected; the file is then as good as empty
   */
  async finish(
    place: (digest: string) => string | Promise<string>,
    expected?: ExpectedBlob,
  ): Promise<string> {
    const digest = this.hash.digest();
    if (expected?.size !== undefined && this.received !== expected.size) {
      throw new DigestMismatch(`${this.received} bytes instead of the ${expected.size} announced`);
    }
    if (expected && digest !== expected.digest) {
      throw new DigestMismatch(`the bytes hash to ${digest} instead of ${expected.digest}`);
    }
    await this.file.sync();
    const destination = await place(digest);
    Deno.chmodSync(this.path, 0o644);
    Deno.renameSync(this.path, destination);
    this[Symbol.dispose]();
    await syncDirectory(destination.slice(0, destination.lastIndexOf("/")));
    return digest;
  }

  /** Removes the file: nothing of it is worth keeping. */
  discard(): void {
    if (this.open) Deno.removeSync(this.path);
    this[Symbol.dispose]();
  }

  /** Closes the file, which unlocks it; what is in it stays for the next writer. */
  [Symbol.dispose](): void {
    if (this.open) this.file.close();
    this.open = false;
  }
}

/** Puts a directory's entries on the disk: a rename is not safe before its directory is (fsync(2)). */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}
