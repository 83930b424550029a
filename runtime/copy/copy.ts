/**
 * Files copied into a container and out of it, by the rules of `docker cp`: what the end of a path
 * means, where a copy goes, and what it is called there.
 *
 * @module
 */

import { archive } from "../images/diff_layer.ts";
import { pathInLayer } from "../images/layer_tree.ts";
import { TarReader } from "../images/tar.ts";
import { TreeDirectory } from "../images/tree_directory.ts";
import { entryOf, type WalkedFile, walkMerged } from "../images/tree_walk.ts";
import { CopyError, type Located, type Side } from "./side.ts";
import { CopyWriter, type WriterOptions } from "./writer.ts";

/** What is copied, and where to. */
export interface CopyPath {
  /** the tree */
  side: Side;
  /** an absolute path in it; a slash at its end, or a slash and a dot, has a meaning */
  path: string;
}

/** How it is copied. */
export interface CopyOptions extends Omit<WriterOptions, "top"> {
  /** whether a link that is to be copied stands for what it leads to */
  follows?: boolean;
}

/** Copies a file, or a directory with all that is in it. @throws {CopyError} for what cannot be */
export function copy(source: CopyPath, target: CopyPath, options: CopyOptions): void {
  const from = find(source, options.follows ?? false);
  const isDirectory = from.file.type === "directory";
  const { base, top } = isDirectory
    ? placeOfDirectory(source.path, from, target)
    : placeOfFile(from, target);
  const writer = new CopyWriter(base, { ...options, top });
  for (const { entry, content } of filesOf(source, from, options)) {
    // a single file is its own top, and has no other name
    writer.entry(isDirectory ? entry : { ...entry, name: "." });
    let left = entry.size;
    for (const piece of content?.() ?? []) {
      left -= piece.length;
      writer.data(piece);
    }
    if (left > 0) options.onSkipped?.(entry.name, `its last ${left} bytes went while it was read`);
    writer.close();
  }
  writer.finish();
}

/** A file or directory as a tar. @throws {CopyError} where there is none */
export function copyToTar(source: CopyPath, options: CopyOptions): Generator<Uint8Array> {
  const from = find(source, options.follows ?? false);
  const files = filesOf(source, from, options);
  const walk = { userxattr: false, onSkipped: options.onSkipped };
  if (from.file.type !== "directory" || contentsOnly(source.path)) return archive(files, walk);
  return archive(named(files, from.name), walk);
}

/** Unpacks a tar into a directory. @throws {CopyError} where that is no directory */
export async function copyFromTar(
  tar: AsyncIterable<Uint8Array>,
  { side, path }: CopyPath,
  options: CopyOptions,
): Promise<void> {
  const writer = new CopyWriter(side.directory(path), options);
  const reader = new TarReader(writer);
  for await (const bytes of tar) reader.write(bytes);
  reader.finish();
  writer.finish();
}

type Found = Located & { file: NonNullable<Located["file"]> };

function find({ side, path }: CopyPath, follows: boolean): Found {
  const found = side.locate(path, follows || path.endsWith("/"));
  if (!found.file) throw new CopyError(`${path}: there is no such file or directory`);
  if (path.endsWith("/") && found.file.type !== "directory") {
    throw new CopyError(`${path}: this is not a directory`);
  }
  return found as Found;
}

/** `dir/.` stands for what is in it. */
function contentsOnly(path: string): boolean {
  return path.endsWith("/.") || path === "/";
}

/** The directory that a directory's files go to, and the name that they go below there. */
function placeOfDirectory(source: string, from: Found, { side, path }: CopyPath) {
  const to = side.locate(path, true);
  if (!to.file) return { base: to.parent, top: to.name };
  if (to.file.type !== "directory") {
    throw new CopyError(`${path}: a directory cannot be copied onto a file`);
  }
  const base = side.directory(path);
  return contentsOnly(source) || from.name === "." ? { base } : { base, top: from.name };
}

function placeOfFile(from: Found, { side, path }: CopyPath) {
  const to = side.locate(path, true);
  if (to.file?.type === "directory") return { base: side.directory(path), top: from.name };
  if (path.endsWith("/")) throw new CopyError(`${path}: there is no such directory`);
  return { base: to.parent, top: to.name };
}

function* filesOf({ side, path }: CopyPath, from: Found, options: CopyOptions) {
  const { parent, name, file } = from;
  const walk = { userxattr: false, onSkipped: options.onSkipped };
  if (file.type === "directory") {
    return yield* walkMerged([`/proc/self/fd/${side.directory(path)}`], walk);
  }
  if (file.type === "socket") throw new CopyError(`${path}: a socket cannot be copied`);
  using directory = TreeDirectory.open(parent, ".")!;
  const one: WalkedFile = { entry: entryOf(name, file, walk) };
  if (file.type === "file") one.content = () => directory.content(name, file.size);
  yield one;
}

/** The same files below a directory of this name. */
function* named(files: Iterable<WalkedFile>, top: string): Generator<WalkedFile> {
  const below = (name: string) => `${top}/${pathInLayer(name)}`;
  for (const { entry, content } of files) {
    const { name, linkname, type } = entry;
    const isDirectory = type === "directory" && pathInLayer(name) !== "";
    yield {
      entry: {
        ...entry,
        name: below(name) + (isDirectory ? "/" : ""),
        linkname: type === "hardlink" ? below(linkname) : linkname,
      },
      content,
    };
  }
}
