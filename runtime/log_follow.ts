/**
 * A log as it grows: what a detached container writes, given out until the container has ended.
 *
 * inotify(7) says when there is something new in the container's directory, the log or the record of
 * its end. A monitor that was killed writes neither, so now and then it is looked anyway.
 *
 * @module
 */

import { type ContainerInfo, inspectContainer } from "./containers.ts";
import type { LogChunk, LogReader } from "./logs.ts";

/** How long nothing is looked at when nothing was heard, in milliseconds. */
const LISTEN = 1000;
/** The same where nothing can be heard: inotify's instances are limited, inotify(7). */
const DEAF = 100;

/**
 * Gives out what a container has written and will write, until it has ended and all is read.
 *
 * @param reader where in its log to begin; whoever made it closes it
 * @param signal ends it
 */
export async function* followLog(
  dataRoot: string,
  { id, directory }: Pick<ContainerInfo, "id" | "directory">,
  reader: LogReader,
  signal?: AbortSignal,
): AsyncGenerator<LogChunk> {
  using bell = new Bell(directory, signal);
  for (;;) {
    // in this order: what was written before the end is read after the end was seen
    const isOver = !isGoing(inspectContainer(dataRoot, id));
    yield* reader.read();
    if (isOver || signal?.aborted) return;
    await bell.rung();
  }
}

/** Whether a container can still write something. */
function isGoing(info: ContainerInfo | undefined): boolean {
  return info !== undefined && ["running", "paused", "restarting"].includes(info.state);
}

/** Rings when something happens in a directory. */
class Bell implements Disposable {
  readonly #watcher?: Deno.FsWatcher;
  #hasRung = false;
  #wake: () => void = () => {};

  constructor(directory: string, private readonly signal?: AbortSignal) {
    signal?.addEventListener("abort", this.ring);
    try {
      this.#watcher = Deno.watchFs(directory, { recursive: false });
    } catch {
      return;
    }
    void this.#listen(this.#watcher);
  }

  async #listen(watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const _ of watcher) this.ring();
    } catch {
      // closed, or the directory is gone: the next look says which
    }
    this.ring();
  }

  private readonly ring = (): void => {
    this.#hasRung = true;
    this.#wake();
  };

  /** Waits until it rings, or long enough; at once if it has rung since the last time. */
  async rung(): Promise<void> {
    if (!this.#hasRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#watcher ? LISTEN : DEAF);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#hasRung = false;
  }

  [Symbol.dispose](): void {
    this.signal?.removeEventListener("abort", this.ring);
    this.#watcher?.close();
  }
}
