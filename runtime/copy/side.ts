/**
 * One side of a copy: a tree of files, and paths in it that lead nowhere else.
 *
 * A container's tree may change while it is looked at, and its links may lead anywhere. Every path is
 * resolved by the kernel with openat2(2) as if the tree were all that there is: RESOLVE_IN_ROOT; what
 * it leads to is held by a descriptor.
 *
 * @module
 */

import { O, RESOLVE } from "../../ffi/constants.ts";
import { E, SyscallError } from "../../ffi/errno.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { openHow } from "../../ffi/structs.ts";
import { lockContainer } from "../container_lock.ts";
import { type ContainerInfo, inspectContainer } from "../containers.ts";
import { nameArgument } from "../images/names.ts";
import { TreeDirectory, type TreeFile } from "../images/tree_directory.ts";
import { isAlive } from "../processes.ts";

const IN_ROOT = openHow({
  flags: O.PATH | O.DIRECTORY | O.CLOEXEC,
  resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS,
});

/** As many links as path_resolution(7) allows on one way. */
const MOST_LINKS = 40;

/** What cannot be copied; the message says what is wrong with which path. */
export class CopyError extends Error {
  /** always `"CopyError"` */
  override name = "CopyError";
}

/** What a path leads to. */
export interface Located {
  /** a descriptor of the directory that it is in, open until the side is disposed of */
  parent: number;
  /** its name there; `.` for the root */
  name: string;
  /** what it is; nothing where there is nothing yet */
  file?: TreeFile;
}

/** A tree. */
export class Side implements Disposable {
  readonly #open: number[] = [];

  /** Takes charge of a tree. @param root a descriptor of its top, which it closes */
  constructor(private readonly root: number, private readonly onClose: () => void = () => {}) {
    this.#open.push(root);
  }

  /** Closes everything. */
  [Symbol.dispose](): void {
    for (const fd of this.#open) attempt.close(fd);
    this.onClose();
  }

  /** Opens a directory. @throws {CopyError} where there is none */
  directory(path: string): number {
    for (let tries = 0;; tries++) {
      const fd = attempt.openat2(this.root, nameArgument(path), IN_ROOT, IN_ROOT.bytes.length);
      // the kernel cannot rule out that a `..` escaped while anything was renamed on this machine
      if (fd === -E.EAGAIN && tries < 100) continue;
      if (fd === -E.ENOENT) throw new CopyError(`${path}: there is no such directory`);
      if (fd === -E.ENOTDIR) throw new CopyError(`${path}: this is not a directory`);
      if (fd < 0) throw new SyscallError("openat2", JSON.stringify(path), -fd);
      this.#open.push(fd);
      return fd;
    }
  }

  /**
   * Finds what a path leads to.
   *
   * @param follows whether a link at its end is followed
   * @throws {CopyError} where the directory that it should be in is not there
   */
  locate(path: string, follows: boolean): Located {
    for (let links = 0; links <= MOST_LINKS; links++) {
      const slash = path.replace(/\/+$/, "").lastIndexOf("/");
      const name = path.replace(/\/+$/, "").slice(slash + 1);
      const isWhole = name === "" || name === "." || name === "..";
      const above = isWhole ? path || "/" : path.slice(0, slash + 1) || "/";
      const parent = this.directory(above);
      using directory = TreeDirectory.open(parent, ".")!;
      if (isWhole) return { parent, name: ".", file: directory.itself() };
      const file = directory.look(name);
      if (!follows || file?.type !== "symlink") return { parent, name, file };
      const { linkname } = file;
      path = linkname.startsWith("/") ? linkname : `${above}${linkname}`;
    }
    throw new CopyError(`${path}: its symbolic links go round in a circle`);
  }
}

/** The host's tree. */
export function hostSide(): Side {
  return new Side(libc.open("/", O.PATH | O.DIRECTORY | O.CLOEXEC, 0));
}

/** A container's tree, as it sees it while it runs, or would. */
export async function containerSide(dataRoot: string, info: ContainerInfo): Promise<Side> {
  if (info.process) {
    const root = rootOf(info.process.pid);
    const isThere = isAlive(info.process);
    if (root >= 0 && isThere) return new Side(root);
    if (root >= 0) attempt.close(root);
    // of a process that is ending, ENOENT and EACCES say nothing about rights
    if (isThere && root !== -E.ENOENT) throw denied(info, root);
  }
  // nobody shall start it while its files are mounted here
  const lock = await lockContainer(dataRoot, info.id);
  const now = inspectContainer(dataRoot, info.id);
  if (now?.process) {
    lock?.[Symbol.dispose]();
    return await containerSide(dataRoot, now);
  }
  try {
    if (!now) throw new CopyError(`${info.id.slice(0, 12)} was removed meanwhile`);
    const { standIn } = await import("./stand_in.ts");
    const stand = await standIn(dataRoot, now);
    const root = rootOf(stand.pid);
    if (root < 0) {
      stand[Symbol.dispose]();
      throw denied(info, root);
    }
    return new Side(root, () => {
      stand[Symbol.dispose]();
      lock?.[Symbol.dispose]();
    });
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw error;
  }
}

function rootOf(pid: number): number {
  return attempt.open(`/proc/${pid}/root`, O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
}

function denied({ id }: ContainerInfo, result: number): Error {
  return new SyscallError("open", `the root of ${id.slice(0, 12)}`, -result);
}
