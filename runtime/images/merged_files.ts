/**
 * The files of an image's layers, one layer put on the other, and what each of them changes.
 *
 * OCI image-spec, layer.md, "Applying Changesets".
 *
 * @module
 */

import type { LayerListing, ListedFile } from "./layer_listing.ts";
import { splitPath } from "./layer_tree.ts";

/** What a layer does to one path. */
export interface Change {
  /** Added, changed or deleted, in `docker diff`'s letters. */
  kind: "A" | "C" | "D";
  /** The path, without a slash at its beginning. */
  path: string;
  /** Bytes of content that the layer brings. */
  size: number;
  /** Bytes of content that lower layers brought, and that nobody sees any more. */
  before: number;
}

/** A file with, if it is a directory, what is in it. */
interface Node {
  file: ListedFile;
  children: Map<string, Node>;
}

/** Layers on top of each other. */
export class MergedFiles {
  readonly #top = new Map<string, Node>();

  /** Puts a layer on top. @returns what it changes, by path */
  apply({ files, whiteouts, opaque }: LayerListing): Change[] {
    // What is hidden may be there again in the same layer: then it is changed, not gone.
    const hidden = new Map<string, ListedFile>();
    for (const path of opaque) this.#hide(this.#childrenOf(path), path, hidden);
    for (const path of whiteouts) this.#remove(path, hidden);
    const changes: Change[] = [];
    for (const [path, file] of files) {
      if (path === "") continue;
      const before = this.#put(path, file, hidden) ?? hidden.get(path);
      hidden.delete(path);
      if (before && isSameDirectory(before, file)) continue;
      const kind = before ? "C" : "A";
      changes.push({ kind, path, size: file.size, before: before?.size ?? 0 });
    }
    for (const [path, { size }] of hidden) {
      changes.push({ kind: "D", path, size: 0, before: size });
    }
    return changes.sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** All files with their paths, directories before what is in them. */
  *entries(): Generator<[path: string, file: ListedFile]> {
    const left: [string, Node][] = [...this.#top];
    for (let next; (next = left.pop());) {
      const [path, { file, children }] = next;
      yield [path, file];
      for (const [name, child] of children) left.push([`${path}/${name}`, child]);
    }
  }

  /** Puts a file in its place. @returns what was there */
  #put(path: string, file: ListedFile, hidden: Map<string, ListedFile>): ListedFile | undefined {
    const { parent, name } = splitPath(path);
    const siblings = this.#childrenOf(parent);
    const there = siblings.get(name);
    const isJoined = there?.file.type === "directory" && file.type === "directory";
    if (there && !isJoined) this.#hide(there.children, path, hidden);
    siblings.set(name, { file, children: isJoined ? there.children : new Map() });
    return there?.file;
  }

  #remove(path: string, hidden: Map<string, ListedFile>): void {
    const { parent, name } = splitPath(path);
    const siblings = this.#childrenOf(parent);
    const there = siblings.get(name);
    if (!there) return;
    hidden.set(path, there.file);
    this.#hide(there.children, path, hidden);
    siblings.delete(name);
  }

  /** Takes away everything that is in a directory. */
  #hide(children: Map<string, Node>, path: string, hidden: Map<string, ListedFile>): void {
    const left = [...children].map(([name, node]) =>
      [path === "" ? name : `${path}/${name}`, node] as const
    );
    for (let next; (next = left.pop());) {
      const [at, node] = next;
      hidden.set(at, node.file);
      for (const [name, child] of node.children) left.push([`${at}/${name}`, child]);
    }
    children.clear();
  }

  /** What is in a directory; an empty place for one that no layer has. */
  #childrenOf(path: string): Map<string, Node> {
    let children = this.#top;
    for (const name of path === "" ? [] : path.split("/")) {
      const node = children.get(name);
      if (!node) return new Map();
      children = node.children;
    }
    return children;
  }
}

/** A layer names the directories on the way to what it changes; they are as they were. */
function isSameDirectory(before: ListedFile, file: ListedFile): boolean {
  return before.type === "directory" && file.type === "directory" && before.mode === file.mode &&
    before.uid === file.uid && before.gid === file.gid;
}
