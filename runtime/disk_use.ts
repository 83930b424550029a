/**
 * How much disk a tree takes, which a container may be writing in.
 *
 * @module
 */

import { AT, O, RESOLVE, S, STATX } from "../ffi/constants.ts";
import { E, SyscallError } from "../ffi/errno.ts";
import { attempt } from "../ffi/libc.ts";
import { concatenate, openHow } from "../ffi/structs.ts";
import type { ContainerInfo } from "./containers.ts";
import { forEachEntry, type RawName } from "./directory_entries.ts";

/** What a tree takes. */
export interface TreeSize {
  /** Bytes of disk, in whole blocks; a file with several names in the tree counts once. */
  bytes: number;
  /** Whether all of it could be looked at: an ordinary user's containers have files of others. */
  whole: boolean;
}

const DIRECTORY = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;
/** Whoever puts a link in a directory's place while it is counted leads nowhere. */
const BELOW = openHow({ flags: DIRECTORY, resolve: RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS });

/** What a file or a directory takes, with all that is in it; 0 for what is not there. */
export function treeSize(path: string): TreeSize {
  const count = new Count();
  if (!count.add(AT.FDCWD, path)) return count.size;
  const top = attempt.open(path, DIRECTORY, 0);
  try {
    if (top < 0) count.miss(-top);
    else addBelow(count, top);
  } finally {
    if (top >= 0) attempt.close(top);
  }
  return count.size;
}

/** Adds what is in a directory, however deep. */
function addBelow(count: Count, top: number): void {
  const left: RawName[] = [new TextEncoder().encode(".\0")];
  for (let next; (next = left.pop()) !== undefined;) {
    const path = next.with(-1, SLASH);
    const directory = attempt.openat2(top, next, BELOW, BELOW.bytes.length);
    if (directory < 0) {
      count.miss(-directory);
      continue;
    }
    try {
      forEachEntry(directory, (name) => {
        if (count.add(directory, name)) left.push(concatenate([path, name]));
      });
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      count.miss(error.errno);
    }
  }
}

const SLASH = 0x2f;

/** What has been counted. */
class Count {
  readonly size: TreeSize = { bytes: 0, whole: true };
  readonly #linked = new Set<string>();
  readonly #stat = new Uint8Array(256);
  readonly #fields = new DataView(this.#stat.buffer);

  /** Adds what a name stands for, without what is in it. @returns whether that is a directory */
  add(directory: number, name: string | RawName): boolean {
    const result = attempt.statx(
      directory,
      name,
      AT.SYMLINK_NOFOLLOW,
      STATX.BASIC_STATS,
      this.#stat,
    );
    if (result < 0) {
      this.miss(-result);
      return false;
    }
    // struct statx, in <linux/stat.h>
    const fields = this.#fields;
    const isDirectory = (fields.getUint16(28, true) & S.IFMT) === S.IFDIR;
    if (!isDirectory && fields.getUint32(16, true) > 1) {
      const [device, inode] = [fields.getBigUint64(136, true), fields.getBigUint64(32, true)];
      const file = `${device}:${inode}`;
      if (this.#linked.has(file)) return false;
      this.#linked.add(file);
    }
    this.size.bytes += Number(fields.getBigUint64(48, true)) * 512;
    return isDirectory;
  }

  /** Something could not be looked at; what is there can go at any moment. */
  miss(errno: number): void {
    if (![E.ENOENT, E.ENOTDIR, E.ELOOP].includes(errno)) this.size.whole = false;
  }
}

/** What a container takes. */
export interface ContainerSize {
  /** what it has written */
  own: number;
  /** that and its image, which others may have too */
  all: number;
}

/** What a container takes, without its log and its volumes: Docker's SIZE. */
export function containerSize({ directory, record }: SizedContainer): ContainerSize {
  const upper = `${directory}/upper`;
  // nothing written is nothing, though the directory for it takes a block
  const empty = new Count();
  empty.add(AT.FDCWD, upper);
  const own = Math.max(0, treeSize(upper).bytes - empty.size.bytes);
  const { from } = record.request;
  const below = typeof from === "string" ? [from] : from.layers.map(({ directory }) => directory);
  return { own, all: [...new Set(below)].reduce((sum, path) => sum + treeSize(path).bytes, own) };
}

/** Of a container: where it is, and what it was made from. */
export type SizedContainer = Pick<ContainerInfo, "directory" | "record">;
