/**
 * The files of directories that overlayfs stacks, in the order of an archive: a container's own
 * changes as a layer has them, or all layers together as the container sees them.
 *
 * What an upper directory takes away is there as a device 0/0 and as an attribute of a directory; in
 * a layer, these are files named `.wh.NAME` and `.wh..wh..opq`. OCI image-spec, layer.md; kernel's
 * Documentation/filesystems/overlayfs.rst.
 *
 * @module
 */

import { MergedTree } from "../merged_tree.ts";
import { MAX_NAME, type TarEntry, TarError } from "./tar_entry.ts";
import { TreeDirectory, type TreeFile } from "./tree_directory.ts";

/** One file of a walk. */
export interface WalkedFile {
  /** What an archive says of it; directories end in a slash, the top is `./`. */
  entry: TarEntry;
  /** Of a regular file, its content: as many bytes as the entry says, or fewer if it has shrunk. */
  content?: () => Generator<Uint8Array<ArrayBuffer>>;
}

/** What is to be said about files that an archive cannot hold. */
export type OnSkipped = (name: string, reason: string) => void;

/** How a walk goes. */
export interface WalkOptions {
  /** Whether overlayfs's own attributes are named `user.overlay.…`, not `trusted.overlay.…`. */
  userxattr: boolean;
  /** Told what is left out. */
  onSkipped?: OnSkipped;
  /** Whether names and metadata are enough: an archive is then written as if all files were empty. */
  isBare?: boolean;
  /** Of layers: the directory to begin at, as a container would find it; else the root. */
  top?: string;
}

/** `.wh.` before a name: it is gone. */
const WHITEOUT = ".wh.";
/** All that lower layers have in this directory is gone. */
const OPAQUE = ".wh..wh..opq";

/** What a layer of an overlay changes: the files of its directory, and the marks for what is gone. */
export function walkChanges(directory: string, options: WalkOptions): Generator<WalkedFile> {
  return walk([directory], true, options);
}

/**
 * The files that a container sees.
 *
 * @param layers the directories that overlayfs stacks, the topmost first
 */
export function walkMerged(
  layers: readonly string[],
  options: WalkOptions,
): Generator<WalkedFile> {
  return walk(layers, false, options);
}

/** A directory whose turn comes: where it is, and the layers that have a part of it, topmost first. */
interface Pending {
  path: string;
  trees: number[];
}

function* walk(
  layers: readonly string[],
  isChange: boolean,
  options: WalkOptions,
): Generator<WalkedFile> {
  const links = new Map<string, string>();
  // Links on the way to a directory lead where they lead in the container.
  using merged = new MergedTree(layers);
  const trees = [...merged.walk(options.top ?? "/").parts ?? []];
  if (trees.length > 0) {
    const top = { path: "", trees };
    using directory = TreeDirectory.open(trees[0], "")!;
    yield { entry: entryOf("./", directory.itself(), options) };
    // Nobody goes down step by step: a container can make a tree that is deeper than a stack.
    const pending: Pending[] = [top];
    for (let next; (next = pending.pop());) {
      const below: Pending[] = [];
      yield* files(next, below, links, isChange, options);
      for (const each of below.reverse()) pending.push(each);
    }
  }
}

/** The files of one directory; those in it that are directories go to `below`. */
function* files(
  { path, trees }: Pending,
  below: Pending[],
  links: Map<string, string>,
  isChange: boolean,
  options: WalkOptions,
): Generator<WalkedFile> {
  const seen = new Map<string, TreeFile>();
  const merged = new Map<string, number[]>();
  for (const tree of trees) {
    const onMounted = () => options.onSkipped?.(path, "another file system is mounted on it");
    using directory = TreeDirectory.open(tree, path, onMounted);
    if (!directory) break;
    const isOpaque = hasMark(directory.itself(), "opaque", options);
    if (isChange && isOpaque) yield { entry: markOf(inside(path, OPAQUE), directory.itself()) };
    for (const name of directory.names()) {
      const above = seen.get(name);
      if (above && above.type !== "directory") continue;
      const file = directory.look(name);
      if (!file) continue;
      if (above) {
        // What stands below something else than a directory is hidden by it.
        if (file.type === "directory") joinUnlessClosed(merged, name, tree, file, options);
        else merged.set(name, [...merged.get(name) ?? [], -1]);
        continue;
      }
      seen.set(name, file);
      const whole = inside(path, name);
      if (isChange && name.startsWith(WHITEOUT)) {
        options.onSkipped?.(whole, "in a layer, its name takes another file away");
        continue;
      }
      if (isWhiteout(file)) {
        if (isChange) yield { entry: markOf(inside(path, WHITEOUT + name), file) };
        continue;
      }
      if (file.type === "directory") {
        joinUnlessClosed(merged, name, tree, file, options);
        yield { entry: entryOf(`${whole}/`, file, options) };
        continue;
      }
      yield* one(directory, name, whole, file, links, options);
    }
    if (isOpaque) break;
  }
  for (const [name, parts] of [...merged].sort(([a], [b]) => a < b ? -1 : 1)) {
    below.push({ path: inside(path, name), trees: parts.filter((tree) => tree >= 0) });
  }
}

