/**
 * Causes that many calls share: a missing right, a filter or a profile from outside, an old kernel.
 *
 * @module
 */

import { CAPABILITY_NAMES } from "../capabilities.ts";
import { either, type Finder, type Finding, type Scene } from "./scene.ts";

/** A capability that the process does not have and that the call needs. */
export function lacks(capability: string): Finder {
  const bit = 1n << BigInt(CAPABILITY_NAMES.indexOf(capability));
  return (scene) => {
    if (scene.credentials.effective & bit) return;
    return {
      cause: `${scene.step.name}(2) needs ${capability} here, and this process does not have it`,
      advice: "run as root, or in a user namespace; an outer container has to let it have that",
    };
  };
}

/** Whether a map of the process's user namespace has an id. */
function isMapped(map: string, id: number): boolean {
  return map.split("\n").map((line) => line.trim().split(/\s+/).map(Number))
    .some(([first, , count]) => id >= first && id < first + count);
}

/** The first of some ids that the process's user namespace does not have. */
export function unmapped(scene: Scene, kind: "uid" | "gid", ids: number[]): number | undefined {
  const map = scene.proc(`${kind}_map`);
  return ids.find((id) => !isMapped(map, id));
}

/** AppArmor takes the rights away that a user namespace would give; Ubuntu's since 23.10 does. */
export const restrictedByAppArmor: Finder = (scene): Finding | undefined => {
  if (scene.host("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") !== "1") return;
  if (!scene.isNew("user") || scene.isRoot) return;
  return {
    cause: "AppArmor lets an ordinary user have a user namespace only where a profile allows it " +
      "(kernel.apparmor_restrict_unprivileged_userns is 1)",
    advice: "give deno a profile with the rule `userns,` in /etc/apparmor.d, or " +
      "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
  };
};

/** A filter of system calls that was there before the container's own. */
export const filteredFromOutside: Finder = (scene): Finding | undefined => {
  if (scene.host("/proc/self/status").includes("\nSeccomp:\t2")) {
    return {
      cause: `a seccomp filter is on this process, most likely that of a container that it runs ` +
        `in, and it forbids ${scene.step.name}(2)`,
      advice: "run the outer container with --privileged or --security-opt seccomp=unconfined",
    };
  }
};

const tooOld: Finder = (scene) => {
  const since: Record<string, [number, number]> = {
    clone3: [5, 3],
    open_tree: [5, 2],
    move_mount: [5, 2],
    openat2: [5, 6],
    close_range: [5, 9],
    mount_setattr: [5, 12],
  };
  const needed = since[scene.step.name];
  if (!needed || scene.hasKernel(needed)) return;
  return {
    cause: `${scene.step.name}(2) came with Linux ${needed.join(".")}, and this is ${scene.kernel}`,
    advice: "use a newer kernel",
  };
};

/** The kernel does not know a call, or a filter pretends so: Docker's does for clone3. */
export const unknownCall: Finder = either(tooOld, filteredFromOutside);
