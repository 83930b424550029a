/**
 * Images and options for the tests of what is made from them.
 *
 * @module
 */

import {
  type ImageConfig,
  type ImageDefaults,
  type RunOptions,
  specFromImage,
} from "../../../runtime/image_config.ts";
import type { LinuxSeccomp, Spec } from "../../../runtime/spec.ts";
import { parseSpec, stringifySpec } from "../../../runtime/validate.ts";

const ID = "0123456789abcdef".repeat(4);

/** A profile that is easy to find again. */
export const SECCOMP: LinuxSeccomp = { defaultAction: "SCMP_ACT_ALLOW" };

/** An image whose author says this about its containers. */
export function image(config?: ImageDefaults | null): ImageConfig {
  return { architecture: "amd64", os: "linux", config, rootfs: { type: "layers", diff_ids: [] } };
}

/** The least that can be said, with changes. */
export function options(changes: Partial<RunOptions> = {}): RunOptions {
  const resolvedUser = { uid: 0, gid: 0, additionalGids: [], home: "/root" };
  return { id: ID, rootfs: "/rootfs", seccomp: SECCOMP, resolvedUser, ...changes };
}

/** The spec as it is in JSON; every one that a test makes must be a good one. */
export function make(config: ImageDefaults | null, changes: Partial<RunOptions> = {}): Spec {
  return parseSpec(stringifySpec(specFromImage(image(config), options(changes))));
}

/** A whole user namespace as an ordinary user with a subuid range has it. */
export const RANGE: Partial<RunOptions> = {
  rootless: true,
  uidMappings: [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 100000, size: 65535 },
  ],
  gidMappings: [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 100000, size: 65535 },
  ],
};

/** And as one without a range has it. */
export const SINGLE: Partial<RunOptions> = {
  rootless: true,
  uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
  gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
};
