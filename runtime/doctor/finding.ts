/**
 * What a doctor asks a host, and what it says about it.
 *
 * @module
 */

import type { CgroupFiles } from "../cgroups/host.ts";

/** How well something is. */
export type State =
  /** as it should be */
  | "good"
  /** containers run, but without something */
  | "limited"
  /** no container runs before it is mended */
  | "bad";

/** One line of the doctor's. */
export interface Finding {
  /** what was looked at */
  subject: string;
  /** how well it is */
  state: State;
  /** what was found, in a few words */
  found: string;
  /** the command that would mend it; there is none for what only another kernel can do */
  fix?: string;
}

/** What was tried for real, and the name of the errno where it failed. */
export interface Probes {
  /** a user namespace of one's own, and a mount in it */
  userNamespace?: string;
  /** an overlay in the data root, as containers have it */
  overlay?: string;
  /** whether nothing can be written where the data root is, or would be made */
  isShut?: boolean;
  /** a virtual machine by KVM; undefined also where /dev/kvm may not even be opened */
  virtualMachine?: string;
}

/** A host, as far as a doctor is interested; tests have hosts that were written down. */
export interface Host extends CgroupFiles {
  /** the user that would run containers */
  uid: number;
  /** and its group */
  gid: number;
  /** `uname -r` */
  kernel: string;
  /** Deno's version */
  deno: string;
  /** `x86_64` and its like */
  arch: string;
  /** where images and containers are kept */
  dataRoot: string;
  /** where a program is, if it is anywhere in `PATH` or in the system's directories */
  program(name: string): string | undefined;
  /** whether a program has rights beyond its caller's: a setuid bit or file capabilities */
  isPrivileged(path: string): boolean;
  /** whether a shared library can be loaded */
  hasLibrary(name: string): boolean;
  /** bytes that are free where a directory is, or would be made */
  free(path: string): number | undefined;
  /** what was tried */
  probes: Probes;
}
