/**
 * Turns a layer's entries into files that overlayfs can stack.
 *
 * A layer says what it adds and what it takes away. What it takes away is there as a file named
 * `.wh.NAME` (this name is gone), or `.wh..wh..opq` (all that lower layers have in this directory is gone);
 * overlayfs wants a character device 0/0 and an extended attribute instead. OCI image-spec,
 * layer.md; the kernel's Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 *
 * Everything here is a stranger's wish. Granted is what a file system may hold; refused what would
 * reach outside, and what would speak to overlayfs in the layer's place.
 *
 * @module
 */

import { O, S } from "../../ffi/constants.ts";
import { E } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { makedev } from "../../ffi/structs.ts";
import { writeContent } from "./file_content.ts";
import { FileMetadata, type MetadataOptions, type Skipped } from "./file_metadata.ts";
import { failure, LayerTree, pathInLayer, type Place, splitPath } from "./layer_tree.ts";
import { nameArgument, showName } from "./names.ts";
import type { TarSink } from "./tar.ts";
import { type EntryType, type TarEntry, TarError } from "./tar_entry.ts";

const WHITEOUT = ".wh.";
/** Names of AUFS's own, which Docker's first storage driver left in layers; they mean nothing now. */
const AUFS = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

const NODE_FORMATS: Partial<Record<EntryType, number>> = {
  fifo: S.IFIFO,
  chardev: S.IFCHR,
  blockdev: S.IFBLK,
};

/** What may be remembered of a layer's directories, and what one takes beside its name, in bytes. */
const MAX_KEPT = 256 * 1024 * 1024;
const DIRECTORY_SIZE = 256;

const NEW_FILE = O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW | O.CLOEXEC;

/** Receives the entries of one layer and makes its files below a directory. */
export class LayerWriter implements TarSink, Disposable {
  readonly #tree: LayerTree;
  readonly #metadata: FileMetadata;
  /** Directories get their metadata last: until then their files come and go, and times change. */
  readonly #directories = new Map<string, TarEntry>();
  #kept = 0;
  readonly #opaqueName: string;
  #file = -1;
  #entry!: TarEntry;

  /**
   * Begins with an empty layer.
   *
   * @param path an existing, empty directory
   * @param trash another one in the same file system
   * @param options whose the files shall be
   */
  constructor(path: string, trash: string, options: MetadataOptions) {
    this.#tree = new LayerTree(path, trash, (path) => this.#imply(path));
    this.#metadata = new FileMetadata(this.#tree.root, options);
    this.#opaqueName = `${options.userxattr ? "user" : "trusted"}.overlay.opaque`;
    this.#imply("");
  }

  /** What was left out so far: the first hundred, and how many in all. */
  get skipped(): { list: Skipped[]; count: number } {
    return this.#metadata.skipped;
  }

  /** Entries whose owners were ignored. */
  get ownersIgnored(): number {
    return this.#metadata.ownersIgnored;
  }

