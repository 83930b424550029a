/**
 * One directory of a tree that a container has written, and may still be writing: what is in it,
 * looked at without following any link.
 *
 * @module
 */

import { AT, O, RESOLVE, S, STATX } from "../../ffi/constants.ts";
import { E } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { concatenate, openHow } from "../../ffi/structs.ts";
import { forEachEntry } from "../directory_entries.ts";
import { failure } from "./layer_tree.ts";
import { decodeName, encodeName, nameArgument, showName } from "./names.ts";
import { type EntryType, MAX_NAME, type TarEntry } from "./tar_entry.ts";

/** What a name in a directory is. */
export interface TreeFile extends Omit<TarEntry, "type" | "name"> {
  /** What it is; a layer has no sockets. */
  type: EntryType | "socket";
  /** How many names the file has. */
  links: number;
  /** Tells it from every other file. */
  inode: string;
}

const FORMATS: Record<number, TreeFile["type"]> = {
  [S.IFREG]: "file",
  [S.IFDIR]: "directory",
  [S.IFLNK]: "symlink",
  [S.IFCHR]: "chardev",
  [S.IFBLK]: "blockdev",
  [S.IFIFO]: "fifo",
  [S.IFSOCK]: "socket",
};

const BELOW = openHow({
  flags: O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC,
  resolve: RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_XDEV,
});
/** XATTR_LIST_MAX and XATTR_SIZE_MAX, limits.h. */
const MAX_XATTR = 65536;
const CHUNK = 256 * 1024;

/** A directory, open; `using` closes it. */
export class TreeDirectory implements Disposable {
  readonly #stat = new Uint8Array(256);
  readonly #fields = new DataView(this.#stat.buffer);

  private constructor(private readonly fd: number, private readonly path: string) {}

  /**
   * Opens a directory of a tree.
   *
   * @param tree a descriptor of the tree's top
   * @param path relative to it, "" for the top itself
   * @param onMounted called where something is mounted on it: that is no part of the tree
   * @returns nothing where there is no directory of this path
   * @throws {SyscallError} where there is one that cannot be opened
   */
  static open(tree: number, path: string, onMounted?: () => void): TreeDirectory | undefined {
    const fd = attempt.openat2(tree, nameArgument(path || "."), BELOW, BELOW.bytes.length);
    if (fd === -E.EXDEV) onMounted?.();
    if ([-E.ENOENT, -E.ENOTDIR, -E.ELOOP, -E.EXDEV].includes(fd)) return undefined;
    if (fd < 0) throw failure("openat2", showName(path), fd);
    return new TreeDirectory(fd, path);
  }

  /** The names in it, sorted. */
  names(): string[] {
    const found: string[] = [];
    // A second descriptor: listing moves the first one's offset, and closes it.
    const again = libc.openat(this.fd, ".", O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
    forEachEntry(again, (name) => void found.push(decodeName(name.subarray(0, -1))));
    return found.sort();
  }

  /** What the directory itself is. */
  itself(): TreeFile {
    return this.look(".")!;
  }

  /** What a name in it is; nothing where it has gone. */
  look(name: string): TreeFile | undefined {
    const it = nameArgument(name);
    const flags = AT.SYMLINK_NOFOLLOW;
    const result = attempt.statx(this.fd, it, flags, STATX.BASIC_STATS, this.#stat);
    if (result === -E.ENOENT) return undefined;
    if (result < 0) throw this.#failed("statx", name, result);
    // struct statx, in <linux/stat.h>
    const fields = this.#fields;
    const u32 = (offset: number) => fields.getUint32(offset, true);
    const mode = fields.getUint16(28, true);
    const type = FORMATS[mode & S.IFMT];
    const isDevice = type === "chardev" || type === "blockdev";
    return {
      type,
      mode: mode & 0o7777,
      uid: u32(20),
      gid: u32(24),
      size: type === "file" ? Number(fields.getBigUint64(40, true)) : 0,
      mtime: Number(fields.getBigInt64(112, true)),
      mtimeNanoseconds: u32(120),
      linkname: type === "symlink" ? this.#readLink(name) : "",
      major: isDevice ? u32(128) : 0,
      minor: isDevice ? u32(132) : 0,
      links: u32(16),
      inode: `${u32(136)}:${u32(140)}:${fields.getBigUint64(32, true)}`,
      xattrs: this.#attributes(name),
    };
  }

  /**
   * The first `size` bytes of a regular file, in pieces; fewer where it has become shorter.
   *
   * @throws {SyscallError} if it cannot be opened, or has become something else
   */
  *content(name: string, size: number): Generator<Uint8Array<ArrayBuffer>> {
    // First without opening it for anything: what was a file may have become a device by now.
    const found = attempt.openat(this.fd, nameArgument(name), O.PATH | O.NOFOLLOW | O.CLOEXEC, 0);
    if (found < 0) throw this.#failed("openat", name, found);
    let file: number;
    try {
      libc.statx(found, "", AT.EMPTY_PATH, STATX.BASIC_STATS, this.#stat);
      const isFile = (this.#fields.getUint16(28, true) & S.IFMT) === S.IFREG;
      if (!isFile) throw this.#failed("openat", name, -E.EINVAL).because("it is no file any more");
      file = libc.open(`/proc/self/fd/${found}`, O.RDONLY | O.CLOEXEC, 0);
    } finally {
      attempt.close(found);
    }
    try {
      for (let left = size; left > 0;) {
        const piece = new Uint8Array(Math.min(left, CHUNK));
        const length = attempt.read(file, piece, piece.length);
        if (length < 0) throw this.#failed("read", name, length);
        if (length === 0) return;
        left -= length;
        yield piece.subarray(0, length);
      }
    } finally {
      attempt.close(file);
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    attempt.close(this.fd);
  }

  #readLink(name: string): string {
    const buffer = new Uint8Array(MAX_NAME);
    const length = attempt.readlinkat(this.fd, nameArgument(name), buffer, buffer.length);
    return length < 0 ? "" : decodeName(buffer.subarray(0, length));
  }

  #attributes(name: string): TreeFile["xattrs"] {
    // There is no call that takes a descriptor and a name; the descriptor's own link does.
    const path = concatenate([encodeName(`/proc/self/fd/${this.fd}/${name}`), new Uint8Array(1)]);
    const none = new Uint8Array();
    // Most files have none, and for those no room is needed.
    if (attempt.llistxattr(path, none, 0) <= 0) return undefined;
    const list = new Uint8Array(MAX_XATTR);
    const length = attempt.llistxattr(path, list, list.length);
    const xattrs = new Map<string, Uint8Array>();
    for (const key of decodeName(list.subarray(0, Math.max(length, 0))).split("\0")) {
      if (key === "") continue;
      const value = new Uint8Array(MAX_XATTR);
      const size = attempt.lgetxattr(path, nameArgument(key), value, value.length);
      if (size >= 0) xattrs.set(key, value.slice(0, size));
    }
    return xattrs;
  }

  #failed(call: string, name: string, result: number) {
    return failure(call, showName(`${this.path}/${name}`), result);
  }
}
