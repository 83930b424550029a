/**
 * Running as an ordinary user: which ids a user namespace of ours can have.
 *
 * @module
 */

import { attempt } from "../ffi/libc.ts";
import { readHostFile } from "./host_files.ts";
import type { MapWriter } from "./birth/maps.ts";
import type { LinuxIDMapping } from "./spec.ts";

/** The ids of a user namespace, and how its maps are written. */
export interface Identity {
  /** whom the users inside are outside */
  uidMappings: LinuxIDMapping[];
  /** the same for groups */
  gidMappings: LinuxIDMapping[];
  /** who writes the maps */
  writer: MapWriter;
  /** false when root is the only user that there is inside */
  hasRange: boolean;
}

/** What an identity is found out from. */
export interface Surroundings {
  /** this process's user id */
  uid: number;
  /** this process's group id */
  gid: number;
  /** reads a file; `undefined` where there is none */
  read: (path: string) => string | undefined;
  /** whether a program is there to be run */
  isProgram: (path: string) => boolean;
}

const PROGRAM_DIRECTORIES = ["/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin"];

/**
 * Finds out who an ordinary user can be inside: root is the user itself, and the ranges of
 * subuid(5) and subgid(5) follow where the user has them and newuidmap(1) is installed.
 */
export function ordinaryIdentity({ uid, gid, read, isProgram }: Surroundings): Identity {
  const user = userName(read("/etc/passwd") ?? "", uid);
  const uids = ranges(read("/etc/subuid") ?? "", user, uid);
  const gids = ranges(read("/etc/subgid") ?? "", user, uid);
  const find = (name: string) =>
    PROGRAM_DIRECTORIES.map((directory) => `${directory}/${name}`).find(isProgram);
  const helpers = { uid: find("newuidmap"), gid: find("newgidmap") };
  if (uids.length && gids.length && helpers.uid && helpers.gid) {
    return {
      uidMappings: follow(uid, uids),
      gidMappings: follow(gid, gids),
      writer: { helpers: helpers as { uid: string; gid: string }, denySetgroups: false },
      hasRange: true,
    };
  }
  return {
    uidMappings: follow(uid, []),
    gidMappings: follow(gid, []),
    writer: { denySetgroups: true },
    hasRange: false,
  };
}

/** {@linkcode ordinaryIdentity} of the user who runs this process. */
export function hostIdentity(): Identity {
  return ordinaryIdentity({
    uid: Deno.uid()!,
    gid: Deno.gid()!,
    read: readHostFile,
    isProgram: (path) => attempt.access(path, 1) === 0,
  });
}

/** Root inside is the user outside; 1, 2, 3 … are the ranges' ids in their order. */
function follow(own: number, ranges: { start: number; count: number }[]): LinuxIDMapping[] {
  const maps = [{ containerID: 0, hostID: own, size: 1 }];
  let next = 1;
  for (const { start, count } of ranges) {
    maps.push({ containerID: next, hostID: start, size: count });
    next += count;
  }
  return maps;
}

function userName(passwd: string, uid: number): string | undefined {
  return passwd.split("\n").map((line) => line.split(":"))
    .find((fields) => fields[2] === String(uid))?.[0];
}

/** The lines `user:first:count` of a user, who may be given by name or by number. */
function ranges(text: string, user: string | undefined, uid: number) {
  return text.split("\n").map((line) => line.split(":"))
    .filter(([owner, start, count]) =>
      owner !== "" && (owner === user || owner === String(uid)) && Number(start) > 0 &&
      Number(count) > 0
    )
    .map(([, start, count]) => ({ start: Number(start), count: Number(count) }));
}
