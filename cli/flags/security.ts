/**
 * What a container may do: `--privileged`, `--cap-add`, `--cap-drop`, `--security-opt`, `--sysctl`.
 *
 * @module
 */

import { CapabilityError, resolveCapabilities } from "../../runtime/capabilities.ts";
import {
  DEFAULT_MASKED_PATHS,
  DEFAULT_READONLY_PATHS,
  thermalThrottlePaths,
} from "../../runtime/image_config.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";
import { containerPath, hostPath, statOf } from "./paths.ts";
import { parsePair } from "./values.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { options } = command;
  const { privileged, sysctl, "cap-add": add, "cap-drop": drop } = flags;
  if (privileged !== undefined) options.privileged = privileged;
  if (sysctl) {
    options.sysctls = Object.fromEntries(sysctl.map((text) => parsePair("sysctl", text)));
  }
  if (add) options.capAdd = checkCapabilities("cap-add", add);
  if (drop) options.capDrop = checkCapabilities("cap-drop", drop);
  for (const text of flags["security-opt"] ?? []) readOption(text, command);
}

function checkCapabilities(flag: string, names: string[]): string[] {
  try {
    resolveCapabilities({ add: names });
    return names;
  } catch (error) {
    if (!(error instanceof CapabilityError)) throw error;
    throw wrongFlag(`--${flag}: ${error.message}`);
  }
}

/** The keys of `--security-opt`. */
const OPTIONS: Readonly<Record<string, (value: string, command: RunCommand) => void>> = {
  "no-new-privileges": (value, { options }) => {
    const state = { true: true, false: false, "": true }[value];
    if (state === undefined) throw wrong(`no-new-privileges=${value}`, "is neither true nor false");
    options.noNewPrivileges = state;
  },
  seccomp: (value, command) => command.seccomp = seccomp(value),
  apparmor: (value) => {
    if (value !== "unconfined") {
      throw wrong(`apparmor=${value}`, "names an AppArmor profile, which cannot be applied here");
    }
  },
  label: (value) => {
    if (value !== "disable") {
      throw wrong(`label=${value}`, "is an SELinux label, which cannot be applied here");
    }
  },
  systempaths: (value, { options }) => {
    if (value !== "unconfined") throw wrong(`systempaths=${value}`, "can only be unconfined");
    options.maskedPaths = [];
    options.readonlyPaths = [];
  },
  mask: (value, { options }) => {
    const paths = value.split(":").map((path) => containerPath("security-opt", path));
    options.maskedPaths = [...new Set([...maskedPaths(options), ...paths])];
  },
  unmask: (value, { options }) => {
    const paths = value.split(":");
    const isUnmasked = value === "ALL"
      ? () => true
      : (path: string) => paths.some((each) => each === path);
    if (value !== "ALL") paths.forEach((path) => containerPath("security-opt", path));
    options.maskedPaths = maskedPaths(options).filter((path) => !isUnmasked(path));
    options.readonlyPaths = readonlyPaths(options).filter((path) => !isUnmasked(path));
  },
};

/** `KEY[=VALUE]`; Docker once had a colon for the sign. */
function readOption(text: string, command: RunCommand): void {
  const [, key, value = ""] = /^([^=:]*)(?:[=:](.*))?$/s.exec(text)!;
  if (Object.hasOwn(OPTIONS, key)) return OPTIONS[key](value, command);
  throw wrong(text, `has an unknown key; there are ${Object.keys(OPTIONS).join(", ")}`);
}

function wrong(text: string, problem: string) {
  return wrongValue("security-opt", text, problem);
}

type Options = RunCommand["options"];

function maskedPaths({ maskedPaths, privileged }: Options): string[] {
  if (maskedPaths) return maskedPaths;
  return privileged ? [] : [...DEFAULT_MASKED_PATHS, ...thermalThrottlePaths()];
}

function readonlyPaths({ readonlyPaths, privileged }: Options): string[] {
  return readonlyPaths ?? (privileged ? [] : [...DEFAULT_READONLY_PATHS]);
}

function seccomp(value: string): RunCommand["seccomp"] {
  if (value === "unconfined") return value;
  // Docker's word for the default profile, after another one was made the default.
  if (value === "builtin") return undefined;
  if (value === "") throw wrong("seccomp", "needs a profile: seccomp=FILE or seccomp=unconfined");
  if (!statOf(value)?.isFile) throw wrong(`seccomp=${value}`, "is not a file with a profile");
  return { file: hostPath(value) };
}
