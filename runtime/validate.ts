/**
 * Is this a config.json? Everything wrong with one is said here, before anything is touched.
 *
 * What the machine cannot do (a controller that is not there, a path that does not exist) is no
 * matter of the file, and is judged where it is done.
 *
 * @module
 */

import { sysctlPath } from "./birth/namespaces.ts";
import type { LinuxIDMapping, LinuxNamespaceType, Spec } from "./spec.ts";
import { type Problem, wrongField } from "./validate/checks.ts";
import { show } from "./words.ts";
import { spec as shape } from "./validate/shape.ts";

/** A config.json breaks a rule of the specification or of the kernel. */
export class SpecError extends Error {
  /** The class's name, for messages. */
  override name = "SpecError";
  /** The wrong field, as `linux.resources.memory.limit` or `mounts[2].destination`. */
  readonly path: string;
  /** What is wrong with it, as `must be a whole number of bytes, got "32m"`. */
  readonly problem: string;

  /** The message joins both: `config.json: path: problem`. */
  constructor(path: string, problem: string) {
    super(`config.json: ${path === "" ? "" : `${path}: `}${problem}`);
    this.path = path;
    this.problem = problem;
  }
}

/**
 * Checks every field that the specification knows; others are ignored, as it demands.
 *
 * @param value what JSON.parse made, or a spec that a program put together
 * @returns the same object
 * @throws {SpecError} for the first thing that is wrong
 */
export function validateSpec(value: unknown): Spec {
  refuse(shape(value));
  const spec = value as Spec;
  for (const rule of RULES) refuse(rule(spec));
  return spec;
}

/**
 * Reads a config.json.
 *
 * `null` counts as absent, because programs in Go write it for an empty list. Whole numbers that
 * JavaScript would round are kept as bigints where the type of a seccomp operand allows it.
 *
 * @throws {SpecError} for text that is not JSON, and as {@link validateSpec}
 */
export function parseSpec(text: string): Spec {
  // A reviver is called for every value, and most files need none.
  const careful = /\bnull\b|\d{16}/.test(text);
  let value: unknown;
  try {
    value = careful ? JSON.parse(text, revive) : JSON.parse(text);
  } catch (error) {
    throw new SpecError("", `is not JSON: ${(error as Error).message}`);
  }
  return validateSpec(value);
}

/**
 * Drops nulls, and keeps seccomp's operands exact.
 *
 * @param context the text of a number is in V8, but not yet in TypeScript's library
 */
function revive(key: string, value: unknown, context?: { source?: string }): unknown {
  if (value === null) return undefined;
  const operand = key === "value" || key === "valueTwo";
  if (!operand || typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return /^\d+$/.test(source) ? BigInt(source) : value;
}

/**
 * Writes a config.json that {@link parseSpec} reads back: JSON.stringify alone refuses bigints.
 *
 * @param indent spaces for each level; 0 for one line
 */
export function stringifySpec(spec: Spec, indent = 0): string {
  // JSON.rawJSON is in V8, but not yet in TypeScript's library.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  return JSON.stringify(
    spec,
    (_, value) => typeof value === "bigint" ? rawJSON(String(value)) : value,
    indent,
  );
}

/** Throws a problem, if there is one. */
function refuse(problem: Problem | undefined): void {
  if (problem) throw new SpecError(problem.path, problem.text);
}

/** What holds between fields that are far from each other. */
const RULES: readonly ((spec: Spec) => Problem | undefined)[] = [
  namesNeedUts,
  mappingsNeedUser,
  idsAreMapped,
  offsetsNeedTime,
  maskingNeedsMount,
  sysctlsAreNamespaced,
];

/** Whether the container leaves the runtime's namespace of a type, for a new one or another. */
function leaves(spec: Spec, type: LinuxNamespaceType): boolean {
  return spec.linux?.namespaces?.some((namespace) => namespace.type === type) ?? false;
}

/** A problem with a field that only makes sense in a namespace of the container's own. */
function needs(path: string, type: LinuxNamespaceType, spec: Spec): Problem | undefined {
  if (leaves(spec, type)) return;
  return wrongField(path, `needs a namespace of type ${show(type)} in linux.namespaces`);
}

