/**
 * What a spec can ask for and this runtime cannot give: said before anything is touched.
 *
 * A field that is passed over in silence would be a promise broken; security labels above all.
 *
 * @module
 */

import { parseMountOptions } from "./birth/mount_options.ts";
import { isBind } from "./birth/mounts.ts";
import { namespaceOf } from "./birth/namespaces.ts";
import type { Mount, Spec } from "./spec.ts";
import { SpecError, validateSpec } from "./validate.ts";

/** Reads a file of the host's; undefined where there is none. A test can give another machine's. */
export type ReadFile = (path: string) => string | undefined;

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
 * Refuses what the specification allows and this runtime cannot do, or not on this host.
 *
 * @throws {SpecError} for the first field that cannot be honoured
 */
export function refuseUnsupported(spec: Spec, read: ReadFile = readHost): void {
  const { process, linux } = spec;
  if (!process) throw new SpecError("process", "is needed to start a container");
  if (!namespaceOf(spec, "mount")) {
    throw new SpecError(
      "linux.namespaces",
      "a container without a mount namespace would change the host's mounts",
    );
  }
  refuseLabels(spec, read);
  if (process.scheduler?.policy === "SCHED_ISO") {
    throw new SpecError("process.scheduler.policy", "no Linux has SCHED_ISO");
  }
  if (linux?.timeOffsets && namespaceOf(spec, "time")?.path) {
    throw new SpecError(
      "linux.timeOffsets",
      "the clocks of a time namespace in use stay as they are",
    );
  }
  spec.mounts?.forEach((mount, i) => refuseMount(mount, `mounts[${i}]`, spec));
  linux?.seccomp?.syscalls?.forEach(({ names, action }, i) => {
    if (action !== "SCMP_ACT_NOTIFY" || !names.includes("write")) return;
    throw new SpecError(
      `linux.seccomp.syscalls[${i}]`,
      "write cannot be reported: it is the call that says that there is a listener",
    );
  });
}

/** A label that nothing enforces would only look like security. */
function refuseLabels({ process, linux }: Spec, read: ReadFile): void {
  if (process?.apparmorProfile && read("/sys/module/apparmor/parameters/enabled")?.trim() !== "Y") {
    throw new SpecError("process.apparmorProfile", "this host's kernel does not use AppArmor");
  }
  const labels = [
    ["process.selinuxLabel", process?.selinuxLabel],
    ["linux.mountLabel", linux?.mountLabel],
  ];
  for (const [field, label] of labels) {
    if (!label || read("/sys/fs/selinux/enforce") !== undefined) continue;
    throw new SpecError(field!, "this host's kernel does not use SELinux");
  }
}

function refuseMount(mount: Mount, field: string, { linux }: Spec): void {
  const { idmap, copyUp } = parseMountOptions(mount.options);
  if ((mount.uidMappings || idmap) && !isBind(mount)) {
    throw new SpecError(field, "only what is bound from the host can be idmapped");
  }
  if (idmap && !mount.uidMappings && !linux?.uidMappings) {
    throw new SpecError(
      `${field}.uidMappings`,
      "idmap needs a mapping: the mount's or the container's",
    );
  }
  if (copyUp && mount.type !== "tmpfs") {
    throw new SpecError(`${field}.options`, "tmpcopyup is for a tmpfs");
  }
}

function readHost(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
