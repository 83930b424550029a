/**
 * Named volumes: those that there are, and their making and removal.
 *
 * ```text
 * volumes/<name>/_data         what containers see of it
 * volumes/<name>/volume.json   its labels, where `volume create` has made it
 * ```
 *
 * A start makes a volume that is missing, so most have no file that tells of them.
 *
 * @module
 */

import { type ContainerRecord, containersDirectory, newId, readRecord } from "./records.ts";
import { removeDirectory } from "./remove_directory.ts";
import { entries } from "./images/reachable.ts";
import { Scratch } from "./images/scratch.ts";
import { ImageStore } from "./images/store.ts";
import { StateError } from "./lifecycle/state_error.ts";

/** A volume as it is now. */
export interface NamedVolume {
  /** its name */
  name: string;
  /** the directory that is mounted */
  mountpoint: string;
  /** when it was made */
  created: Date;
  /** values by key, for whoever looks for volumes */
  labels: Record<string, string>;
  /** whether nobody has given it its name */
  isNameless: boolean;
  /** the ids of the containers that name it, whether they run or not */
  users: string[];
}

/** There is no volume of a name. */
export class NoSuchVolumeError extends Error {
  /** always `"NoSuchVolumeError"` */
  override name = "NoSuchVolumeError";
}

/** What `volume create` writes down. */
interface Description {
  labels?: Record<string, string>;
  isNameless?: boolean;
}

/** Whether a container was made with the volume. */
export function usesVolume({ request }: Pick<ContainerRecord, "request">, name: string): boolean {
  return request.volumes?.some((volume) => volume.name === name) ?? false;
}

/** Lists the volumes by their names. */
export function listVolumes(dataRoot: string): NamedVolume[] {
  const records = allRecords(dataRoot);
  return entries(`${dataRoot}/volumes`).sort().map((name) => look(dataRoot, name, records))
    .filter((volume) => volume !== undefined);
}

/**
 * Finds a volume.
 *
 * @throws {NoSuchVolumeError} where there is none of that name
 */
export function findVolume(dataRoot: string, name: string): NamedVolume {
  const isPath = name === "" || name.startsWith(".") || name.includes("/");
  const volume = isPath ? undefined : look(dataRoot, name, allRecords(dataRoot));
  if (volume) return volume;
  throw new NoSuchVolumeError(`no such volume: ${name}: tiffin volume ls lists those there are`);
}

/**
 * Makes a volume; one that is there stays as it is.
 *
 * @param name one that is fit for a directory; unless given, it gets one as an id is
 * @returns its name
 */
export function createVolume(
  dataRoot: string,
  { name, labels = {} }: { name?: string; labels?: Record<string, string> } = {},
): string {
  const chosen = name ?? newId();
  const directory = `${dataRoot}/volumes/${chosen}`;
  Deno.mkdirSync(dataRoot, { recursive: true, mode: 0o700 });
  Deno.mkdirSync(`${dataRoot}/volumes`, { recursive: true, mode: 0o755 });
  try {
    Deno.mkdirSync(directory, { mode: 0o755 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return chosen;
    throw error;
  }
  const description: Description = { labels, ...(name === undefined ? { isNameless: true } : {}) };
  Deno.writeTextFileSync(`${directory}/volume.json`, JSON.stringify(description));
  // a start that was quicker has made it already
  Deno.mkdirSync(`${directory}/_data`, { recursive: true, mode: 0o755 });
  return chosen;
}

/**
 * Removes a volume with all that is in it.
 *
 * A start takes no lock: it writes its record, and then mounts. So the volume is moved away first,
 * and comes back if a container has turned up that names it.
 *
 * @throws {NoSuchVolumeError} where there is none of that name
 * @throws {StateError} where a container was made with it
 */
export async function removeVolume(dataRoot: string, name: string): Promise<void> {
  const { users } = findVolume(dataRoot, name);
  if (users.length > 0) throw inUse(name, users);
  await new ImageStore(dataRoot).prepare(); // for tmp/
  using scratch = Scratch.make(dataRoot, "volume");
  const [place, away] = [`${dataRoot}/volumes/${name}`, `${scratch.path}/${name}`];
  Deno.renameSync(place, away);
  const late = usersOf(allRecords(dataRoot), name);
  if (late.length > 0 && moveBack(away, place)) throw inUse(name, late);
  await removeDirectory(away);
}

/**
 * Removes the volumes that no container was made with.
 *
 * @param isMeant which of them
 * @returns their names
 */
export async function pruneVolumes(
  dataRoot: string,
  isMeant: (volume: NamedVolume) => boolean,
): Promise<string[]> {
  const removed: string[] = [];
  for (const volume of listVolumes(dataRoot)) {
    if (volume.users.length > 0 || !isMeant(volume)) continue;
    try {
      await removeVolume(dataRoot, volume.name);
      removed.push(volume.name);
    } catch (error) {
      // somebody has used or removed it meanwhile
      if (!(error instanceof StateError || error instanceof NoSuchVolumeError)) throw error;
    }
  }
  return removed;
}

/** Says whether it is back: a start that came after the first move has made a volume of its own. */
function moveBack(away: string, place: string): boolean {
  try {
    Deno.renameSync(away, place);
    return true;
  } catch {
    return false;
  }
}

function inUse(name: string, [user, ...others]: string[]): StateError {
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  return new StateError(
    `volume ${name} is in use by the container ${user.slice(0, 12)}${more}: tiffin rm removes it`,
  );
}

function look(
  dataRoot: string,
  name: string,
  records: readonly ContainerRecord[],
): NamedVolume | undefined {
  const directory = `${dataRoot}/volumes/${name}`;
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(directory);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { labels = {}, isNameless = false } = readDescription(directory);
  return {
    name,
    mountpoint: `${directory}/_data`,
    created: info.birthtime ?? info.mtime ?? new Date(0),
    labels,
    isNameless,
    users: usersOf(records, name),
  };
}

function readDescription(directory: string): Description {
  try {
    return JSON.parse(Deno.readTextFileSync(`${directory}/volume.json`)) as Description;
  } catch {
    return {};
  }
}

function usersOf(records: readonly ContainerRecord[], name: string): string[] {
  return records.filter((record) => usesVolume(record, name)).map(({ id }) => id);
}

function allRecords(dataRoot: string): ContainerRecord[] {
  return entries(containersDirectory(dataRoot))
    .map((id) => readRecord(`${containersDirectory(dataRoot)}/${id}`))
    .filter((record) => record !== undefined);
}