/** Adds a layer's part of a directory, unless a layer above has closed it. */
function joinUnlessClosed(
  merged: Map<string, number[]>,
  name: string,
  tree: number,
  file: TreeFile,
  options: WalkOptions,
): void {
  const parts = merged.get(name) ?? [];
  if (parts.includes(-1)) return;
  merged.set(name, hasMark(file, "opaque", options) ? [...parts, tree, -1] : [...parts, tree]);
}

/** Something that is no directory: a file, the second name of one, a link, a device. */
function* one(
  directory: TreeDirectory,
  name: string,
  whole: string,
  file: TreeFile,
  links: Map<string, string>,
  options: WalkOptions,
): Generator<WalkedFile> {
  if (file.type === "socket") return options.onSkipped?.(whole, "it is a socket");
  const entry = entryOf(whole, file, options);
  const first = file.links > 1 ? links.get(file.inode) : undefined;
  if (first !== undefined) {
    yield { entry: { ...entry, type: "hardlink", linkname: first, size: 0, xattrs: undefined } };
    return;
  }
  if (file.links > 1) links.set(file.inode, whole);
  if (file.type !== "file") return yield { entry };
  yield { entry, content: () => directory.content(name, file.size) };
}

/** What an archive says of a file. @throws {TarError} for one that no archive of ours may have */
export function entryOf(name: string, file: TreeFile, options: WalkOptions): TarEntry {
  if (name.length >= MAX_NAME) {
    throw new TarError(
      `its path is longer than ${MAX_NAME - 1} bytes, which no layer may have`,
      name,
    );
  }
  // With redirects a directory's files are those of another one below; with metacopy, a file's
  // content is. Both are off unless the overlay module's parameters say otherwise.
  for (const mark of ["redirect", "metacopy"]) {
    if (!hasMark(file, mark, options)) continue;
    throw new TarError(
      `overlayfs keeps a part of it elsewhere (${mark}): ` +
        `echo N >/sys/module/overlay/parameters/${mark === "redirect" ? "redirect_dir" : mark}`,
      name,
    );
  }
  const { links: _, inode: __, xattrs, type, ...rest } = file;
  return { ...rest, name, type: type as TarEntry["type"], xattrs: ownAttributes(xattrs) };
}

/** The entry that stands for what is gone. */
function markOf(name: string, { mtime, mtimeNanoseconds }: TreeFile): TarEntry {
  const nobody = { uid: 0, gid: 0, size: 0, linkname: "", major: 0, minor: 0 };
  return { ...nobody, name, type: "file", mode: 0, mtime, mtimeNanoseconds };
}

/** The attributes that belong to the file: not overlayfs's, nor the label of this machine's policy. */
function ownAttributes(xattrs: TreeFile["xattrs"]): TreeFile["xattrs"] {
  const own = [...xattrs ?? []].filter(([name]) => {
    // A PAX record's key ends at the first equals sign.
    if (name.includes("=")) return false;
    return !/^(trusted|user)\.overlay\./.test(name) && name !== "security.selinux";
  });
  return own.length > 0 ? new Map(own.sort(([a], [b]) => a < b ? -1 : 1)) : undefined;
}

function hasMark({ xattrs }: TreeFile, mark: string, { userxattr }: WalkOptions): boolean {
  return xattrs?.has(`${userxattr ? "user" : "trusted"}.overlay.${mark}`) ?? false;
}

function isWhiteout({ type, major, minor }: TreeFile): boolean {
  return type === "chardev" && major === 0 && minor === 0;
}

function inside(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}
