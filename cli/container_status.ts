/**
 * What a container is doing, in the words of Docker's lists: `Up 3 minutes (healthy)`.
 *
 * @module
 */

import type { ContainerInfo } from "../runtime/containers.ts";
import { readHealth } from "../runtime/health_file.ts";
import { formatAge, formatSpan } from "./amounts.ts";

/** Says what a container is doing. */
export function formatStatus(info: ContainerInfo, now = Date.now()): string {
  const { state, status, started } = info;
  if (state === "created") return "Created";
  if (state === "exited" || state === "restarting") {
    const word = state === "exited" ? "Exited" : "Restarting";
    return `${word} (${status!.exit.code}) ${formatAge(status!.ended.toISOString(), now)}`;
  }
  const health = readHealth(info.directory);
  const more = [
    ...(health ? [` (${health === "starting" ? "health: starting" : health})`] : []),
    ...(state === "paused" ? [" (Paused)"] : []),
  ];
  return `Up ${formatSpan(now - (started?.getTime() ?? now))}${more.join("")}`;
}
