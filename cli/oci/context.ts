/**
 * What every subcommand of `oci` is told beside its own words, and the words that all of them share.
 *
 * @module
 */

import type { CreateOptions } from "../../runtime/oci/create.ts";
import { defaultRoot } from "../../runtime/oci/container.ts";
import { UsageError, wrongValue } from "../flags/grammar.ts";
import type { Log } from "./log.ts";

/** What a subcommand is told. */
export interface OciContext {
  /** Where containers are kept, an absolute path. */
  root: string;
  /** Who makes control groups. */
  cgroups: CreateOptions["cgroups"];
  /** What an engine reads of errors. */
  log: Log;
}

/** Reads the flags before the subcommand. */
export function readGlobals(
  flags: { root?: string; "cgroup-manager"?: string; "systemd-cgroup"?: boolean },
): Pick<OciContext, "root" | "cgroups"> {
  const { root = defaultRoot(), "cgroup-manager": manager, "systemd-cgroup": systemd } = flags;
  if (manager !== undefined && !["cgroupfs", "systemd", "disabled"].includes(manager)) {
    throw wrongValue("cgroup-manager", manager, "is not cgroupfs, systemd or disabled");
  }
  return {
    root: absolute(root),
    cgroups: systemd ? "systemd" : (manager ?? "cgroupfs") as OciContext["cgroups"],
  };
}

/** A path as the process was given it, from its root. */
export function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

/** The one container that a subcommand is about. */
export function onlyId(command: string, operands: string[]): string {
  if (operands.length === 1) return operands[0];
  throw new UsageError(`${command} takes the id of one container`);
}

/** Reads a number of a flag's. */
export function readCount(flag: string, text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw wrongValue(flag, text, "is not a number");
}
