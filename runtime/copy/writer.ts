/**
 * Files written below a directory that somebody else may be writing to at the same time.
 *
 * No link below the directory is followed, and nothing is opened that was there before: an old file
 * is taken away and a new one made. So whatever a container puts in the way of a copy, the copy stays
 * below the directory that was chosen.
 *
 * @module
 */

import { AT, O, RESOLVE, S, STATX } from "../../ffi/constants.ts";
import { E } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { makedev, openHow } from "../../ffi/structs.ts";
import { writeContent } from "../images/file_content.ts";
import { FileMetadata } from "../images/file_metadata.ts";
import { failure, pathInLayer, splitPath } from "../images/layer_tree.ts";
import { nameArgument, showName } from "../images/names.ts";
import type { TarSink } from "../images/tar.ts";
import type { TarEntry } from "../images/tar_entry.ts";
import { CopyError } from "./side.ts";

const RESOLVE_BELOW = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS;
const TO_PARENT = openHow({
  flags: O.PATH | O.DIRECTORY | O.CLOEXEC,
  resolve: RESOLVE_BELOW,
});
const TO_DIRECTORY = openHow({
  flags: O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC,
  resolve: RESOLVE_BELOW,
});
const NEW_FILE = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;
const OLD_FILE = O.WRONLY | O.TRUNC | O.NOFOLLOW | O.NONBLOCK | O.CLOEXEC;

/** Whose the files shall be, and what must not come along. */
export interface WriterOptions {
  /** `keep`: as they were; `root`: user and group 0; `own`: whoever writes them */
  owners: "keep" | "root" | "own";
  /** whether device nodes, and bits that give a program its owner's rights, stay away */
  isCautious: boolean;
  /** what the top of the copy is called below the directory; unless given, it is the directory */
  top?: string;
  /** told what is left out */
  onSkipped?: (name: string, reason: string) => void;
}

/** Receives entries, and makes files of them. */
export class CopyWriter implements TarSink {
  readonly #metadata: FileMetadata;
  /** Directories that were made get their metadata last: until then files come into them. */
  readonly #made = new Map<string, TarEntry>();
  #file = -1;
  #entry!: TarEntry;

  /** Begins with a directory. @param base a descriptor of it */
  constructor(private readonly base: number, private readonly options: WriterOptions) {
    const owners = options.owners === "own" ? "ignore" : "keep";
    this.#metadata = new FileMetadata(base, { userxattr: false, owners });
  }

  /** Makes the entry. @throws {CopyError} where a directory would be taken away for it */
  entry(entry: TarEntry): void {
    this.#entry = this.#shaped(entry);
    const path = this.#pathOf(entry.name);
    if (path === "") return;
    const { parent, name } = splitPath(path);
    if (entry.type === "directory") return this.#makeDirectory(path);
    if ((entry.type === "chardev" || entry.type === "blockdev") && this.options.isCautious) {
      return this.options.onSkipped?.(entry.name, "it is a device");
    }
    const directory = this.#open(parent, TO_PARENT);
    try {
      const isMounted = this.#makeRoom(directory, name);
      if (entry.type === "file") this.#makeFile(directory, name, isMounted);
      else this.#makeOther(directory, name);
    } finally {
      attempt.close(directory);
    }
  }

