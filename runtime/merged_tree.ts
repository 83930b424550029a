/**
 * A container's files, looked at from outside: the layers of an image as overlayfs would merge them,
 * or the one root directory of a container that is there.
 *
 * Every step takes one name in one layer's directory and follows no link: links are followed here,
 * over all layers, as the kernel will do it in the mount. So nothing in an image leads outside it.
 * Kernel's Documentation/filesystems/overlayfs.rst, "Upper and Lower" and "whiteouts and opaque
 * directories".
 *
 * @module
 */

import { AT, O, S, STATX } from "../ffi/constants.ts";
import { E, SyscallError } from "../ffi/errno.ts";
import { attempt, libc } from "../ffi/libc.ts";

/** As many links as path_resolution(7) allows on one way. */
const MOST_LINKS = 40;
const PATH_MAX = 4096;

/** Whether a directory is opaque; the second name is for mounts with the option `userxattr`. */
const OPAQUE = ["trusted.overlay.opaque", "user.overlay.opaque"];

/** Something in the tree, as the topmost layer has it. */
export interface Place {
  /** where it is, with all links resolved */
  path: string;
  /** a descriptor of it, open for O_PATH until the tree is disposed of */
  fd: number;
  /** type and permissions, as in inode(7) */
  mode: number;
  /** its owner */
  uid: number;
  /** its group */
  gid: number;
  /** bytes */
  size: number;
  /** of a symbolic link, where it leads */
  target?: string;
}

/** What lies on a path. */
export interface Way {
  /** the directories that were entered, without the root, and the links that were followed */
  passed: Place[];
  /** what is at the end; nothing where the way breaks off */
  end?: Place;
  /** of a directory at the end: what it is merged of, topmost first, each open for O_PATH */
  parts?: Iterable<number>;
  /** where the way breaks off, and why */
  broken?: { path: string; reason: "missing" | "no directory" | "circle" };
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

/** What a name stands for: a place, and a directory to go on from. */
interface Child {
  place: Place;
  merged?: Merged;
}

/** A file of an image that is not what it should be; the message names it. */
export class ImageFileError extends Error {
  /** The class's name, for messages. */
  override name = "ImageFileError";
}

/** The merged tree; disposing of it closes its descriptors. */
export class MergedTree implements Disposable {
  readonly #root: Merged;
  readonly #known = new Map<Merged, Map<string, Child | undefined>>();
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
    const { end, broken } = this.walk(path);
    if (broken?.reason === "circle") {
      throw new ImageFileError(`the image's ${path} leads through a circle of symbolic links`);
    }
    if (!end) return undefined;
    const kind = kindOf(end);
    if (kind !== "regular file") {
      throw new ImageFileError(`the image's ${path} is a ${kind}, not a regular file`);
    }
    if (end.size <= limit) return this.read(end, end.size);
    throw new ImageFileError(
      `the image's ${path} has ${end.size} bytes, more than the ${limit} allowed here`,
    );
  }

  /** The beginning of a regular file that was found; anything else must not be opened. */
  read({ fd }: Place, length: number): Uint8Array {
    // by the descriptor of what was looked at: the file of that name can be another one by now
    const flags = O.RDONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC;
    const file = this.#keep(libc.open(`/proc/self/fd/${fd}`, flags, 0));
    const bytes = new Uint8Array(length);
    let at = 0;
    for (let n = 1; n > 0 && at < length; at += n) {
      n = libc.read(file, bytes.subarray(at), length - at);
    }
    return bytes.subarray(0, at);
  }

