/**
 * A directory that is filled under a stranger's orders: every path is looked up inside it, whatever
 * symbolic links the stranger has put there before.
 *
 * Only parent directories are looked up, by openat2(2) with RESOLVE_IN_ROOT, which makes the kernel
 * itself take `/` and `..` for this directory; the last part of a path is then used as a plain name
 * in the parent's descriptor, where no link is followed. Descriptors of parents are kept, because
 * an archive names one directory's files in a row.
 *
 * @module
 */

import { AT, O, RESOLVE, S, STATX } from "../../ffi/constants.ts";
import { E, SyscallError } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { openHow } from "../../ffi/structs.ts";
import { nameArgument, nameLength, showName } from "./names.ts";
import { TarError } from "./tar_entry.ts";

/** What stat(2) says about a name. */
export interface FileKind {
  /** One of the S_IFMT constants. */
  format: number;
  /** The file's number: two names with the same one are links to each other. */
  inode: bigint;
  /** A character device 0/0, which is how overlayfs marks what an upper layer takes away. */
  isWhiteout: boolean;
}

/** A path inside the tree: its directory's path and its name there. */
export interface Place {
  /** The directory's path, "" for the root. */
  parent: string;
  /** The last part. */
  name: string;
}

const IN_ROOT = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS | RESOLVE.NO_XDEV;
const TO_PARENT = openHow({ flags: O.PATH | O.DIRECTORY | O.CLOEXEC, resolve: IN_ROOT });
const TO_DIRECTORY = openHow({
  flags: O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC,
  resolve: IN_ROOT,
});
/** Parents kept open: more than archives jump between, far fewer than a process may have. */
const KEPT = 64;
const NAME_MAX = 255;

/** The tree; closing it closes its descriptors and leaves the files. */
export class LayerTree implements Disposable {
  /** A descriptor of the directory itself. */
  readonly root: number;
  readonly #trash: number;
  #removed = 0;
  /** Least recently used first. */
  readonly #parents = new Map<string, number>();
  readonly #stat = new Uint8Array(256);
  readonly #statFields = new DataView(this.#stat.buffer);

  /**
   * Opens the directory.
   *
   * @param path an existing directory
   * @param trash another one in the same file system, for what the archive itself replaces
   * @param onImplied told the path of each directory that is made because a path goes through it
   */
  constructor(path: string, trash: string, private readonly onImplied: (path: string) => void) {
    this.root = libc.open(path, O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
    this.#trash = libc.open(trash, O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
  }

  /**
   * A descriptor of the directory, which is made where it is missing. It stays open until the next
   * call that takes a path.
   *
   * @throws {TarError} if the path leads through something that is no directory
   */
  directory(path: string, entry: string): number {
    const kept = this.#parents.get(path);
    if (kept !== undefined) {
      this.#parents.delete(path);
      this.#parents.set(path, kept);
      return kept;
    }
    let fd = this.#open(path, TO_PARENT);
    if (fd === -E.ENOENT && path !== "") {
      this.#imply(path, entry);
      fd = this.#open(path, TO_PARENT);
    }
    if (fd < 0) throw notADirectory(path, entry, fd);
    this.#keep(path, fd);
    return fd;
  }

  /** A descriptor of a directory that its own mode, times and attributes can be set through; or −errno. */
  openDirectory(path: string): number {
    return this.#open(path, TO_DIRECTORY);
  }

  /** What the name in the directory is, links not followed; nothing if there is no such name. */
  kindOf(directory: number, name: string): FileKind | undefined {
    const flags = AT.SYMLINK_NOFOLLOW;
    const result = attempt.statx(
      directory,
      nameArgument(name),
      flags,
      STATX.BASIC_STATS,
      this.#stat,
    );
    if (result < 0) return undefined;
    // struct statx, in <linux/stat.h>
    const format = this.#statFields.getUint16(28, true) & S.IFMT;
    const device = this.#statFields.getBigUint64(128, true);
    const inode = this.#statFields.getBigUint64(32, true);
    return { format, inode, isWhiteout: format === S.IFCHR && device === 0n };
  }

  /**
   * Takes what has that name out of the tree: a later entry replaces it.
   *
   * @returns the parent's descriptor, a new one: paths may lead elsewhere from now on
   */
  remove({ parent, name }: Place, entry: string): number {
    const directory = this.directory(parent, entry);
    // To a name of our own, since a directory may be full of names that nobody could type.
    const result = attempt.renameat(
      directory,
      nameArgument(name),
      this.#trash,
      String(this.#removed++),
    );
    if (result < 0) throw failure("renameat", `${showName(parent)}, ${showName(name)}`, result);
    this.#forget();
    return this.directory(parent, entry);
  }

  /** Closes the descriptors. */
  [Symbol.dispose](): void {
    this.#forget();
    attempt.close(this.root);
    attempt.close(this.#trash);
  }

  #open(path: string, how: typeof TO_PARENT): number {
    const name = nameArgument(path === "" ? "." : path);
    for (let tries = 0;; tries++) {
      const fd = attempt.openat2(this.root, name, how, how.bytes.length);
      // The kernel cannot rule out that a `..` escaped while anything was renamed on this machine.
      if (fd !== -E.EAGAIN || tries === 100) return fd;
    }
  }

  #imply(path: string, entry: string): void {
    const { parent, name } = splitPath(path);
    const result = attempt.mkdirat(this.directory(parent, entry), nameArgument(name), 0o700);
    if (result === -E.EEXIST) {
      throw new TarError(`${showName(path)}, where it belongs, is a link to nothing`, entry);
    }
    if (result < 0) throw failure("mkdirat", showName(path), result);
    this.onImplied(path);
  }

  #keep(path: string, fd: number): void {
    if (this.#parents.size === KEPT) {
      const [oldest] = this.#parents;
      this.#parents.delete(oldest[0]);
      attempt.close(oldest[1]);
    }
    this.#parents.set(path, fd);
  }

  #forget(): void {
    for (const fd of this.#parents.values()) attempt.close(fd);
    this.#parents.clear();
  }
}

/**
 * The path inside the layer that a name in an archive stands for; "" is the layer's root.
 *
 * A leading slash is dropped, as Docker and tar do. `..` is resolved by the letter.
 *
 * @throws {TarError} if the name climbs out of the layer, or one of its parts is too long
 */
export function pathInLayer(name: string, entry = name): string {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) {
      throw new TarError(
        name === entry
          ? "its name climbs out of the layer"
          : `its link target ${showName(name)} climbs out of the layer`,
        entry,
      );
    }
  }
  if (name.length > NAME_MAX / 3 && parts.some((part) => nameLength(part) > NAME_MAX)) {
    throw new TarError(`a part of its name is longer than ${NAME_MAX} bytes`, entry);
  }
  return parts.join("/");
}

/** A path's parent and last part. */
export function splitPath(path: string): Place {
  const slash = path.lastIndexOf("/");
  return { parent: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
}

/** A failed call as an error; `result` is −errno. */
export function failure(call: string, args: string, result: number): SyscallError {
  return new SyscallError(call, args, -result);
}

function notADirectory(path: string, entry: string, result: number): Error {
  if (result === -E.ENOTDIR || result === -E.ELOOP || result === -E.ENOENT) {
    return new TarError(`${showName(path)}, where it belongs, is not a directory`, entry);
  }
  return failure("openat2", `${showName(path)}, {RESOLVE_IN_ROOT}`, result);
}