/** Without a UTS namespace, sethostname(2) would name the host. */
function namesNeedUts(spec: Spec): Problem | undefined {
  if (spec.hostname) return needs("hostname", "uts", spec);
  if (spec.domainname) return needs("domainname", "uts", spec);
}

/** uid_map and gid_map belong to a user namespace, and a new one is of no use without them. */
function mappingsNeedUser(spec: Spec): Problem | undefined {
  const isNew = spec.linux?.namespaces?.some(({ type, path }) => type === "user" && !path);
  for (const name of ["uidMappings", "gidMappings"] as const) {
    const given = (spec.linux?.[name]?.length ?? 0) > 0;
    if (given && !leaves(spec, "user")) return needs(`linux.${name}`, "user", spec);
    if (isNew && !given) {
      return wrongField(`linux.${name}`, "is required: a new user namespace has no IDs without it");
    }
  }
}

/** An ID that the user namespace does not map cannot be taken on: setresuid(2) gives EINVAL. */
function idsAreMapped({ process, linux }: Spec): Problem | undefined {
  if (!process || !linux?.namespaces?.some(({ type, path }) => type === "user" && !path)) return;
  const { uid, gid, additionalGids = [] } = process.user;
  const groups = additionalGids.map((id, i) => [id, `additionalGids[${i}]`] as const);
  return unmapped([[uid, "uid"]], "uidMappings", linux.uidMappings) ??
    unmapped([[gid, "gid"], ...groups], "gidMappings", linux.gidMappings);
}

/** The first of these IDs that no mapping has. */
function unmapped(
  ids: (readonly [number, string])[],
  name: string,
  mappings: LinuxIDMapping[] = [],
): Problem | undefined {
  for (const [id, field] of ids) {
    if (mappings.some((map) => id >= map.containerID && id < map.containerID + map.size)) continue;
    return wrongField(`process.user.${field}`, `must be an ID that linux.${name} has, got ${id}`);
  }
}

/** A time namespace's clocks can be set until its first process enters it, so it must be new. */
function offsetsNeedTime(spec: Spec): Problem | undefined {
  if (Object.keys(spec.linux?.timeOffsets ?? {}).length === 0) return;
  return needs("linux.timeOffsets", "time", spec);
}

/** Without a mount namespace, these would be mounted over the host's own files. */
function maskingNeedsMount(spec: Spec): Problem | undefined {
  for (const name of ["maskedPaths", "readonlyPaths"] as const) {
    if (spec.linux?.[name]?.length) return needs(`linux.${name}`, "mount", spec);
  }
}

/** Most of /proc/sys is the whole machine's: only what belongs to a namespace may be written. */
function sysctlsAreNamespaced(spec: Spec): Problem | undefined {
  for (const key of Object.keys(spec.linux?.sysctl ?? {})) {
    const path = sysctlPath(key);
    const at = `linux.sysctl[${show(key)}]`;
    // "net/../kernel/core_pattern" begins well, and ends on the host.
    if (path.split("/").some((part) => part === "" || part === "." || part === "..")) {
      return wrongField(at, "must be a name like net.ipv4.ip_forward");
    }
    if (path === "kernel/hostname") return wrongField(at, "must be given as hostname instead");
    const namespace = namespaceOf(path);
    if (!namespace) return wrongField(at, "must belong to a namespace, but is the whole machine's");
    const problem = needs(at, namespace, spec);
    if (problem) return problem;
  }
}

/** The namespace that a file below /proc/sys belongs to, if any. See namespaces(7), ipc_namespaces(7). */
function namespaceOf(path: string): LinuxNamespaceType | undefined {
  if (path.startsWith("net/")) return "network";
  if (path.startsWith("fs/mqueue/")) return "ipc";
  if (/^kernel\/(sem|msg(max|mnb|mni)|shm(all|max|mni|_rmid_forced))$/.test(path)) return "ipc";
  if (path === "kernel/domainname") return "uts";
}
