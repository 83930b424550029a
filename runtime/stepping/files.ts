/**
 * The file that a call is about, as it is at this moment.
 *
 * Paths are resolved in the root directory of whoever makes the call, which may be an image's, with
 * links that were planted: openat2(2) keeps them inside, and nothing but a regular file is opened.
 *
 * @module
 */

import { AT, O, RESOLVE, S, STATX } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import type { Program, Step } from "../../ffi/program.ts";
import { openHow } from "../../ffi/structs.ts";
import type { Who } from "./look.ts";
import { originOf } from "./questions.ts";

/** How much of a file's content is shown. */
const SHOWN = 200;

/** What the kernel says of the files that a call names, by their paths; absent ones are left out. */
export function lookAtFiles(who: Who, program: Program, step: Step): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of pathsOf(program, step)) {
    const what = describe(who, path);
    if (what === undefined) continue;
    found.set(path, what.kind);
    // a name that is changed leaves the content as it is
    if (what.content && step.name !== "renameat") found.set(`content of ${path}`, what.content);
  }
  return found;
}

/** The paths that a call makes, changes or removes something at. */
function pathsOf(program: Program, step: Step): string[] {
  const { name, args } = step;
  const text = (...places: number[]) =>
    places.flatMap((place) => typeof args[place] === "string" ? [args[place]] : []);
  switch (name) {
    case "mkdir":
    case "mknod":
    case "rmdir":
    case "chmod":
    case "chown":
    case "open":
      return text(0);
    case "symlink":
    case "unlinkat":
    case "mkdirat":
    case "mknodat":
    case "fchmodat":
    case "fchownat":
      return text(1);
    case "renameat":
      return text(1, 3);
    case "write": {
      const path = originOf(program, args[0])?.args[0];
      return typeof path === "string" ? [readable(path)] : [];
    }
    default:
      return [];
  }
}

/** Where the kernel shows what was written into a file that cannot be read: the version 1 devices. */
function readable(path: string): string {
  return path.replace(/\/devices\.(allow|deny)$/, "/devices.list");
}

/** `struct statx`: where its parts are, statx(2). */
const STAT = { size: 256, uid: 20, gid: 24, mode: 28, length: 40, major: 128, minor: 132 } as const;

/** A file in words; of a regular one, its beginning as well. */
interface Description {
  kind: string;
  content?: string;
}

function describe(who: Who, path: string): Description | undefined {
  // /proc/self is another one for whoever reads it; what is below it has sections of its own
  if (path.startsWith("/proc/")) return undefined;
  const base = path.startsWith("/") ? "root" : "cwd";
  const directory = attempt.open(`/proc/${who}/${base}`, O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
  if (directory < 0) return undefined;
  const how = openHow({
    flags: O.PATH | O.NOFOLLOW | O.CLOEXEC,
    // a relative path of the parent's own may lead upwards
    resolve: base === "root" ? RESOLVE.IN_ROOT : RESOLVE.NO_MAGICLINKS,
  });
  const file = attempt.openat2(directory, path, how, how.bytes.length);
  attempt.close(directory);
  if (file < 0) return undefined;
  try {
    return describeOpen(file);
  } finally {
    attempt.close(file);
  }
}

function describeOpen(file: number): Description | undefined {
  const stat = new Uint8Array(STAT.size);
  if (attempt.statx(file, "", AT.EMPTY_PATH, STATX.BASIC_STATS, stat) < 0) return undefined;
  const view = new DataView(stat.buffer);
  const mode = view.getUint16(STAT.mode, true);
  const size = view.getUint32(STAT.length, true);
  const owner = `${view.getUint32(STAT.uid, true)}:${view.getUint32(STAT.gid, true)}`;
  const rights = `mode 0${(mode & 0o7777).toString(8)}, owner ${owner}`;
  const device = `${view.getUint32(STAT.major, true)}:${view.getUint32(STAT.minor, true)}`;
  const kind = () => {
    switch (mode & S.IFMT) {
      case S.IFDIR:
        return "directory";
      case S.IFREG:
        return size > 0 ? `file of ${size} bytes` : "file";
      case S.IFLNK:
        return `link to ${targetOf(file)}`;
      case S.IFCHR:
        return `character device ${device}`;
      case S.IFBLK:
        return `block device ${device}`;
      default:
        return "special file";
    }
  };
  const content = (mode & S.IFMT) === S.IFREG ? contentOf(file) : undefined;
  return { kind: `${kind()}, ${rights}`, content };
}

/** The beginning of a regular file; the kernel's own have no size before they are read. */
function contentOf(file: number): string | undefined {
  const open = attempt.open(
    `/proc/self/fd/${file}`,
    O.RDONLY | O.NONBLOCK | O.NOCTTY | O.CLOEXEC,
    0,
  );
  if (open < 0) return undefined;
  const buffer = new Uint8Array(SHOWN);
  const count = attempt.read(open, buffer, SHOWN);
  attempt.close(open);
  return new TextDecoder().decode(buffer.subarray(0, Math.max(count, 0))) || undefined;
}

function targetOf(link: number): string {
  const buffer = new Uint8Array(4096);
  const count = attempt.readlinkat(link, "", buffer, buffer.length);
  return new TextDecoder().decode(buffer.subarray(0, Math.max(count, 0)));
}
