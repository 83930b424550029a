/**
 * The layers of an image as overlayfs would merge them, read by hand before anything is mounted.
 *
 * Every step takes one name in one layer's directory and follows no link: links are followed here,
 * over all layers, as the kernel will do it in the mount. So nothing in an image leads outside it.
 * Kernel's Documentation/filesystems/overlayfs.rst, "Upper and Lower" and "whiteouts and opaque
 * directories".
 *
 * @module
 */

import { AT, O, S, STATX } from "../../ffi/constants.ts";
import { E, SyscallError } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";

/** As many links as path_resolution(7) allows on one way. */
const MOST_LINKS = 40;
const PATH_MAX = 4096;

/** Whether a directory is opaque; the second name is for mounts with the option `userxattr`. */
const OPAQUE = ["trusted.overlay.opaque", "user.overlay.opaque"];

/** What a name is in the topmost layer that has it. */
interface Entry {
  fd: number;
  format: number;
  size: number;
  isWhiteout: boolean;
}

/** A directory: the same one in several layers, topmost first, each looked for when it is needed. */
class Merged {
  readonly #found: number[] = [];
  constructor(private readonly rest: Iterator<number>) {}

  *layers(): Generator<number> {
    for (let i = 0;; i++) {
      if (i === this.#found.length) {
        const next = this.rest.next();
        if (next.done) return;
        this.#found.push(next.value);
      }
      yield this.#found[i];
    }
  }
}

/** A file of an image that is not what it should be; the message names it. */
export class ImageFileError extends Error {
  /** The class's name, for messages. */
  override name = "ImageFileError";
}

/** The merged tree; disposing of it closes its descriptors. */
export class MergedTree implements Disposable {
  readonly #root: Merged;
  /** Directories that were found, by the directory that they are in and their name. */
  readonly #known = new Map<Merged, Map<string, Merged>>();
  readonly #open: number[] = [];
  readonly #stat = new Uint8Array(256);
  readonly #fields = new DataView(this.#stat.buffer);

  /**
   * Nothing is opened before something is looked for.
   *
   * @param layers directories, topmost first; one directory is a tree as well
   */
  constructor(layers: readonly string[]) {
    this.#root = new Merged(this.#openLayers(layers));
  }

  /** Closes what was opened. */
  [Symbol.dispose](): void {
    for (const fd of this.#open) attempt.close(fd);
  }

  /**
   * The content of a regular file; undefined where there is none of this name.
   *
   * @param path absolute
   * @param limit the most bytes to take
   * @throws {ImageFileError} for something else than a regular file, or for more bytes
   * @throws {SyscallError} if a layer's directory is missing
   */
  readFile(path: string, limit: number): Uint8Array | undefined {
    const entry = this.#find(path);
    if (!entry) return undefined;
    if (entry.format !== S.IFREG) {
      throw new ImageFileError(`the image's ${path} is ${KINDS[entry.format]}, not a regular file`);
    }
    if (entry.size > limit) {
      throw new ImageFileError(
        `the image's ${path} has ${entry.size} bytes, more than the ${limit} allowed here`,
      );
    }
    // by the descriptor of what was looked at: the file of that name can be another one by now
    const flags = O.RDONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
    const fd = this.#keep(libc.open(`/proc/self/fd/${entry.fd}`, flags, 0));
    const bytes = new Uint8Array(entry.size);
    let at = 0;
    for (let n = 1; n > 0 && at < bytes.length; at += n) {
      n = libc.read(fd, bytes.subarray(at), bytes.length - at);
    }
    return bytes.subarray(0, at);
  }

  /** Follows a path to its end, over links as well. */
  #find(path: string): Entry | undefined {
    let way = [this.#root];
    let names = path.split("/");
    let links = 0;
    while (names.length > 0) {
      const name = names.shift()!;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (way.length > 1) way.pop();
        continue;
      }
      const here = way.at(-1)!;
      const known = this.#known.get(here)?.get(name);
      if (known) {
        way.push(known);
        continue;
      }
      const [entry, directory] = this.#look(here, name);
      if (directory) {
        way.push(directory);
      } else if (entry?.format === S.IFLNK) {
        if (++links > MOST_LINKS) {
          throw new ImageFileError(`the image's ${path} leads through a circle of symbolic links`);
        }
        const target = this.#readLink(entry.fd);
        if (target.startsWith("/")) way = [this.#root];
        names = [...target.split("/"), ...names];
      } else {
        return names.length === 0 ? entry : undefined;
      }
    }
    throw new ImageFileError(`the image's ${path} is a directory, not a regular file`);
  }

  /** What a name is in a directory. */
  #look(parent: Merged, name: string): [Entry?, Merged?] {
    const layers = parent.layers();
    for (let next = layers.next(); !next.done; next = layers.next()) {
      const entry = this.#entry(next.value, name);
      if (!entry) continue;
      if (entry.isWhiteout) return [];
      if (entry.format !== S.IFDIR) return [entry];
      const directory = new Merged(this.#directories(entry.fd, layers, name));
      const siblings = this.#known.get(parent) ?? new Map<string, Merged>();
      this.#known.set(parent, siblings.set(name, directory));
      return [entry, directory];
    }
    return [];
  }

  /** The directories of a name that are merged: down to an opaque one, or to what hides the rest. */
  *#directories(top: number, below: Iterable<number>, name: string): Generator<number> {
    yield top;
    if (this.#isOpaque(top)) return;
    for (const layer of below) {
      const entry = this.#entry(layer, name);
      if (!entry) continue;
      if (entry.format !== S.IFDIR) return;
      yield entry.fd;
      if (this.#isOpaque(entry.fd)) return;
    }
  }

  #entry(layer: number, name: string): Entry | undefined {
    const fd = attempt.openat(layer, name, O.PATH | O.NOFOLLOW | O.CLOEXEC, 0);
    if (fd === -E.ENOENT) return undefined;
    if (fd < 0) throw new SyscallError("openat", `layer, ${JSON.stringify(name)}, …`, -fd);
    this.#keep(fd);
    libc.statx(fd, "", AT.EMPTY_PATH, STATX.BASIC_STATS, this.#stat);
    // struct statx, <linux/stat.h>
    const format = this.#fields.getUint16(28, true) & S.IFMT;
    const isWhiteout = format === S.IFCHR && this.#fields.getBigUint64(128, true) === 0n;
    return { fd, format, size: Number(this.#fields.getBigUint64(40, true)), isWhiteout };
  }

  #isOpaque(directory: number): boolean {
    const value = new Uint8Array(1);
    // the dot makes a path of what would be read as the link's own attributes
    const path = `/proc/self/fd/${directory}/.`;
    return OPAQUE.some((name) => attempt.lgetxattr(path, name, value, 1) === 1 && value[0] === 121);
  }

  #readLink(fd: number): string {
    const buffer = new Uint8Array(PATH_MAX);
    const length = libc.readlinkat(fd, "", buffer, buffer.length);
    return new TextDecoder().decode(buffer.subarray(0, length));
  }

  *#openLayers(layers: readonly string[]): Generator<number> {
    for (const path of layers) {
      yield this.#keep(libc.open(path, O.PATH | O.DIRECTORY | O.CLOEXEC, 0));
    }
  }

  #keep(fd: number): number {
    this.#open.push(fd);
    return fd;
  }
}

const KINDS: Record<number, string> = {
  [S.IFCHR]: "a character device",
  [S.IFBLK]: "a block device",
  [S.IFIFO]: "a fifo",
  [S.IFSOCK]: "a socket",
};