  /** Goes along a path to its end, over links as well. @param path absolute */
  walk(path: string): Way {
    const passed: Place[] = [];
    const entered: { merged: Merged; place?: Place }[] = [{ merged: this.#root }];
    let names = path.split("/");
    let links = 0;
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (entered.length > 1) entered.pop();
        continue;
      }
      const here = entered[entered.length - 1];
      const child = this.#child(here.merged, name, here.place?.path ?? "");
      if (!child) {
        const broken = { path: `${here.place?.path ?? ""}/${name}`, reason: "missing" } as const;
        return { passed, broken };
      }
      const { place, merged } = child;
      if (merged) {
        passed.push(place);
        entered.push({ merged, place });
      } else if (place.target !== undefined) {
        passed.push(place);
        if (++links > MOST_LINKS) {
          return { passed, broken: { path: place.path, reason: "circle" } };
        }
        // such as /proc/self, which leads nowhere for who is not in that pid namespace
        if (place.target === "") return { passed, broken: { path: place.path, reason: "missing" } };
        if (place.target.startsWith("/")) entered.length = 1;
        names = [...place.target.split("/"), ...names];
      } else if (names.length > 0) {
        return { passed, broken: { path: place.path, reason: "no directory" } };
      } else {
        return { passed, end: place };
      }
    }
    const { place, merged } = entered.at(-1)!;
    return { passed, end: place ?? this.#rootPlace(), parts: merged.layers() };
  }

  #rootPlace(): Place | undefined {
    for (const fd of this.#root.layers()) return { path: "/", fd, ...this.#look(fd) };
  }

  /** What a name is in a directory, whose path is given. */
  #child(parent: Merged, name: string, path: string): Child | undefined {
    let known = this.#known.get(parent);
    if (!known) this.#known.set(parent, known = new Map());
    if (!known.has(name)) known.set(name, this.#find(parent, name, `${path}/${name}`));
    return known.get(name);
  }

  #find(parent: Merged, name: string, path: string): Child | undefined {
    const layers = parent.layers();
    for (let next = layers.next(); !next.done; next = layers.next()) {
      const fd = this.#openName(next.value, name);
      if (fd === undefined) continue;
      const place: Place = { path, fd, ...this.#look(fd) };
      const format = place.mode & S.IFMT;
      if (format === S.IFDIR) {
        return { place, merged: new Merged(this.#directories(fd, layers, name)) };
      }
      if (format === S.IFLNK) place.target = this.#readLink(fd);
      else if (this.#isWhiteout()) return undefined;
      return { place };
    }
  }

  /** The directories of a name that are merged: down to an opaque one, or to what hides the rest. */
  *#directories(top: number, below: Iterable<number>, name: string): Generator<number> {
    yield top;
    if (this.#isOpaque(top)) return;
    for (const layer of below) {
      const fd = this.#openName(layer, name);
      if (fd === undefined) continue;
      if ((this.#look(fd).mode & S.IFMT) !== S.IFDIR) return;
      yield fd;
      if (this.#isOpaque(fd)) return;
    }
  }

  #openName(layer: number, name: string): number | undefined {
    const fd = attempt.openat(layer, name, O.PATH | O.NOFOLLOW | O.CLOEXEC, 0);
    if (fd === -E.ENOENT) return undefined;
    if (fd < 0) throw new SyscallError("openat", `layer, ${JSON.stringify(name)}, …`, -fd);
    return this.#keep(fd);
  }

  /** struct statx, <linux/stat.h> */
  #look(fd: number): Pick<Place, "mode" | "uid" | "gid" | "size"> {
    libc.statx(fd, "", AT.EMPTY_PATH, STATX.BASIC_STATS, this.#stat);
    return {
      mode: this.#fields.getUint16(28, true),
      uid: this.#fields.getUint32(20, true),
      gid: this.#fields.getUint32(24, true),
      size: Number(this.#fields.getBigUint64(40, true)),
    };
  }

  /** Whether what was looked at last is overlayfs's mark for "nothing, whatever is below". */
  #isWhiteout(): boolean {
    const format = this.#fields.getUint16(28, true) & S.IFMT;
    return format === S.IFCHR && this.#fields.getBigUint64(128, true) === 0n;
  }

  #isOpaque(directory: number): boolean {
    const value = new Uint8Array(1);
    // the dot makes a path of what would be read as the link's own attributes
    const path = `/proc/self/fd/${directory}/.`;
    return OPAQUE.some((name) => attempt.lgetxattr(path, name, value, 1) === 1 && value[0] === 121);
  }

  #readLink(fd: number): string {
    const buffer = new Uint8Array(PATH_MAX);
    const length = attempt.readlinkat(fd, "", buffer, buffer.length);
    return new TextDecoder().decode(buffer.subarray(0, Math.max(length, 0)));
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
  [S.IFREG]: "regular file",
  [S.IFDIR]: "directory",
  [S.IFLNK]: "symbolic link",
  [S.IFCHR]: "character device",
  [S.IFBLK]: "block device",
  [S.IFIFO]: "fifo",
  [S.IFSOCK]: "socket",
};

/** What kind of file it is, in words. */
export function kindOf({ mode }: Place): string {
  return KINDS[mode & S.IFMT];
}
