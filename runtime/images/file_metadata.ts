/**
 * Gives an unpacked file its owner, mode, extended attributes and times, in the order that keeps
 * all of them: chown(2) takes set-uid and file capabilities away, so it comes first.
 *
 * @module
 */

import { AT, O, STATX } from "../../ffi/constants.ts";
import { E } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { concatenate } from "../../ffi/structs.ts";
import { failure } from "./layer_tree.ts";
import { encodeName, nameArgument, showName } from "./names.ts";
import { type TarEntry, TarError } from "./tar_entry.ts";

/** Something of a layer that was left out, and why. */
export interface Skipped {
  /** The entry's name. */
  entry: string;
  /** What was not done. */
  reason: string;
}

/** Whose the files of a layer shall be. */
export interface MetadataOptions {
  /**
   * Whether overlayfs's own attributes go into `user.overlay.*`, for mounts made by an ordinary
   * user, instead of `trusted.overlay.*`.
   */
  userxattr: boolean;
  /** `keep` the owners, or `ignore` them: an ordinary user can give files to nobody else. */
  owners: "keep" | "ignore";
}

/** The most that is told of what was left out; a layer can hold millions of devices. */
const TOLD = 100;
/** (uid_t) -1 and (gid_t) -1 mean "leave it as it is" to chown(2). */
const NOBODY_AT_ALL = 0xffffffff;

/** Sets metadata, and remembers what could not be set. */
export class FileMetadata {
  /** Entries of other owners than root whose owners were ignored. */
  ownersIgnored = 0;
  readonly #skipped: Skipped[] = [];
  #skippedCount = 0;
  /** What a new file gets without being told. */
  readonly #defaultUid = libc.geteuid();
  readonly #defaultGid: number;
  readonly #umask = readUmask();
  readonly #times = new Uint8Array(32);
  readonly #timeFields = new DataView(this.#times.buffer);

  /**
   * Finds out what new files get by themselves.
   *
   * @param root a descriptor of the directory that all the files are made below
   * @param options whose the files shall be
   */
  constructor(root: number, private readonly options: MetadataOptions) {
    // With set-gid on the directory, or mounted with grpid, new files take the directory's group.
    const stat = new Uint8Array(256);
    libc.statx(root, "", AT.EMPTY_PATH, STATX.BASIC_STATS, stat);
    this.#defaultGid = new DataView(stat.buffer).getUint32(24, true);
  }

  /** What was left out: the first hundred of them, and how many in all. */
  get skipped(): { list: Skipped[]; count: number } {
    return { list: this.#skipped, count: this.#skippedCount };
  }

  /** Remembers that something of the entry was left out. */
  skip(entry: TarEntry, reason: string): void {
    if (this.#skippedCount++ < TOLD) this.#skipped.push({ entry: entry.name, reason });
  }

  /**
   * Looks at the metadata before anything is made.
   *
   * @throws {TarError} if they must not be granted
   */
  check({ name, uid, gid, xattrs }: TarEntry): void {
    if (uid >= NOBODY_AT_ALL || gid >= NOBODY_AT_ALL) {
      throw new TarError(`its owner ${uid}:${gid} is not one that Linux has`, name);
    }
    if (uid + gid > 0 && this.options.owners === "ignore") this.ownersIgnored++;
    for (const key of xattrs?.keys() ?? []) {
      // They would make overlayfs show or hide what the layer's own entries do not say.
      if (/^(trusted|user)\.overlay\./.test(key)) {
        throw new TarError(`it has the attribute ${showName(key)}, which is overlayfs's own`, name);
      }
    }
  }

  /**
   * Sets everything through the descriptor of a file that was made with the entry's permissions,
   * so that most need no chmod(2).
   */
  ofFile(fd: number, entry: TarEntry): void {
    this.#chown(fd, entry);
    if (entry.mode & (0o7000 | this.#umask)) this.#chmod(fd, entry);
    this.#setAttributes(entry, (name, value) => {
      return attempt.fsetxattr(fd, name, value, value.length, 0);
    });
    this.#touch(fd, entry);
  }

  /** Sets everything through a directory's descriptor. */
  ofDirectory(fd: number, entry: TarEntry): void {
    this.#chown(fd, entry);
    this.#chmod(fd, entry);
    this.#setAttributes(entry, (name, value) => {
      return attempt.fsetxattr(fd, name, value, value.length, 0);
    });
    this.#touch(fd, entry);
  }

