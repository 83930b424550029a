/**
 * The log of a detached container, read: its files from the oldest to the newest, also while they
 * are put behind each other (birth/rotation.ts).
 *
 * @module
 */

import { limitsOf, logFile } from "./birth/rotation.ts";
import type { ContainerInfo } from "./containers.ts";
import { FrameParser, type LogChunk, type LogFrame } from "./log_frames.ts";

export type { LogChunk };

/** What is to be known of a container to read its log. */
export type LogOwner = Pick<ContainerInfo, "directory"> & {
  record: { request: Pick<ContainerInfo["record"]["request"], "log"> };
};

/** How a log is read. */
export interface LogOptions {
  /** passes over what is there, for what comes. Default false */
  fromEnd?: boolean;
  /** called before what follows a file that was gone before it could be read */
  onGap?: () => void;
}

/** Bytes that are read at once. */
const BLOCK = 128 * 1024;

/** Whether a container has a log. */
export function hasLog({ directory, record: { request } }: LogOwner): boolean {
  const { files } = limitsOf(request.log);
  return Array.from({ length: files }).some((_, age) =>
    inodeOf(logFile(directory, age)) !== undefined
  );
}

/** A file of a log, which stays the same one under whatever name. */
interface OpenFile {
  file: Deno.FsFile;
  inode: number | null;
}

/**
 * Reads a log as it grows.
 *
 * The file that is read is held open: so it is known again under its next name, and what was
 * written last into it is read when it has no name any more.
 */
export class LogReader implements Disposable {
  readonly #directory: string;
  readonly #files: number;
  readonly #onGap?: () => void;
  #open?: OpenFile;
  /** bytes of it that were read */
  #position = 0;
  #parser = new FrameParser();
  /** how many files were begun before the one that was read last */
  #number?: number;
  /** whether it is not sure yet that no file was passed over */
  #mayHaveMissed = false;

  /** Begins with the oldest file there is, or at the end of the newest. */
  constructor({ directory, record: { request } }: LogOwner, { fromEnd, onGap }: LogOptions = {}) {
    this.#directory = directory;
    this.#files = limitsOf(request.log).files;
    this.#onGap = onGap;
    if (fromEnd) this.#openAtEnd();
  }

  /**
   * The frames that are whole by now and have not been read yet.
   *
   * @param upToNow no further than what is there now: a container can write faster than this reads
   */
  *read(upToNow = false): Generator<LogChunk> {
    const last = upToNow ? this.#newest() : undefined;
    const size = last?.file.statSync().size;
    try {
      this.#open ??= this.#oldest();
      while (this.#open) {
        const isLast = this.#open.inode === last?.inode;
        yield* this.#readOpen(isLast ? size : undefined);
        const next = isLast ? undefined : this.#successor();
        if (!next) return;
        try {
          // written before it got its present name, and after it was looked at
          yield* this.#readOpen();
        } finally {
          this.#use(next);
        }
        if (last && next.inode !== last.inode && this.#ageOf(last) === undefined) return;
      }
    } finally {
      last?.file.close();
    }
  }

  #use(file: OpenFile): void {
    this.#open?.file.close();
    this.#open = file;
    this.#position = 0;
    this.#parser = new FrameParser();
  }

  *#readOpen(size = Infinity): Generator<LogChunk> {
    const block = new Uint8Array(BLOCK);
    // whoever stopped in the middle of a block has left something
    for (let count = 0;;) {
      for (const frame of this.#parser.take(block.subarray(0, count))) {
        this.#note(frame);
        yield frame;
      }
      if (this.#position >= size) return;
      count = this.#open!.file.readSync(block) ?? 0;
      if (count === 0) return;
      this.#position += count;
    }
  }

  #note({ file }: LogFrame): void {
    if (this.#mayHaveMissed && file !== (this.#number ?? 0) + 1) this.#onGap?.();
    this.#mayHaveMissed = false;
    this.#number = file;
  }

  /** The file that was begun after this one; `undefined` where there is none yet. */
  #successor(): OpenFile | undefined {
    for (;;) {
      const age = this.#ageOf(this.#open!);
      if (age === 0) return undefined;
      if (age === undefined) {
        this.#mayHaveMissed = true;
        return this.#oldest();
      }
      const next = this.#newerThan(age);
      // the files move meanwhile, the oldest first: if this one has not, nor has the next
      if (next === "moved" || this.#ageOf(this.#open!) !== age) {
        if (next && next !== "moved") next.file.close();
        continue;
      }
      return next;
    }
  }

  /** The first file that is newer than an age; a kill has perhaps left a name out. */
  #newerThan(age: number): OpenFile | "moved" | undefined {
    for (let each = age - 1; each >= 0; each--) {
      const found = openFile(logFile(this.#directory, each));
      if (!found) continue;
      for (let between = age - 1; between > each; between--) {
        if (inodeOf(logFile(this.#directory, between)) === undefined) continue;
        found.file.close();
        return "moved";
      }
      return found;
    }
    return undefined;
  }

  /** How old an open file is. Looked for as files move, from the newest on, it is not missed. */
  #ageOf({ inode }: OpenFile): number | undefined {
    for (let age = 0; age < this.#files; age++) {
      if (inodeOf(logFile(this.#directory, age)) === inode) return age;
    }
    return undefined;
  }

  /** The oldest file, likewise. */
  #oldest(): OpenFile | undefined {
    let oldest: OpenFile | undefined;
    for (let age = 0; age < this.#files; age++) {
      const found = openFile(logFile(this.#directory, age));
      if (!found) continue;
      oldest?.file.close();
      oldest = found;
    }
    return oldest;
  }

  #newest(): OpenFile | undefined {
    for (let age = 0; age < this.#files; age++) {
      const found = openFile(logFile(this.#directory, age));
      if (found) return found;
    }
    return undefined;
  }

  #openAtEnd(): void {
    this.#open = this.#newest();
    if (!this.#open) return;
    const { file } = this.#open;
    const head = new Uint8Array(BLOCK);
    const [first] = this.#parser.take(head.subarray(0, file.readSync(head) ?? 0));
    this.#number = first?.file;
    this.#parser = new FrameParser();
    file.seekSync(0, Deno.SeekMode.End);
  }

  /** Closes what is open. */
  [Symbol.dispose](): void {
    this.#open?.file.close();
    this.#open = undefined;
  }
}

function openFile(path: string): OpenFile | undefined {
  try {
    const file = Deno.openSync(path);
    return { file, inode: file.statSync().ino };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function inodeOf(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