  /** Writes content. */
  data(bytes: Uint8Array): void {
    if (this.#file >= 0) writeContent(this.#file, bytes, this.#entry.name);
  }

  /** Gives the file its metadata. */
  close(): void {
    if (this.#file < 0) return;
    try {
      this.#metadata.ofFile(this.#file, this.#entry);
    } finally {
      attempt.close(this.#file);
      this.#file = -1;
    }
  }

  /** Gives the directories that were made their metadata, the deepest first. */
  finish(): void {
    const byDepth = [...this.#made].sort(([a], [b]) => b.length - a.length);
    for (const [path, entry] of byDepth) {
      const fd = this.#open(path, TO_DIRECTORY);
      try {
        this.#metadata.ofDirectory(fd, entry);
      } finally {
        attempt.close(fd);
      }
    }
    for (const { entry, reason } of this.#metadata.skipped.list) {
      this.options.onSkipped?.(entry, reason);
    }
  }

  #pathOf(name: string): string {
    const path = pathInLayer(name);
    const { top } = this.options;
    if (top === undefined) return path;
    return path === "" ? top : `${top}/${path}`;
  }

  /** The entry as it is wanted here. */
  #shaped(entry: TarEntry): TarEntry {
    const { owners, isCautious } = this.options;
    const shaped = { ...entry };
    if (owners === "root") Object.assign(shaped, { uid: 0, gid: 0 });
    if (isCautious && entry.type === "file") shaped.mode &= 0o777;
    return shaped;
  }

  #makeDirectory(path: string): void {
    const { parent, name } = splitPath(path);
    const directory = this.#open(parent, TO_PARENT);
    try {
      if (this.#kindOf(directory, name) === S.IFDIR) return;
      this.#makeRoom(directory, name);
      const result = attempt.mkdirat(directory, nameArgument(name), 0o700);
      if (result < 0) throw this.#failed("mkdirat", result);
      this.#made.set(path, this.#entry);
    } finally {
      attempt.close(directory);
    }
  }

  /** Takes away what has the name. @returns whether it has to stay: something is mounted on it */
  #makeRoom(directory: number, name: string): boolean {
    const result = attempt.unlinkat(directory, nameArgument(name), 0);
    if (result === 0 || result === -E.ENOENT) return false;
    if (result === -E.EBUSY) return true;
    if (result !== -E.EISDIR) throw this.#failed("unlinkat", result);
    throw new CopyError(
      `${showName(this.#entry.name)}: a directory is in its place, and is not taken away`,
    );
  }

  #makeFile(directory: number, name: string, isMounted: boolean): void {
    const it = nameArgument(name);
    const mode = this.#entry.mode & 0o777;
    const fd = attempt.openat(directory, it, isMounted ? OLD_FILE : NEW_FILE, mode);
    if (fd < 0) throw this.#failed("openat", fd);
    if (isMounted && !isRegular(fd)) {
      attempt.close(fd);
      throw this.#failed("openat", -E.EBUSY);
    }
    this.#file = fd;
  }

  #makeOther(directory: number, name: string): void {
    const { type, linkname, mode, major, minor } = this.#entry;
    const it = nameArgument(name);
    if (type === "hardlink") return this.#link(directory, it);
    let result: number;
    if (type === "symlink") result = attempt.symlinkat(nameArgument(linkname), directory, it);
    else if (type === "fifo") result = attempt.mkfifoat(directory, it, mode & 0o777);
    else {
      const format = type === "chardev" ? S.IFCHR : S.IFBLK;
      result = attempt.mknodat(directory, it, format | mode & 0o777, makedev(major, minor));
    }
    if (result === -E.EPERM && type !== "symlink" && type !== "fifo") {
      return this.options.onSkipped?.(this.#entry.name, "this user may make no devices");
    }
    if (result < 0) throw this.#failed("mknodat", result);
    this.#metadata.ofName(directory, name, this.#entry);
  }

  /** A second name of a file that was copied before. */
  #link(directory: number, it: Uint8Array | string): void {
    const { parent, name } = splitPath(this.#pathOf(this.#entry.linkname));
    const from = this.#open(parent, TO_PARENT);
    const result = attempt.linkat(from, nameArgument(name), directory, it, 0);
    attempt.close(from);
    if (result < 0) throw this.#failed("linkat", result);
  }

  #kindOf(directory: number, name: string): number | undefined {
    const stat = new Uint8Array(256);
    const mask = STATX.BASIC_STATS;
    const result = attempt.statx(directory, nameArgument(name), AT.SYMLINK_NOFOLLOW, mask, stat);
    return result < 0 ? undefined : new DataView(stat.buffer).getUint16(28, true) & S.IFMT;
  }

  /** Opens a directory below the one that all is written to; one that an archive implies is made. */
  #open(path: string, how: typeof TO_PARENT): number {
    const fd = attempt.openat2(this.base, nameArgument(path || "."), how, how.bytes.length);
    if (fd !== -E.ENOENT || path === "") {
      if (fd < 0) throw this.#failed("openat2", fd);
      return fd;
    }
    const { parent, name } = splitPath(path);
    const above = this.#open(parent, TO_PARENT);
    attempt.mkdirat(above, nameArgument(name), 0o755);
    attempt.close(above);
    const again = attempt.openat2(this.base, nameArgument(path), how, how.bytes.length);
    if (again < 0) throw this.#failed("openat2", again);
    return again;
  }

  #failed(call: string, result: number) {
    return failure(call, showName(this.#entry.name), result);
  }
}

function isRegular(fd: number): boolean {
  const stat = new Uint8Array(256);
  attempt.statx(fd, "", AT.EMPTY_PATH, STATX.BASIC_STATS, stat);
  return (new DataView(stat.buffer).getUint16(28, true) & S.IFMT) === S.IFREG;
}