  /** Makes the entry. */
  entry(entry: TarEntry): void {
    this.#entry = entry;
    const path = pathInLayer(entry.name);
    if (path === "") return this.#makeRoot();
    const place = splitPath(path);
    if (path.includes(WHITEOUT) && this.#takeAway(path, place)) return;
    this.#metadata.check(entry);
    if (entry.type === "file") this.#makeFile(place);
    else if (entry.type === "directory") this.#makeDirectory(path, place);
    else if (entry.type === "symlink") this.#makeSymlink(place);
    else if (entry.type === "hardlink") this.#makeLink(path, place);
    else this.#makeNode(place);
  }

  /** Writes content to the file that the entry has made, if it has made one. */
  data(bytes: Uint8Array): void {
    if (this.#file >= 0) writeContent(this.#file, bytes, this.#entry.name);
  }

  /** Gives the file its metadata and closes it. */
  close(): void {
    if (this.#file < 0) return;
    this.#metadata.ofFile(this.#file, this.#entry);
    const result = attempt.close(this.#file);
    this.#file = -1;
    if (result < 0) throw this.#failed("close", result);
  }

  /** Gives the directories their metadata: the deepest first, since a mode can bar the way in. */
  finish(): void {
    const byDepth = [...this.#directories].sort(([a], [b]) => b.length - a.length);
    for (const [path, entry] of byDepth) {
      this.#entry = entry;
      const fd = this.#tree.openDirectory(path);
      // A later entry of the layer has put something else there.
      if (fd === -E.ENOENT || fd === -E.ENOTDIR || fd === -E.ELOOP) continue;
      if (fd < 0) throw this.#failed("openat2", fd);
      try {
        this.#metadata.ofDirectory(fd, entry);
      } finally {
        attempt.close(fd);
      }
    }
  }

  /** Closes what is open. */
  [Symbol.dispose](): void {
    if (this.#file >= 0) attempt.close(this.#file);
    this.#tree[Symbol.dispose]();
  }

  #makeRoot(): void {
    if (this.#entry.type !== "directory") {
      throw new TarError("the layer's root must be a directory", this.#entry.name);
    }
    this.#metadata.check(this.#entry);
    this.#directories.set("", this.#entry);
  }

  #makeFile(place: Place): void {
    const name = nameArgument(place.name);
    const mode = this.#entry.mode & 0o777;
    this.#file = this.#make(place, "openat", (parent) => {
      return attempt.openat(parent, name, NEW_FILE, mode);
    });
  }

  #makeDirectory(path: string, place: Place): void {
    this.#keep(path, this.#entry);
    const name = nameArgument(place.name);
    const parent = this.#parent(place);
    const result = attempt.mkdirat(parent, name, 0o700);
    if (result === -E.EEXIST) {
      const there = this.#tree.kindOf(parent, place.name);
      if (there?.format === S.IFDIR) return;
      this.#make(place, "mkdirat", (parent) => attempt.mkdirat(parent, name, 0o700));
      // The whiteout that it replaces must go on hiding what lower layers have in there.
      if (there?.isWhiteout) this.#makeOpaque(path);
    } else if (result < 0) {
      throw this.#failed("mkdirat", result);
    }
  }

  #makeSymlink(place: Place): void {
    const entry = this.#entry;
    if (entry.linkname === "") throw new TarError("it is a link to an empty name", entry.name);
    const name = nameArgument(place.name);
    const target = nameArgument(entry.linkname);
    this.#make(place, "symlinkat", (parent) => attempt.symlinkat(target, parent, name));
    this.#metadata.ofName(this.#parent(place), place.name, entry);
  }

  #makeLink(path: string, place: Place): void {
    const { name: entry, linkname } = this.#entry;
    const target = pathInLayer(linkname, entry);
    // Looked up before the new name's parent, which may have to be made first.
    const parent = this.#parent(place);
    const source = splitPath(target);
    const from = this.#tree.directory(source.parent, entry);
    const there = target === "" ? undefined : this.#tree.kindOf(from, source.name);
    if (!there || there.isWhiteout) {
      throw new TarError(`it links to ${showName(linkname)}, which is not in the layer`, entry);
    }
    if (there.format === S.IFDIR) {
      throw new TarError(`it links to ${showName(linkname)}, which is a directory`, entry);
    }
    // GNU tar writes a file that it was told to archive twice as a link to itself.
    if (path === target || this.#tree.kindOf(parent, place.name)?.inode === there.inode) return;
    const [oldName, newName] = [nameArgument(source.name), nameArgument(place.name)];
    this.#make(place, "linkat", (parent) => {
      const from = this.#tree.directory(source.parent, entry);
      return attempt.linkat(from, oldName, parent, newName, 0);
    });
  }

  #makeNode(place: Place): void {
    const entry = this.#entry;
    const { major, minor } = entry;
    if (entry.type === "chardev" && major === 0 && minor === 0) {
      throw new TarError(
        "it is a character device 0/0, which overlayfs takes for a whiteout",
        entry.name,
      );
    }
    if (major > 0xfff || minor > 0xfffff) {
      throw new TarError(`there is no device ${major}/${minor} in Linux`, entry.name);
    }
    const name = nameArgument(place.name);
    const mode = NODE_FORMATS[entry.type]! | (entry.mode & 0o777);
    const device = entry.type === "fifo" ? 0 : makedev(major, minor);
    const result = this.#attempt(place, (parent) => attempt.mknodat(parent, name, mode, device));
    if (result === -E.EPERM) {
      return this.#metadata.skip(entry, "only root of the host may make a device");
    }
    if (result < 0) throw this.#failed("mknodat", result);
    this.#metadata.ofName(this.#parent(place), place.name, entry);
  }

  /** Does what a name with `.wh.` in it asks for. Says whether it was one. */
  #takeAway(path: string, place: Place): boolean {
    const parts = path.split("/");
    if (parts.at(-1) === OPAQUE) {
      this.#makeOpaque(place.parent);
      return true;
    }
    if (parts.some((part) => part.startsWith(AUFS))) return true;
    if (parts.slice(0, -1).some((part) => part.startsWith(WHITEOUT))) {
      throw new TarError("it is inside a whiteout, which is no directory", this.#entry.name);
    }
    if (!place.name.startsWith(WHITEOUT)) return false;
    this.#whiteOut({ parent: place.parent, name: place.name.slice(WHITEOUT.length) });
    return true;
  }

  #whiteOut(place: Place): void {
    const { parent, name } = place;
    if (name === "" || name === "." || name === "..") {
      throw new TarError("it is a whiteout of no name", this.#entry.name);
    }
    const directory = this.#parent(place);
    const result = attempt.mknodat(directory, nameArgument(name), S.IFCHR, 0);
    if (result === -E.EEXIST) {
      // A whiteout takes away what lower layers have, never what its own layer adds: over a file
      // of ours, nothing of theirs shows anyway; of a directory of ours, only ours may show.
      const isDirectory = this.#tree.kindOf(directory, name)?.format === S.IFDIR;
      if (isDirectory) this.#makeOpaque(parent === "" ? name : `${parent}/${name}`);
    } else if (result === -E.EPERM) {
      throw this.#failed("mknodat", result).because(
        "an ordinary user may make whiteouts since Linux 5.8: run as root on an older kernel",
      );
    } else if (result < 0) {
      throw this.#failed("mknodat", result);
    }
  }

  #makeOpaque(path: string): void {
    this.#tree.directory(path, this.#entry.name);
    const fd = this.#tree.openDirectory(path);
    if (fd < 0) throw this.#failed("openat2", fd);
    try {
      const yes = Uint8Array.of("y".charCodeAt(0));
      const result = attempt.fsetxattr(fd, this.#opaqueName, yes, yes.length, 0);
      if (result < 0) {
        throw failure("fsetxattr", `${showName(path)}, "${this.#opaqueName}", "y", 1, 0`, result)
          .because("overlayfs needs extended attributes, which this file system does not give us");
      }
    } finally {
      attempt.close(fd);
    }
  }

  #parent(place: Place): number {
    return this.#tree.directory(place.parent, this.#entry.name);
  }

  /** Makes something under a name in its parent; what has the name already, gives way. */
  #make(place: Place, call: string, make: (parent: number) => number): number {
    const result = this.#attempt(place, make);
    if (result < 0) throw this.#failed(call, result);
    return result;
  }

  #attempt(place: Place, make: (parent: number) => number): number {
    const result = make(this.#parent(place));
    return result === -E.EEXIST ? make(this.#tree.remove(place, this.#entry.name)) : result;
  }

  /** Keeps a directory's metadata until the end, as long as a stranger's wish leaves room for more. */
  #keep(path: string, entry: TarEntry): void {
    this.#directories.set(path, entry);
    this.#kept += DIRECTORY_SIZE + path.length + entry.name.length;
    for (const [name, value] of entry.xattrs ?? []) this.#kept += name.length + value.length;
    if (this.#kept <= MAX_KEPT) return;
    throw new TarError(
      `it is one of ${this.#directories.size} directories, with names and attributes that take ` +
        `more than ${MAX_KEPT} bytes of memory`,
      entry.name,
    );
  }

  #imply(path: string): void {
    this.#keep(path, {
      name: path,
      type: "directory",
      mode: 0o755,
      uid: 0,
      gid: 0,
      size: 0,
      mtime: 0,
      mtimeNanoseconds: 0,
      linkname: "",
      major: 0,
      minor: 0,
    });
  }

  #failed(call: string, result: number) {
    return failure(call, showName(this.#entry.name), result);
  }
}
