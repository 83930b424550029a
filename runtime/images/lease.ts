/**
 * Blobs that somebody is at work with, and that no name leads to yet: nobody is to remove them.
 *
 * Whoever brings an image into the store finds some of its blobs there, writes the others, and names
 * them last. To a removal in between they would be nobody's. So each such work keeps a list of its
 * digests, `tmp/lease-<uuid>`, in a file that it holds locked, flock(2): when it dies, the list is
 * void. A digest is added before the store is asked for its blob, and under the lock that a removal
 * holds from its first look at the lists to its last unlink(2). So either the removal sees the
 * digest, or the work sees that the blob is gone.
 *
 * @module
 */

import { lockFile, tryLockFile } from "./file_lock.ts";

/** The beginning of the lists' names. */
const PREFIX = "lease-";

/** A list of blobs that are to stay; closing it gives them up. */
export class Lease implements Disposable {
  readonly #digests = new Set<string>();

  private constructor(
    private readonly path: string,
    private readonly file: Deno.FsFile,
    private readonly storeLock: string,
  ) {}

  /**
   * An empty list.
   *
   * @param root the data root, whose `tmp/` must be there
   * @param storeLock the file that a removal locks
   */
  static async open(root: string, storeLock: string): Promise<Lease> {
    const path = `${root}/tmp/${PREFIX}${crypto.randomUUID()}`;
    return new Lease(path, await lockFile(path), storeLock);
  }

  /** Adds a blob, which may be there or not; from now on it is not removed. */
  async add(digest: string): Promise<void> {
    if (this.#digests.has(digest)) return;
    using _shared = await lockFile(this.storeLock, { shared: true });
    this.file.writeSync(new TextEncoder().encode(`${digest}\n`));
    this.#digests.add(digest);
  }

  /** Gives the blobs up. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
    this.file.close();
  }
}

/**
 * The digests on all lists whose owners live; those of the dead are removed.
 *
 * @param root the data root; the caller holds the lock that {@linkcode Lease.add} takes
 */
export function leasedBlobs(root: string): Set<string> {
  const digests = new Set<string>();
  for (const { name } of Deno.readDirSync(`${root}/tmp`)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = `${root}/tmp/${name}`;
    using unowned = tryLockFile(path);
    if (unowned) Deno.removeSync(path);
    else for (const digest of linesOf(path)) digests.add(digest);
  }
  return digests;
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").filter(Boolean);
  } catch (error) {
    // Given up since the directory was read.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
