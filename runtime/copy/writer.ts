/**
 * Files written below a directory that somebody else may be writing to at the same time.
 *
 * No link below the directory is followed, and nothing is opened that was there before: an old file
 * is taken away and a new one made. So whatever a container puts in the way of a copy, the copy stays
 * below the directory that was chosen. Only what is mounted stays, and is written into: the mount was
 * asked for by whoever made the container.
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

/** The extended attribute that gives a program rights, as the set-user-ID bit does. */
const CAPABILITIES = "security.capability";
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
const MOUNTED_FILE = O.PATH | O.NOFOLLOW | O.CLOEXEC;

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
  #isMounted = false;
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
      this.#isMounted = isMounted(directory, name);
      if (this.#isMounted && entry.type === "file") return this.#openMounted(directory, name);
      this.#makeRoom(directory, name);
      if (entry.type === "file") this.#makeFile(directory, name);
      else this.#makeOther(directory, name);
    } finally {
      attempt.close(directory);
    }
  }

  /** Writes content. */
  data(bytes: Uint8Array): void {
    if (this.#file >= 0) writeContent(this.#file, bytes, this.#entry.name);
  }

  /** Gives the file its metadata; what is mounted keeps its own. */
  close(): void {
    if (this.#file < 0) return;
    try {
      if (!this.#isMounted) this.#metadata.ofFile(this.#file, this.#entry);
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
    if (!isCautious) return shaped;
    if (entry.type === "file") shaped.mode &= 0o777;
    // capabilities(7), "File capabilities"
    shaped.xattrs = new Map([...entry.xattrs ?? []].filter(([key]) => key !== CAPABILITIES));
    return shaped;
  }

  #makeDirectory(path: string): void {
    const { parent, name } = splitPath(path);
    const directory = this.#open(parent, TO_PARENT);
    try {
      if (look(directory, name)?.kind === S.IFDIR) return;
      this.#makeRoom(directory, name);
      const result = attempt.mkdirat(directory, nameArgument(name), 0o700);
      if (result < 0) throw this.#failed("mkdirat", result);
      this.#made.set(path, this.#entry);
    } finally {
      attempt.close(directory);
    }
  }

  /** Takes away what has the name, but no directory, and no device for what is none. */
  #makeRoom(directory: number, name: string): void {
    const { type } = this.#entry;
    const kind = type === "chardev" || type === "blockdev" ? 0 : look(directory, name)?.kind;
    if (kind === S.IFCHR || kind === S.IFBLK) throw this.#inTheWay("device");
    // the kernel refuses this for mounts of this process's own namespace only
    const result = this.#isMounted ? -E.EBUSY : attempt.unlinkat(directory, nameArgument(name), 0);
    if (result === 0 || result === -E.ENOENT) return;
    if (result !== -E.EISDIR) throw this.#failed("unlinkat", result);
    throw this.#inTheWay("directory");
  }

  #inTheWay(what: string): CopyError {
    const name = showName(this.#entry.name);
    return new CopyError(`${name}: a ${what} is in its place, and is not taken away`);
  }

  #makeFile(directory: number, name: string): void {
    const mode = this.#entry.mode & 0o777;
    const fd = attempt.openat(directory, nameArgument(name), NEW_FILE, mode);
    if (fd < 0) throw this.#failed("openat", fd);
    this.#file = fd;
  }

  /** Opens a file that is mounted, once it is known to be one: a device may act on being opened. */
  #openMounted(directory: number, name: string): void {
    const found = attempt.openat(directory, nameArgument(name), MOUNTED_FILE, 0);
    if (found < 0) throw this.#failed("openat", found);
    try {
      if (look(found, "")?.kind !== S.IFREG) throw this.#failed("openat", -E.EBUSY);
      const flags = O.WRONLY | O.TRUNC | O.CLOEXEC;
      const fd = attempt.open(`/proc/self/fd/${found}`, flags, 0);
      if (fd < 0) throw this.#failed("open", fd);
      this.#file = fd;
    } finally {
      attempt.close(found);
    }
  }

  #makeOther(directory: number, name: string): void {
    const { type, linkname, mode, major, minor } = this.#entry;
    const it = nameArgument(name);
    if (type === "hardlink") return this.#link(directory, it);
    let call = "mknodat";
    let result: number;
    if (type === "symlink") {
      call = "symlinkat";
      result = attempt.symlinkat(nameArgument(linkname), directory, it);
    } else if (type === "fifo") {
      call = "mkfifoat";
      result = attempt.mkfifoat(directory, it, mode & 0o777);
    } else {
      const format = type === "chardev" ? S.IFCHR : S.IFBLK;
      result = attempt.mknodat(directory, it, format | mode & 0o777, makedev(major, minor));
    }
    if (result === -E.EPERM && type !== "symlink" && type !== "fifo") {
      return this.options.onSkipped?.(this.#entry.name, "this user may make no devices");
    }
    if (result < 0) throw this.#failed(call, result);
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

/** What kind of file a name is, and the mount that it lies on; nothing where there is none. */
function look(directory: number, name: string): { kind: number; mount: bigint } | undefined {
  const stat = new Uint8Array(256);
  const flags = AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH;
  const mask = STATX.BASIC_STATS | STATX.MNT_ID;
  if (attempt.statx(directory, nameArgument(name), flags, mask, stat) < 0) return undefined;
  // struct statx, in <linux/stat.h>
  const fields = new DataView(stat.buffer);
  return { kind: fields.getUint16(28, true) & S.IFMT, mount: fields.getBigUint64(144, true) };
}

/** Whether something is mounted on a name, in whatever namespace the directory is. */
function isMounted(directory: number, name: string): boolean {
  const found = look(directory, name);
  return found !== undefined && found.mount !== look(directory, "")?.mount;
}