  /** Sets everything of what cannot be opened: a link, a device, a fifo, by its name in a directory. */
  ofName(directory: number, name: string, entry: TarEntry): void {
    const it = nameArgument(name);
    if (this.#mustChown(entry)) {
      const { uid, gid } = entry;
      const result = attempt.fchownat(directory, it, uid, gid, AT.SYMLINK_NOFOLLOW);
      if (result < 0) throw chownFailure("fchownat", entry, result);
    }
    if (entry.type !== "symlink" && (entry.mode & (0o7000 | this.#umask))) {
      this.#chmodName(directory, it, entry);
    }
    this.#setAttributes(entry, (key, value) => {
      // There is no call that takes a descriptor and a name; the descriptor's own link does.
      const path = concatenate([
        encodeName(`/proc/self/fd/${directory}/${name}`),
        new Uint8Array(1),
      ]);
      return attempt.lsetxattr(path, key, value, value.length, 0);
    });
    const times = this.#timesOf(entry);
    const result = attempt.utimensat(directory, it, times, AT.SYMLINK_NOFOLLOW);
    if (result < 0) throw failure("utimensat", showName(entry.name), result);
  }

  #mustChown({ uid, gid }: TarEntry): boolean {
    if (this.options.owners === "ignore") return false;
    return uid !== this.#defaultUid || gid !== this.#defaultGid;
  }

  #chown(fd: number, entry: TarEntry): void {
    if (!this.#mustChown(entry)) return;
    const result = attempt.fchown(fd, entry.uid, entry.gid);
    if (result < 0) throw chownFailure("fchown", entry, result);
  }

  #chmod(fd: number, entry: TarEntry): void {
    const result = attempt.fchmod(fd, entry.mode);
    if (result < 0) {
      throw failure("fchmod", `${showName(entry.name)}, 0${entry.mode.toString(8)}`, result);
    }
  }

  /** fchmodat(2) follows a link that has taken the file's place; a descriptor of the file does not. */
  #chmodName(directory: number, it: string | Uint8Array, entry: TarEntry): void {
    const fd = attempt.openat(directory, it, O.PATH | O.NOFOLLOW | O.CLOEXEC, 0);
    if (fd < 0) throw failure("openat", showName(entry.name), fd);
    const result = attempt.fchmodat(AT.FDCWD, `/proc/self/fd/${fd}`, entry.mode, 0);
    attempt.close(fd);
    if (result < 0) throw failure("fchmodat", showName(entry.name), result);
  }

  #touch(fd: number, entry: TarEntry): void {
    const result = attempt.futimens(fd, this.#timesOf(entry));
    if (result < 0) throw failure("futimens", showName(entry.name), result);
  }

  #setAttributes(
    entry: TarEntry,
    set: (name: string | Uint8Array, value: Uint8Array) => number,
  ): void {
    if (!entry.xattrs) return;
    for (const [name, value] of entry.xattrs) {
      if (name === "security.selinux") {
        // A label belongs to the policy of the machine that it was made on.
        this.skip(entry, "its SELinux label: this machine gives its own");
        continue;
      }
      const result = set(nameArgument(name), value);
      if (result === -E.EOPNOTSUPP || result === -E.EPERM) {
        const cause = result === -E.EPERM ? "not permitted" : "not supported here";
        this.skip(entry, `its attribute ${showName(name)}: ${cause}`);
      } else if (result < 0) {
        throw failure("setxattr", `${showName(entry.name)}, ${showName(name)}`, result);
      }
    }
  }

  /** Two struct timespec, of access and of change, which are the same. */
  #timesOf({ mtime, mtimeNanoseconds }: TarEntry): Uint8Array {
    for (const offset of [0, 16]) {
      this.#timeFields.setBigInt64(offset, BigInt(mtime), true);
      this.#timeFields.setBigInt64(offset + 8, BigInt(mtimeNanoseconds), true);
    }
    return this.#times;
  }
}

function chownFailure(call: string, { name, uid, gid }: TarEntry, result: number): Error {
  const error = failure(call, `${showName(name)}, ${uid}, ${gid}`, result);
  if (result !== -E.EINVAL) return error;
  return error.because(
    "no such id in this user namespace: give the user a larger range in subuid(5)",
  );
}

/** This process's umask; umask(2) itself cannot tell it without changing it for every thread. */
function readUmask(): number {
  const [, octal = "777"] =
    /^Umask:\s*([0-7]+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ??
      [];
  return Number.parseInt(octal, 8);
}
