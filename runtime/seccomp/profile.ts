/**
 * Docker's form of a seccomp profile, and how it becomes the plain one that OCI defines.
 *
 * OCI's profile is a fixed list of rules. Docker's has rules that hold only with a capability, on
 * an architecture, or from some kernel version on. Ours is written in that form (default.ts), and
 * so are the files that people give to `--security-opt seccomp=FILE`; one without conditions is an
 * OCI profile already and passes through unchanged.
 *
 * https://docs.docker.com/engine/security/seccomp/
 *
 * @module
 */

import type {
  LinuxSeccomp,
  LinuxSeccompAction,
  LinuxSeccompArchitecture,
  LinuxSyscall,
} from "../spec/seccomp.ts";

/** What a profile's conditions are decided by. */
export interface SeccompHost {
  /** The container's bounding set, as `CAP_SYS_ADMIN` and so on. */
  readonly capabilities: readonly string[];
  /** The running kernel's version: 6.18 is `[6, 18]`. */
  readonly kernel: readonly [major: number, minor: number];
  /** The machine, in the words of `Deno.build.arch`. */
  readonly arch: "x86_64" | "aarch64";
}

/** A profile in Docker's form. */
export interface ConditionalProfile extends Omit<LinuxSeccomp, "syscalls"> {
  /** For each machine the conventions that its programs may use; not beside `architectures`. */
  archMap?: readonly ArchitectureFamily[];
  /** The rules. */
  syscalls?: readonly ConditionalRule[];
}

/** A machine's own system call convention and the older ones that it still understands. */
export interface ArchitectureFamily {
  /** The machine's own. */
  architecture: LinuxSeccompArchitecture;
  /** The older ones. */
  subArchitectures?: readonly LinuxSeccompArchitecture[] | null;
}

/** A rule that holds only where its conditions do. */
export interface ConditionalRule extends Omit<LinuxSyscall, "names"> {
  /** The calls; a file may have `name` instead, as Docker's first profiles did. */
  names?: readonly string[];
  /** The only call. */
  name?: string;
  /** What happens to them. */
  action: LinuxSeccompAction;
  /** What the rule is for. */
  comment?: string;
  /** The rule holds only if all of this is so. */
  includes?: RuleConditions;
  /** The rule does not hold if any of this is so. */
  excludes?: RuleConditions;
}

/** Conditions of a rule. */
export interface RuleConditions {
  /** Machines, in Go's words: `amd64`, `arm64`. It is enough to be one of them. */
  arches?: readonly string[];
  /** Capabilities. */
  caps?: readonly string[];
  /** The kernel is this version or newer, as `"4.8"`. */
  minKernel?: string;
}

/** The two names that each machine has in a profile. */
const NAMES = {
  x86_64: { oci: "SCMP_ARCH_X86_64", go: "amd64" },
  aarch64: { oci: "SCMP_ARCH_AARCH64", go: "arm64" },
} as const;

/**
 * Decide a profile's conditions: what is left is a plain OCI profile for this container on this
 * machine.
 *
 * @throws {Error} with the field's path, where the profile contradicts itself
 */
export function resolveProfile(profile: ConditionalProfile, host: SeccompHost): LinuxSeccomp {
  const { archMap, syscalls, ...common } = profile;
  if (archMap?.length && common.architectures?.length) {
    throw new Error(`seccomp profile: archMap and architectures exclude each other; keep one`);
  }
  const family = archMap?.find((family) => family.architecture === NAMES[host.arch].oci);
  if (family) common.architectures = [family.architecture, ...family.subArchitectures ?? []];
  const rules: LinuxSyscall[] = [];
  for (const [index, rule] of (syscalls ?? []).entries()) {
    const { name, names = [], comment: _, includes, excludes, ...plain } = rule;
    const path = `seccomp profile: syscalls[${index}]`;
    if (name && names.length) throw new Error(`${path}: name and names exclude each other`);
    if (excludes && satisfied(excludes, host, path).includes(true)) continue;
    if (includes && satisfied(includes, host, path).includes(false)) continue;
    rules.push({ ...plain, names: name ? [name] : [...names] });
  }
  return { ...common, syscalls: rules };
}

/**
 * Which of the conditions are met, one by one: `includes` wants them all, `excludes` wants none.
 * Architectures are one condition, because no machine is two.
 */
function satisfied(conditions: RuleConditions, host: SeccompHost, path: string): boolean[] {
  const met = (conditions.caps ?? []).map((name) => host.capabilities.includes(name));
  if (conditions.arches?.length) met.push(conditions.arches.includes(NAMES[host.arch].go));
  if (conditions.minKernel) {
    const version = /^(\d+)\.(\d+)$/.exec(conditions.minKernel);
    if (!version) throw new Error(`${path}: minKernel "${conditions.minKernel}": want "4.8"`);
    const [major, minor] = [Number(version[1]), Number(version[2])];
    met.push(host.kernel[0] > major || (host.kernel[0] === major && host.kernel[1] >= minor));
  }
  return met;
}
