/**
 * What a spec can ask for and this runtime cannot give: said before anything is touched.
 *
 * A field that is passed over in silence would be a promise broken; security labels above all.
 *
 * @module
 */

import { namespaceOf } from "./birth/namespaces.ts";
import type { Spec } from "./spec.ts";
import { SpecError, validateSpec } from "./validate.ts";

/**
 * Checks a spec whole: that it is one, and that it can be honoured.
 *
 * @throws {SpecError} for the first field that is wrong or cannot be honoured
 */
export function checkSpec(spec: Spec): void {
  validateSpec(spec);
  refuseUnsupported(spec);
}

/**
 * Refuses what the specification allows and this runtime cannot do.
 *
 * @throws {SpecError} for the first field that cannot be honoured
 */
export function refuseUnsupported(spec: Spec): void {
  const { process, linux, hooks, mounts = [] } = spec;
  const refuse = (path: string, value: unknown, problem: string) => {
    if (value !== undefined) throw new SpecError(path, problem);
  };
  if (!process) throw new SpecError("process", "is needed to start a container");
  if (!namespaceOf(spec, "mount")) {
    throw new SpecError(
      "linux.namespaces",
      "a container without a mount namespace would change the host's mounts",
    );
  }
  refuse("process.apparmorProfile", process.apparmorProfile, "AppArmor profiles cannot be applied");
  refuse("process.selinuxLabel", process.selinuxLabel, "SELinux labels cannot be applied");
  refuse("linux.mountLabel", linux?.mountLabel, "SELinux labels cannot be applied");
  refuse("process.scheduler", process.scheduler, "scheduling policies cannot be set");
  refuse("linux.intelRdt", linux?.intelRdt, "Resource Director Technology is not used");
  refuse("linux.timeOffsets", linux?.timeOffsets, "clocks cannot be shifted");
  refuse("linux.personality", linux?.personality, "other execution domains cannot be chosen");
  for (const type of ["time", "pid", "mount", "user"] as const) {
    const namespace = namespaceOf(spec, type);
    const isNewTime = type === "time" && namespace;
    if (isNewTime || namespace?.path) {
      throw new SpecError(
        "linux.namespaces",
        `a ${type} namespace cannot be ${isNewTime ? "made" : "joined"}`,
      );
    }
  }
  for (const [name, list] of Object.entries(hooks ?? {})) {
    if (list?.length) throw new SpecError(`hooks.${name}`, "hooks cannot be run");
  }
  mounts.forEach((mount, i) => {
    refuse(`mounts[${i}].uidMappings`, mount.uidMappings, "mounts cannot be idmapped");
  });
}
