/**
 * Places to mount on, made inside the container's new root.
 *
 * All of this runs after pivot_root(2): a symbolic link in a hostile image can lead anywhere in the
 * container's own tree, and nowhere else, because nothing else is there any more. The one way back
 * would be a descriptor of the host's, through `/proc/self/fd`; they were all closed at the start.
 *
 * @module
 */

import { AT, O, S } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";

/** Makes the directories that lead to `path`, except the last component: `/a` and `/a/b` of `/a/b/c`. */
export function makeParents(program: Program, path: string, made: Set<string>): void {
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    makeDirectory(program, path.slice(0, end), made);
  }
}

/** Makes a directory where there is none; `made` remembers what this program has seen to already. */
export function makeDirectory(program: Program, path: string, made: Set<string>): void {
  if (path === "/" || made.has(path)) return;
  made.add(path);
  program.call("a place to mount on, where the image has none", { allow: ["EEXIST"] })
    .mkdir(path, 0o755);
}

/** Makes a directory and all that lead to it. */
export function makeDirectories(program: Program, path: string, made: Set<string>): void {
  makeParents(program, path, made);
  makeDirectory(program, path, made);
}

/** Makes an empty file to mount a file on, where nobody can have put a link. */
export function makePlainFile(program: Program, path: string, made: Set<string>): void {
  makeParents(program, path, made);
  program.call("an empty file to mount on: mknod(2) makes one in a single call", {
    allow: ["EEXIST"],
  }).mknod(path, S.IFREG | 0o644, 0);
}

/**
 * Makes an empty file to mount a file on, in the image's own tree.
 *
 * Where an image has a link that leads nowhere, as /etc/resolv.conf does in some, it makes room.
 */
export function makeFile(program: Program, path: string, made: Set<string>): void {
  makePlainFile(program, path, made);
  const there = program.label();
  program.call("it is there, unless it is a link that leads nowhere", {
    allow: ["ENOENT"],
    onSuccess: there,
  }).access(path, 0);
  program.call("such a link makes room").unlinkat(AT.FDCWD, path, 0);
  program.call("for a file to mount on").mknod(path, S.IFREG | 0o644, 0);
  program.place(there);
}

/**
 * Refuses a symbolic link where a file system of the kernel's is about to be mounted.
 *
 * An image whose `/proc` is a link would get its proc elsewhere, and the paths to be masked would
 * be masked in the wrong place.
 */
export function refuseLink(program: Program, path: string): void {
  const fd = program.call(
    `${path} must be a directory of its own, not a link that an image planted`,
    {
      name: "directory",
    },
  ).open(path, O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC, 0);
  program.call("only the check was wanted").close(fd);
}
