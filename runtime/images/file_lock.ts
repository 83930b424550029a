/**
 * A lock between processes: a file that one holder at a time has open and locked.
 *
 * The lock is flock(2)'s. It belongs to the open file, so the kernel lets go of it when its holder
 * dies, however it dies: there is no stale lock to recognise by a dead process's id, and no
 * process id that another process may have been given since.
 *
 * @module
 */

/** What {@linkcode lockFile} may be told. */
export interface LockOptions {
  /** Shares the lock with others who do, and keeps out who wants it alone. */
  shared?: boolean;
  /** Gives up waiting when it fires. */
  signal?: AbortSignal;
  /** Called once, if the lock is held by somebody else and there is waiting to do. */
  onWait?: () => void;
}

/**
 * Opens the file at `path` (made, mode 0600, if it is not there) and locks it, waiting as long as
 * another process, or another part of this one, holds it. Closing the file unlocks it.
 *
 * The holder may rename or remove the file: whoever waited sees that the path now leads elsewhere
 * and starts again.
 *
 * @throws whatever opening the file throws, and the signal's reason
 */
export async function lockFile(path: string, options: LockOptions = {}): Promise<Deno.FsFile> {
  const { shared = false, signal, onWait } = options;
  let pause = 0;
  while (true) {
    signal?.throwIfAborted();
    const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    if (file.tryLockSync(!shared) && isAt(file, path)) return file;
    file.close();
    if (pause === 0) onWait?.();
    pause = Math.min(pause + 10, 200);
    await delay(pause, signal);
  }
}

/** Locks the file at `path` if it is there and nobody holds it, and never waits. */
export function tryLockFile(path: string): Deno.FsFile | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (file.tryLockSync(true) && isAt(file, path)) return file;
  file.close();
}

/** A pause of `milliseconds` that ends at once, with the signal's reason, when `signal` fires. */
export function delay(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Whether the open file is still the one that its path leads to. */
function isAt(file: Deno.FsFile, path: string): boolean {
  const ours = file.statSync();
  try {
    const there = Deno.statSync(path);
    return there.ino === ours.ino && there.dev === ours.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
