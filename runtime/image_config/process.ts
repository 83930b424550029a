/**
 * A container's process: Docker's rules for its command, environment, user and rights.
 *
 * @module
 */

import { resolveCapabilities } from "../capabilities.ts";
import type { LinuxIDMapping, Process, User } from "../spec.ts";
import type { ImageDefaults } from "./image.ts";
import { groupMap, isMapped } from "./namespaces.ts";
import type { RunOptions } from "./options.ts";

/** An image's config has something in it that no container can be made from. */
export class ImageConfigError extends Error {
  /** The class's name, for messages. */
  override name = "ImageConfigError";

  /**
   * Says so.
   *
   * @param path the wrong field, as `config.Env[2]`; empty for the image as a whole
   * @param problem what is wrong with it
   */
  constructor(readonly path: string, readonly problem: string) {
    super(`the image${path === "" ? "" : `'s config: ${path}:`} ${problem}`);
  }
}

/** Where programs are looked for, unless the image says otherwise. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Where the container finds the program of {@link RunOptions.init}. */
export const INIT_PATH = "/sbin/tiffin-init";

/**
 * What runs, as whom, with which rights.
 *
 * @throws {ImageConfigError} where there is no command
 * @throws {CapabilityError} for an unknown capability
 */
export function containerProcess(
  image: ImageDefaults,
  hostname: string | undefined,
  options: RunOptions,
): Process {
  const { uid } = options.resolvedUser;
  const capabilities = resolveCapabilities({
    add: options.capAdd,
    drop: options.capDrop,
    privileged: options.privileged,
    all: options.allCapabilities,
  });
  return {
    terminal: options.terminal ?? false,
    consoleSize: options.consoleSize,
    user: containerUser(options),
    args: [...hasInit(options) ? [INIT_PATH, "--"] : [], ...commandLine(image, options)],
    env: environment(image.Env ?? [], hostname, options),
    cwd: options.workdir ?? absolute(image.WorkingDir ?? ""),
    // Of root's, none is inheritable: a file's inheritable capabilities gave them to ordinary users
    // of the container (CVE-2022-24769). Anyone else gets none at all, as execve(2) does it.
    capabilities: uid === 0
      ? { bounding: capabilities, effective: capabilities, permitted: capabilities }
      : { bounding: capabilities },
    rlimits: options.rlimits,
    noNewPrivileges: options.noNewPrivileges ?? !options.privileged,
    apparmorProfile: options.apparmorProfile,
    selinuxLabel: options.selinuxLabel,
    oomScoreAdj: options.oomScoreAdj ?? (options.rootless ? undefined : 0),
  };
}

/** Docker's rule: the entrypoint, then the command; whatever is given replaces what follows too. */
function commandLine(image: ImageDefaults, options: RunOptions): string[] {
  const given = options.entrypoint?.join("") === "" ? [] : options.entrypoint;
  const entrypoint = given ?? image.Entrypoint ?? [];
  const replaced = given !== undefined || options.command?.length;
  const args = [...entrypoint, ...(replaced ? options.command ?? [] : image.Cmd ?? [])];
  if (args.length > 0) return args;
  throw new ImageConfigError("", "names no command, so one must be given");
}

/** Whether a program of the host's is to be PID 1: a PID namespace that is not new has one. */
export function hasInit({ init, pid = "private" }: RunOptions): boolean {
  return init !== undefined && pid === "private";
}

/**
 * The environment, in Docker's order: its defaults, the image's, the user's. A later value takes
 * an earlier one's place; a name without a value takes it away.
 */
function environment(
  image: string[],
  hostname: string | undefined,
  { terminal, domainname, env = [], resolvedUser }: RunOptions,
): string[] {
  const entries = new Map<string, string>();
  const set = (entry: string) => {
    const name = entry.split("=", 1)[0];
    if (name === entry) entries.delete(name);
    else entries.set(name, entry);
  };
  set(`PATH=${DEFAULT_PATH}`);
  if (hostname) set(`HOSTNAME=${domainname ? `${hostname}.${domainname}` : hostname}`);
  if (terminal) set("TERM=xterm");
  image.forEach(set);
  env.forEach(set);
  if (!entries.get("HOME")?.slice("HOME=".length)) set(`HOME=${resolvedUser.home || "/"}`);
  return [...entries.values()];
}

/** The user's IDs, and those of its groups that the container has. */
function containerUser(options: RunOptions): User {
  const { resolvedUser: { uid, gid, additionalGids }, groupAdd = [] } = options;
  const maps = groupMap(options);
  // A group of the image's own list that is not mapped is no group here; one that the user asks for
  // by name stays, and is an error then. With a single mapping, setgroups(2) is denied altogether.
  const own = [gid, ...additionalGids].filter((id) => isMapped(id, maps));
  const groups = isSingle(maps) ? groupAdd : [...own, ...groupAdd];
  return {
    uid,
    gid,
    // Else it would be the caller's, and a careful one's 077 breaks images.
    umask: 0o022,
    ...(groups.length > 0 ? { additionalGids: [...new Set(groups)] } : {}),
  };
}

/** Whether there is nothing but the caller's own ID. */
function isSingle(maps: LinuxIDMapping[] | undefined): boolean {
  return maps?.length === 1 && maps[0].size === 1;
}

/** A path of the image's author's, who may have left out the slash. */
function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
