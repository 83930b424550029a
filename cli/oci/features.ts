/**
 * `oci features`: what this runtime can do, as the specification has engines ask for it.
 *
 * @module
 */

import { mountOptionWords } from "../../runtime/birth/mount_options.ts";
import { NAMESPACE_FLAGS } from "../../runtime/birth/namespaces.ts";
import { CAPABILITY_NAMES } from "../../runtime/capabilities.ts";
import { OCI_VERSION } from "../../runtime/oci/container.ts";
import { SECCOMP_ACTIONS, SECCOMP_FLAGS } from "../../runtime/validate/limits.ts";
import { parseFlags, UsageError } from "../flags/grammar.ts";
import { print } from "../output.ts";
import type { Help } from "../usage.ts";

/** The help of `oci features`. */
export const help: Help = {
  usage: "oci features",
  summary: "print what this runtime can do, as JSON",
  examples: [{ command: "oci features", does: "hooks, mount options, namespaces and more" }],
};

/** Prints the features. */
// deno-lint-ignore require-await -- a command is a promise of its exit code
export async function command(args: string[]): Promise<number> {
  if (parseFlags(args, {}).operands.length) throw new UsageError("features takes no words");
  print(`${JSON.stringify(FEATURES, null, 2)}\n`);
  return 0;
}

/** https://github.com/opencontainers/runtime-spec/blob/v1.2.1/features.md */
const FEATURES = {
  ociVersionMin: "1.0.0",
  ociVersionMax: OCI_VERSION,
  hooks: [
    "prestart",
    "createRuntime",
    "createContainer",
    "startContainer",
    "poststart",
    "poststop",
  ],
  mountOptions: mountOptionWords(),
  linux: {
    namespaces: Object.keys(NAMESPACE_FLAGS).sort(),
    capabilities: CAPABILITY_NAMES,
    cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
    seccomp: {
      enabled: true,
      actions: SECCOMP_ACTIONS,
      knownFlags: SECCOMP_FLAGS,
    },
    apparmor: { enabled: true },
    selinux: { enabled: true },
    intelRdt: { enabled: true },
    mountExtensions: { idmap: { enabled: true } },
  },
  annotations: {},
  potentiallyUnsafeConfigAnnotations: [],
};
