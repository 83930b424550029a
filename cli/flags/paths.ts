/**
 * Paths in flags: those of the host's that must be there, and those in the container.
 *
 * @module
 */

import { wrongValue } from "./grammar.ts";

/** The kind of file at a path of the host's; undefined where there is none. */
export function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    throw error;
  }
}

/** A path of the host's, made absolute. */
export function hostPath(path: string): string {
  return normalize(path.startsWith("/") ? path : `${Deno.cwd()}/${path}`);
}

/**
 * An absolute path without `.`, `..` and doubled slashes, by its text alone.
 *
 * `@std/path` does the same. Loading it takes 2 ms of a start that takes 20, and the npm registry
 * the first time; a test compares the two.
 */
export function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** A directory of the host's that is there, as an absolute path. */
export function existingDirectory(flag: string, path: string): string {
  const stat = path === "" ? undefined : statOf(path);
  if (!stat) throw wrongValue(flag, path, "is not there");
  if (!stat.isDirectory) throw wrongValue(flag, path, "is not a directory");
  return hostPath(path);
}

/** A file of the host's, as text. */
export function readFile(flag: string, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof TypeError) throw wrongValue(flag, path, "is not text in UTF-8");
    if (error instanceof Deno.errors.NotFound) throw wrongValue(flag, path, "is not there");
    if (error instanceof Deno.errors.IsADirectory) throw wrongValue(flag, path, "is a directory");
    throw error;
  }
}

/** A path in the container, without what says nothing in it. */
export function containerPath(flag: string, path: string): string {
  if (!path.startsWith("/")) throw wrongValue(flag, path, "is not an absolute path");
  return normalize(path);
}
