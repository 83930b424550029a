/**
 * A container's namespaces: which are new, which are joined, which stay the host's; and what follows
 * for the IDs and file systems in them.
 *
 * @module
 */

import type { LinuxIDMapping, LinuxNamespace } from "../spec.ts";
import type { NamespaceChoice, RunOptions } from "./options.ts";

/** The list for a spec: what is the host's is left out, what has a path is joined. */
export function namespaces(options: RunOptions): LinuxNamespace[] {
  const choices = [
    ["user", userNamespace(options)],
    ["mount", "private"],
    ["pid", options.pid],
    ["network", options.network],
    ["ipc", options.ipc],
    ["uts", options.uts],
    ["cgroup", options.cgroupns],
  ] as const;
  return choices.filter(([, choice]) => choice !== "host").map(([type, choice]) =>
    isPath(choice) ? { type, path: choice } : { type }
  );
}

/** Whether a choice is to join a namespace. */
export function isPath(choice: string | undefined): choice is `/${string}` {
  return choice?.startsWith("/") ?? false;
}

/** The user namespace: what is asked for, else a new one for the mappings, else the host's. */
export function userNamespace({ userns, uidMappings }: RunOptions): NamespaceChoice {
  return userns ?? (uidMappings ? "private" : "host");
}

/** The group IDs of a new user namespace; nothing where all exist, or nobody knows. */
export function groupMap(options: RunOptions): LinuxIDMapping[] | undefined {
  return userNamespace(options) === "private" ? options.gidMappings : undefined;
}

/** Whether an ID exists in a user namespace; without one, all do. */
export function isMapped(id: number, maps: LinuxIDMapping[] | undefined): boolean {
  return maps?.some((map) => id >= map.containerID && id < map.containerID + map.size) ?? true;
}

/**
 * Whether a namespace belongs to another user namespace than the container's own.
 *
 * The kernel lets only its owner mount the file system that shows it: proc for a PID namespace,
 * sysfs for a network, mqueue for an IPC namespace. See namespaces(7), user_namespaces(7).
 */
export function isForeign(
  choice: NamespaceChoice | "none" | undefined,
  options: RunOptions,
): boolean {
  const userns = userNamespace(options);
  if (userns === "host") return false;
  return choice === "host" || isPath(choice) && userns === "private";
}
