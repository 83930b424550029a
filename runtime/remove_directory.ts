/**
 * Files removed: one that may be there, and a container's directory with all that it has written.
 *
 * @module
 */

import { later } from "./later.ts";
import { isErrno } from "../ffi/errno.ts";

/** Removes a file, if it is there. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Removes a container's directory with all that the container has written.
 *
 * Deno's own removal is quick and goes down step by step, so it gets small trees alone: a hostile
 * one would be too deep for its stack, and end each command that tries. What an ordinary user's
 * container leaves of its other ids is removed by root of a user namespace.
 *
 * @param isOurs whether a container has had no hand in what is in it
 */
export async function removeDirectory(directory: string, isOurs = false): Promise<void> {
  try {
    // in a user namespace overlayfs leaves directories in work/ that only root can go through
    const isRoot = Deno.uid() === 0;
    if ((isOurs && isRoot) || isSmall(directory, { directories: 32 })) {
      return Deno.removeSync(directory, { recursive: true });
    }
    const { removeTree } = await later<typeof import("./remove_tree.ts")>(
      import.meta,
      "./remove_tree.ts",
    );
    return removeTree(directory);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!isErrno(error, "EACCES", "EPERM")) throw error;
    const [{ runInUserNamespace }, { hostIdentity }] = await Promise.all([
      later<typeof import("./user_namespace.ts")>(import.meta, "./user_namespace.ts"),
      later<typeof import("./rootless.ts")>(import.meta, "./rootless.ts"),
    ]);
    const status = await runInUserNamespace(
      hostIdentity(),
      ["/bin/rm", "-rf", "--", directory],
      [],
    );
    if (status !== 0) throw error;
  }
}

/** Whether a tree has so few directories that it cannot be deep, and all of them can be read. */
function isSmall(directory: string, left: { directories: number }): boolean {
  try {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      if (isDirectory && (left.directories-- === 0 || !isSmall(`${directory}/${name}`, left))) {
        return false;
      }
    }
    return true;
  } catch {
    return false;
  }
}
