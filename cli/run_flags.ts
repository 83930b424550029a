/**
 * From the words after `run` to what they ask for: an image, a command, and a container's options.
 *
 * Each group of flags has a module that reads it, and that is loaded only if one of its flags was
 * given: a start is felt.
 *
 * @module
 */

import type { ContainerRequest } from "../runtime/prepare.ts";
import { later } from "../runtime/later.ts";
import type { Platform } from "../runtime/images/manifest.ts";
import type { NetworkRequest } from "../runtime/network/request.ts";
import { type Flags, type FlagTable, parseFlags, UsageError, wrongFlag } from "./flags/grammar.ts";
import {
  DEVICES,
  ISOLATION,
  LABELS,
  LIFECYCLE,
  LIMITS,
  LOG,
  NETWORK,
  PROCESS,
  RUN_FLAGS,
  RUN_HIDDEN,
  SECURITY,
  STORAGE,
} from "./flags/run_table.ts";
import type { VolumeUse } from "./flags/storage_kinds.ts";
import { parseWord } from "./flags/values.ts";

/** The flags of `run` as they were given. */
export type RunFlags = Flags<typeof RUN_FLAGS>;

/** A `run`, as it was typed. Paths are absolute; nothing has been made or changed. */
export interface RunCommand {
  /** The image's name as it was typed; none with {@link RunCommand.rootfs}. */
  image?: string;
  /** `--rootfs`: the directory that is the root. */
  rootfs?: string;
  /** The words behind the image; empty: the image's own. */
  command: string[];
  /** `--name`. */
  name?: string;
  /** `--user`: names or numbers, to be looked up in the image. */
  user?: string;
  /** `--group-add`: names or numbers, to be looked up in the image. */
  groups: string[];
  /** Its networks, addresses and ports; unless given: the default network. */
  network?: NetworkRequest;
  /** `--add-host`: lines `address name` for /etc/hosts. */
  extraHosts: string[];
  /** `--label`, `--label-file`. */
  labels: Record<string, string>;
  /** `--interactive`; unless given: in the foreground, and not with `--detach`. */
  interactive?: boolean;
  /** Give it a terminal; undefined: if standard input and output are one. */
  terminal?: boolean;
  /** `--rm`; unless given, what the command makes of it. */
  rm?: boolean;
  /** `--detach`. */
  detach: boolean;
  /** `--cidfile`. */
  cidfile?: string;
  /** `--restart`; `no` is none. */
  restart?: ContainerRequest["restart"];
  /** `--stop-timeout`, in seconds. */
  stopTimeout?: number;
  /** `--log-driver`, `--log-opt`. */
  log?: ContainerRequest["log"];
  /** `--health-…`: what was said, over what the image says. */
  health?: ContainerRequest["health"];
  /** When to fetch the image. */
  pull: "missing" | "always" | "never";
  /** Another platform than the machine's. */
  platform?: Platform;
  /** Show nothing of the fetching. */
  quiet: boolean;
  /** Print the start, and start nothing. */
  explain?: "text" | "json";
  /** Start, and print the calls with their results. */
  trace: boolean;
  /** Unless given: the default profile. The file is a profile in Docker's form. */
  seccomp?: "unconfined" | { file: string };
  /** `--cgroup-parent`: the container's cgroup is below it, under the container's ID. */
  cgroupParent?: string;
  /**
   * The limit on swap is Docker's default for a `--memory` without `--memory-swap`: nobody asked
   * for it, so it goes where the host cannot count swap.
   */
  swapIsDefault: boolean;
  /** Volumes, named and not: directories below the data root. */
  volumes: VolumeUse[];
  /** Sources of `-v` that are not there. Docker makes them when the container starts. */
  makeDirectories: string[];
  /** Everything else. */
  options: Omit<ContainerRequest["options"], "command" | "terminal" | "consoleSize">;
}

/** A module that reads a group of flags. */
interface GroupModule {
  /** Writes what the flags say into the command. */
  read(flags: RunFlags, command: RunCommand): void | Promise<void>;
}

/** The groups that have a module of their own. */
const GROUPS: [flags: object, file: string][] = [
  [PROCESS, "./flags/process.ts"],
  [LABELS, "./flags/labels.ts"],
  [LIFECYCLE, "./flags/lifecycle.ts"],
  [LOG, "./flags/log.ts"],
  [STORAGE, "./flags/storage.ts"],
  [DEVICES, "./flags/devices.ts"],
  [LIMITS, "./flags/limits.ts"],
  [NETWORK, "./flags/network.ts"],
  [ISOLATION, "./flags/isolation.ts"],
  [SECURITY, "./flags/security.ts"],
];

/**
 * Reads the words after `run`.
 *
 * @param more flags of another command that takes those of `run` too; it reads them itself
 * @throws {UsageError} for what cannot be understood or honoured, naming the flag
 * @throws {HelpWanted} for `--help`
 */
export async function parseRunFlags(
  args: string[],
  more: FlagTable = {},
): Promise<RunCommand> {
  const table = { ...more, ...RUN_FLAGS };
  const { flags, operands } = parseFlags(args, table, { stopEarly: true, hidden: RUN_HIDDEN });
  const { explain, rootfs, trace = false, interactive, rm, detach = false, quiet = false } = flags;
  if (explain !== undefined && trace) {
    throw wrongFlag("--explain starts nothing that --trace could show: give one of them");
  }
  if (detach && trace) {
    throw wrongFlag("--trace shows what this process does, and not its monitor: leave -d away");
  }
  const command: RunCommand = {
    ...(rootfs === undefined ? imageOf(operands) : await rootOf(rootfs, operands)),
    name: flags.name === undefined ? undefined : checkName(flags.name),
    groups: [],
    extraHosts: [],
    labels: {},
    interactive,
    terminal: flags.tty,
    rm,
    detach,
    pull: parseWord("pull", flags.pull ?? "missing", ["missing", "always", "never"]),
    platform: await platformOf(flags.platform),
    quiet,
    explain: explain === undefined ? undefined : parseWord("explain", explain, ["text", "json"]),
    trace,
    swapIsDefault: false,
    volumes: [],
    makeDirectories: [],
    options: {},
  };
  const given = Object.keys(flags);
  for (const [group, file] of GROUPS) {
    if (!given.some((name) => name in group)) continue;
    const { read } = await later<GroupModule>(import.meta, file);
    await read(flags, command);
  }
  return command;
}

function imageOf(operands: string[]): Pick<RunCommand, "image" | "command"> {
  const [image, ...command] = operands;
  if (image === undefined) throw new UsageError("run needs an image, as in: run local sh");
  return { image, command };
}

async function rootOf(
  directory: string,
  command: string[],
): Promise<Pick<RunCommand, "rootfs" | "command">> {
  const { existingDirectory } = await later<typeof import("./flags/paths.ts")>(
    import.meta,
    "./flags/paths.ts",
  );
  return { rootfs: existingDirectory("rootfs", directory), command };
}

/** Docker's rule: a name must not look like anything else on a command line. */
export function checkName(name: string, where = "--name"): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return name;
  throw wrongFlag(
    `${where}: ${JSON.stringify(name)} is not a name: two or more letters, digits, _ . and -, ` +
      "a letter or digit first",
  );
}

async function platformOf(text: string | undefined): Promise<Platform | undefined> {
  if (text === undefined) return undefined;
  const { readPlatform } = await later<typeof import("./flags/platform.ts")>(
    import.meta,
    "./flags/platform.ts",
  );
  return readPlatform(text);
}
