/**
 * What a monitor becomes when its container has ended and something is left that calls alone cannot
 * do: `tiffin reap`, see reap.ts. Most containers leave nothing, and then no JavaScript runs.
 *
 * @module
 */

import type { ContainerRequest } from "../container_request.ts";
import { wantsNetwork } from "../network/request.ts";
import { ownCommand } from "../own_command.ts";

/** What the monitor of a container is told of what was asked for. */
export function detachOf(
  request: Omit<ContainerRequest, "dataRoot">,
  dataRoot: string,
  id: string,
): NonNullable<ContainerRequest["detach"]> {
  return {
    keepsInput: request.hasInput ?? false,
    afterwards: hasAfterwards(request) ? ownCommand(dataRoot, "reap", id) : undefined,
    log: request.log,
  };
}

/** Whether the monitor of a container that is started so has something to do when it has ended. */
export function hasAfterwards(
  request: Pick<ContainerRequest, "keep" | "rm" | "restart" | "network" | "options">,
): boolean {
  const { keep, rm, restart, options } = request;
  // without a PID namespace of its own, other processes can outlast the first one
  const mayLeaveProcesses = options.pid !== undefined && options.pid !== "private";
  return !keep || !!rm || !!restart || mayLeaveProcesses || wantsNetwork(request);
}
