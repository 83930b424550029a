/**
 * Directories in `tmp/` that are being filled, and the removal of those whose makers died.
 *
 * Each is locked by whoever fills it (flock(2) on the directory itself), so that one which is not
 * locked belongs to nobody any more, however its owner ended.
 *
 * @module
 */

import { removeTree } from "../remove_tree.ts";

/** A directory of one's own below `tmp/`, removed with all that is in it when it is disposed of. */
export class Scratch implements Disposable {
  private constructor(readonly path: string, private readonly lock: Deno.FsFile) {}

  /**
   * Makes one, mode 0700: what is in it may already be set-uid, and not yet what it shall be.
   *
   * @param root the data root, whose `tmp/` must be there
   * @param kind the beginning of its name; those of the same kind that were left behind go first
   */
  static make(root: string, kind: string): Scratch {
    sweep(`${root}/tmp`, `${kind}-`);
    while (true) {
      const path = `${root}/tmp/${kind}-${crypto.randomUUID()}`;
      Deno.mkdirSync(path, { mode: 0o700 });
      const lock = lockDirectory(path);
      if (lock) return new Scratch(path, lock);
      // Another process's sweep came between the two calls.
    }
  }

  /** Removes the directory; where that fails, the next sweep tries again, and the first error counts. */
  [Symbol.dispose](): void {
    try {
      removeTree(this.path);
    } catch {
      // What is left is rubbish in a place for rubbish.
    }
    this.lock.close();
  }
}

function sweep(directory: string, prefix: string): void {
  for (const { name } of Deno.readDirSync(directory)) {
    if (!name.startsWith(prefix)) continue;
    const lock = lockDirectory(`${directory}/${name}`);
    if (!lock) continue;
    try {
      removeTree(`${directory}/${name}`);
    } catch {
      // Somebody else's, perhaps; it is in nobody's way.
    }
    lock.close();
  }
}

/** Locks a directory that nobody holds; nothing if somebody does, or if it went away. */
function lockDirectory(path: string): Deno.FsFile | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (file.tryLockSync(true) && exists(path)) return file;
  file.close();
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
