/**
 * The limits of a group changed while its container runs.
 *
 * @module
 */

import { O } from "../../ffi/constants.ts";
import { errnoName } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import type { LinuxResources } from "../spec/resources.ts";
import { deviceLines, deviceRules } from "./devices.ts";
import { type CgroupFiles, hostFiles, readCgroupHost } from "./host.ts";
import { type Limit, limitsOf } from "./limits.ts";
import { CgroupError, type CgroupHost, type CgroupRecord } from "./plan.ts";
import { readStats } from "./stats.ts";
import { MEMORY } from "./values.ts";

/** A value that is to go into a file. */
export interface Change {
  /** the file */
  path: string;
  /** what is written into it */
  value: string;
  /** where the spec says so, for errors */
  field: string;
}

/**
 * The changes that give a group new limits; nothing is touched.
 *
 * @throws {CgroupError} for what the group has no controller for
 */
export function changesOf(
  { v1, v2 }: CgroupRecord,
  resources: LinuxResources,
  host: CgroupHost = readCgroupHost(),
  files: CgroupFiles = hostFiles,
): Change[] {
  const { devices, ...rest } = resources;
  const limits = limitsOf(host, rest);
  const changes = (limit: Limit, directory: string | undefined, mount: string): Change[] => {
    if (directory === undefined) throw missing(limit);
    const parent = directory.slice(0, directory.lastIndexOf("/"));
    return limit.write({ files, mount, parent }).flatMap(({ file, value, allow }) => {
      const path = `${directory}/${file}`;
      if (files.exists(path)) return [{ path, value, field: limit.field }];
      if (allow?.includes("ENOENT")) return [];
      throw missing(limit);
    });
  };
  const lines = devices && v1.devices ? deviceLines(deviceRules({ devices })) : [];
  return [
    ...limits.v1.flatMap((limit) =>
      changes(limit, v1[limit.controller!], host.v1.get(limit.controller!)!.mount)
    ),
    ...limits.v2.flatMap((limit) => changes(limit, v2, host.v2!.mount)),
    ...lines.map(({ file, value }) => ({
      path: `${v1.devices}/${file}`,
      value,
      field: "linux.resources.devices",
    })),
  ];
}

function missing({ controller, field }: Limit): CgroupError {
  const why =
    `this container's group has no ${controller} controller: it needs a limit of the kind ` +
    "from its beginning";
  return new CgroupError(field, why);
}

/**
 * Changes the limits of a group.
 *
 * The kernel refuses some values as long as others are what they are (memory above memory and
 * swap together), so those that are refused are tried again after the rest.
 *
 * @throws {CgroupError} for what cannot be had
 */
export function updateCgroup(record: CgroupRecord, resources: LinuxResources): void {
  let left = changesOf(record, resources);
  refuseInUse(record, resources);
  while (left.length) {
    const refused: [Change, number][] = [];
    for (const change of left) {
      const errno = write(change);
      if (errno) refused.push([change, errno]);
    }
    if (refused.length === left.length) throw told(...refused[0]);
    left = refused.map(([change]) => change);
  }
}

/** What `checkBeforeUpdate` asks for: version 2 would kill for a limit below what is in use. */
function refuseInUse(record: CgroupRecord, { memory = {} }: LinuxResources): void {
  const { limit = -1, checkBeforeUpdate } = memory;
  const { usage = 0 } = readStats(record).memory ?? {};
  if (!checkBeforeUpdate || limit <= 0 || usage <= limit) return;
  throw new CgroupError(`${MEMORY}.limit`, `${limit} is less than the ${usage} bytes in use`);
}

/** Writes a value in one write(2). @returns the errno, or 0 */
function write({ path, value }: Change): number {
  const file = attempt.open(path, O.WRONLY | O.CLOEXEC, 0);
  if (file < 0) return -file;
  const bytes = new TextEncoder().encode(value);
  const result = attempt.write(file, bytes, bytes.length);
  attempt.close(file);
  return result < 0 ? -result : 0;
}

function told({ field, path, value }: Change, errno: number): CgroupError {
  return new CgroupError(field, `${path} does not take ${value}: ${errnoName(errno)}`);
}
