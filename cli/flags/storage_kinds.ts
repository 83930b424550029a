/**
 * The three kinds of storage that a container can be given, and what holds for all of them.
 *
 * @module
 */

import type { Mount } from "../../runtime/spec.ts";
import { wrongValue } from "./grammar.ts";
import { containerPath } from "./paths.ts";

/** A volume that a container uses: a directory below the data root. */
export interface VolumeUse {
  /** Its name; without one, it is the container's alone. */
  name?: string;
  /** Where it is seen. */
  destination: string;
  /** The options of its bind mount. */
  options: string[];
  /** It stays empty while it is new, whatever the image has in its place. */
  nocopy?: true;
}

/** One thing to mount, as a flag says it. */
export type Storage =
  | BindStorage
  | { kind: "volume"; destination: string; volume: VolumeUse }
  | { kind: "tmpfs"; destination: string; options: string[] };

/** A piece of the host's tree. */
export interface BindStorage {
  /** A bind mount. */
  kind: "bind";
  /** Where it is seen. */
  destination: string;
  /** The mount for the container's spec. */
  mount: Mount;
  /** The source, where it is not there and is to be made. */
  missing?: string;
}

/** The words that say how mounts travel between a bind mount and its source. */
export const PROPAGATIONS: readonly string[] = [
  "private",
  "rprivate",
  "slave",
  "rslave",
  "shared",
  "rshared",
];

/** The options of a bind mount: all that is mounted below comes along, unless they say `bind`. */
export function bindOptions(options: string[]): string[] {
  const recursive = options.includes("bind") ? [] : ["rbind"];
  const travels = options.some((word) => PROPAGATIONS.includes(word)) ? [] : ["rprivate"];
  return [...recursive, ...travels, ...options];
}

/** A bind mount of a path of the host's. */
export function bind(source: string, destination: string, options: string[]): BindStorage {
  const mount = { destination, type: "bind", source, options: bindOptions(options) };
  return { kind: "bind", destination, mount };
}

/** A volume, whose name becomes a directory's. */
export function volume(
  flag: string,
  name: string | undefined,
  destination: string,
  words: string[],
  nocopy = false,
): Storage {
  const options = bindOptions(words);
  const use: VolumeUse = { destination, options, ...(nocopy ? { nocopy } : {}) };
  if (name === undefined) return { kind: "volume", destination, volume: use };
  const problem = volumeNameProblem(name);
  if (problem !== undefined) throw wrongValue(flag, name, problem + pathHint(name));
  return { kind: "volume", destination, volume: { name, ...use } };
}

/** What is wrong with a volume's name, if anything is. */
export function volumeNameProblem(name: string): string | undefined {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return undefined;
  const rule = "two or more letters, digits, _ . and -, a letter or digit first";
  return `is not a volume's name: ${rule}`;
}

function pathHint(name: string): string {
  if (name.startsWith("~")) return "; for the home directory, write $HOME";
  return name.includes("/") ? `; a directory here is ./${name}` : "";
}

/** A place in the container for something to be mounted at. */
export function mountPoint(flag: string, path: string): string {
  const destination = containerPath(flag, path);
  if (destination !== "/") return destination;
  throw wrongValue(flag, path, "is the container's root: mount it somewhere below");
}
