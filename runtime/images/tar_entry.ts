/**
 * What a tar archive holds, entry by entry: the words that its reader and its writer share.
 *
 * @module
 */

import { showName } from "./names.ts";

/** A tar archive is made of blocks of this many bytes. */
export const BLOCK = 512;

/** The longest name and link target, in bytes: what the kernel takes, PATH_MAX in limits.h. */
export const MAX_NAME = 4096;

/** The kinds of entry that a layer may have. */
export type EntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "chardev"
  | "blockdev"
  | "directory"
  | "fifo";

/** One entry of an archive, with everything applied that PAX and GNU headers before it said. */
export interface TarEntry {
  /** The name as the archive has it; its bytes are `encodeName(name)`. */
  name: string;
  /** What it is. */
  type: EntryType;
  /** Permissions with set-uid, set-gid and sticky bit. */
  mode: number;
  /** The owner's user id. */
  uid: number;
  /** The owner's group id. */
  gid: number;
  /** Bytes of content that follow. */
  size: number;
  /** Whole seconds since 1970, rounded down. */
  mtime: number;
  /** The rest of the time, 0 to 999,999,999. */
  mtimeNanoseconds: number;
  /** What a symbolic link says, or the name of the entry that a hard link shares its file with. */
  linkname: string;
  /** A device's driver. */
  major: number;
  /** A device's number among those of its driver. */
  minor: number;
  /** Extended attributes by name (`user.…`, `security.capability`). */
  xattrs?: Map<string, Uint8Array>;
}

/** An archive is damaged, cut short, or uses what Tiffin refuses; the message names the entry. */
export class TarError extends Error {
  /** The class's name, for messages. */
  override name = "TarError";

  /**
   * Quotes the entry's name, and says what is wrong.
   *
   * @param problem what is wrong
   * @param entry the entry's name, where there is one
   * @param limit that it is one too many
   */
  constructor(problem: string, readonly entry?: string, readonly limit?: "entries") {
    super(
      entry === undefined ? `tar archive: ${problem}` : `tar entry ${showName(entry)}: ${problem}`,
    );
  }
}
