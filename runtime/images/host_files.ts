/**
 * Files of this machine, gathered with every link and directory that a path to them goes through,
 * so that the same paths lead to the same files in an image.
 *
 * Whether /bin is a directory or a link to /usr/bin, whether /usr/bin/awk leads through
 * /etc/alternatives or a program lives in /nix/store: it comes along as it is.
 *
 * @module
 */

import { encodeHeader, END_OF_ARCHIVE, padding } from "./tar_writer.ts";

/** One path of the image. */
export interface HostFile {
  /** What it is. */
  type: "directory" | "symlink" | "file" | "hardlink";
  /** Permissions. */
  mode: number;
  /** Seconds since 1970. */
  mtime: number;
  /** What a symbolic link says; the path that a hard link shares its file with. */
  target?: string;
  /** The file's content: bytes, or a path of this machine to read them from. */
  content?: Uint8Array | string;
}

/** A tree of files, by their absolute paths. */
export class HostFiles {
  readonly #files = new Map<string, HostFile>();
  readonly #inodes = new Map<string, string>();
  /** The youngest of the files that were gathered, in seconds since 1970. */
  newest = 0;

  /**
   * Adds what is at a path of this machine.
   *
   * @returns the path of the file that all the links lead to
   * @throws {Deno.errors.NotFound} if there is nothing, or a link to nothing
   * @throws {Deno.errors.PermissionDenied} if it may not be read
   */
  add(path: string): string {
    let parts = split(path);
    let current = "";
    for (let links = 0; parts.length > 0;) {
      const next = `${current}/${parts[0]}`;
      const info = Deno.lstatSync(next);
      if (!info.isSymlink) {
        this.#addReal(next, info);
        current = next;
        parts = parts.slice(1);
        continue;
      }
      if (++links > 40) throw new Deno.errors.FilesystemLoop(`${path}: too many symbolic links`);
      const target = Deno.readLinkSync(next);
      this.put(next, { type: "symlink", mode: 0o777, mtime: timeOf(info), target });
      // The target's `..` are those of a real directory, which `current` is.
      const from = target.startsWith("/") ? [] : split(current);
      parts = resolve([...from, ...split(target), ...parts.slice(1)]);
      current = "";
    }
    return current || "/";
  }

  /** Adds a file that this machine need not have, with the directories that it is in. */
  put(path: string, file: HostFile): void {
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (parent !== "" && !this.#files.has(parent)) {
      this.put(parent, { type: "directory", mode: 0o755, mtime: 0 });
    }
    this.#files.set(path, file);
  }

  /** Whether there is anything at the path. */
  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** The tree as a tar archive: sorted, owned by root, the same bytes for the same files. */
  *archive(): Generator<Uint8Array> {
    yield encodeHeader({ name: "./", type: "directory", mtime: this.newest });
    const byName = [...this.#files].sort(([a], [b]) => a < b ? -1 : 1);
    for (const [path, file] of byName) {
      const { type, mode, target = "" } = file;
      const data = typeof file.content === "string"
        ? Deno.readFileSync(file.content)
        : file.content;
      const size = data?.length ?? 0;
      const name = path.slice(1) + (type === "directory" ? "/" : "");
      const linkname = type === "hardlink" ? target.slice(1) : target;
      const mtime = file.mtime || this.newest;
      yield encodeHeader({ name, type, mode, mtime, linkname, size });
      if (!data) continue;
      yield data;
      yield padding(size);
    }
    yield END_OF_ARCHIVE;
  }

  #addReal(path: string, info: Deno.FileInfo): void {
    if (this.#files.has(path)) return;
    const mtime = timeOf(info);
    if (info.isDirectory) {
      return this.put(path, { type: "directory", mode: 0o755, mtime: 0 });
    }
    if (!info.isFile) throw new Deno.errors.NotSupported(`${path} is not a regular file`);
    Deno.openSync(path).close(); // that it can be read is better known now than half-way through
    this.newest = Math.max(this.newest, mtime);
    // Set-uid is left behind: who runs in the container is root already, or must not become it.
    const mode = (info.mode! & 0o111) ? 0o755 : 0o644;
    const inode = `${info.dev}:${info.ino}`;
    const target = this.#inodes.get(inode);
    // A hard link must come after the file that it links to, and the archive is sorted by name.
    if (target !== undefined && target < path) {
      return this.put(path, { type: "hardlink", mode, mtime, target });
    }
    if (target === undefined) this.#inodes.set(inode, path);
    this.put(path, { type: "file", mode, mtime, content: path });
  }
}

function timeOf(info: Deno.FileInfo): number {
  return Math.floor((info.mtime?.getTime() ?? 0) / 1000);
}

function split(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function resolve(parts: string[]): string[] {
  const resolved: string[] = [];
  for (const part of parts) {
    if (part === "..") resolved.pop();
    else resolved.push(part);
  }
  return resolved;
}
