/**
 * Whether a file may be executed: its type, its mode, and the mount that it lies in.
 *
 * path_resolution(7), "Permissions", and execve(2), EACCES. Access control lists are not looked at.
 *
 * @module
 */

import { kindOf, type Place } from "../merged_tree.ts";
import { type Finding, named, type Scene } from "./scene.ts";

/** Bits 1 and 2 of the capability masks. */
const CAP_DAC_OVERRIDE = 1n << 1n;
const CAP_DAC_READ_SEARCH = 1n << 2n;

/** What keeps a file from being executed, whatever its content. */
export function permissionFault(scene: Scene, place: Place): Finding | undefined {
  const path = named(place.path);
  const kind = kindOf(place);
  if (kind === "directory") return { cause: `${path} is a directory, not a program` };
  if (kind !== "regular file") return { cause: `${path} is a ${kind}, not a program` };
  if (!mayExecute(scene, place)) {
    const nobody = (place.mode & 0o111) === 0;
    return {
      cause: nobody
        ? `${path} is not executable: its mode is ${modeOf(place)}`
        : `${path} may not be executed by ${whoIs(scene)}: ${ownerOf(place)}`,
      advice: nobody
        ? "give it the x bit where the image is made: chmod +x, or COPY --chmod=755"
        : "run as another user with --user, or change its mode where the image is made",
    };
  }
  const mount = scene.mountOf(place);
  if (mount?.options.includes("noexec")) {
    return {
      cause: `${path} lies in ${named(mount.point)}, which is mounted noexec`,
      advice: "leave noexec away from its options, or keep the program elsewhere",
    };
  }
}

/** A directory on the way is closed to the user. */
export function notLetIn(scene: Scene, directory: Place): Finding {
  return {
    cause: `the directory ${named(directory.path)} does not let ${whoIs(scene)} through: ` +
      ownerOf(directory),
    advice: "run as another user with --user, or change its mode where the image is made",
  };
}

/** Whether the x bit that counts for this user is set; for a directory that is to look into it. */
export function mayExecute(scene: Scene, { mode, uid, gid }: Place): boolean {
  const who = scene.credentials;
  const isDirectory = (mode & 0o170000) === 0o040000;
  if (who.effective & CAP_DAC_OVERRIDE && (isDirectory || mode & 0o111)) return true;
  if (who.effective & CAP_DAC_READ_SEARCH && isDirectory) return true;
  const isMember = who.gid === gid || who.groups.includes(gid);
  return ((uid === who.uid ? mode >> 6 : isMember ? mode >> 3 : mode) & 1) === 1;
}

function modeOf({ mode }: Place): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, "0")}`;
}

function ownerOf(place: Place): string {
  return `its mode is ${modeOf(place)}, its owner ${place.uid}:${place.gid}`;
}

/** By the numbers that the host counts with: those of files are, too. */
function whoIs(scene: Scene): string {
  const { uid, gid } = scene.credentials;
  return `user ${uid}:${gid}`;
}
