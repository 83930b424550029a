/**
 * Who a container runs as: looked up in its image once, and remembered.
 *
 * @module
 */

import type { ContainerRequest } from "./container_request.ts";
import { readHostFile } from "./host_files.ts";
import type { RunOptions } from "./image_config.ts";
import { later } from "./later.ts";

/** What users.ts finds. */
export interface KnownUser {
  /** who the process is */
  user: RunOptions["resolvedUser"];
  /** its further groups */
  groupAdd: number[];
}

/**
 * Who runs, by the image's own passwd and group.
 *
 * @param layers the directories of its tree, the topmost first
 * @param wanted names or numbers, as in Docker's `--user`
 */
export async function lookUpUser(
  { dataRoot, from, groups = [] }: ContainerRequest,
  layers: string[],
  wanted: string,
): Promise<KnownUser> {
  const lookUp = async () => {
    const { resolveUser } = await later<typeof import("./users.ts")>(import.meta, "./users.ts");
    return resolveUser(layers, wanted, groups);
  };
  // a root directory can change, groups are rare, and not every word makes a file's name
  const isUsual = groups.length === 0 && /^[\w.:-]{0,64}$/.test(wanted);
  if (typeof from === "string" || !isUsual) return await lookUp();
  // an image never changes: what was found once is found again
  const path = `${dataRoot}/cache/user-${from.id.slice(7, 31)}-${wanted}.json`;
  const known = parse(readHostFile(path) ?? "");
  if (known) return known;
  const user = await lookUp();
  keep(path, JSON.stringify(user));
  return user;
}

/** What a file says; nothing where it was cut short by a full disk, or by two who wrote it. */
function parse(text: string): KnownUser | undefined {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes a file that can be made again; where that is not possible, it is made again each time. */
function keep(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(`${path}.new`, text, { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  } catch {
    // a full or read-only disk stops no container
  }
}
