/**
 * What a monitor becomes when its container has ended and something is left that calls alone cannot
 * do: `tiffin reap`, see reap.ts. Most containers leave nothing, and then no JavaScript runs.
 *
 * @module
 */

import type { ContainerRequest } from "../container_request.ts";
import { wantsNetwork } from "../network/request.ts";
import { type OwnCommand, ownCommand } from "../own_command.ts";

/** The command that does it; `undefined` where there will be nothing to do. */
export function afterwardsOf(
  request: Pick<ContainerRequest, "keep" | "rm" | "restart" | "network" | "options">,
  dataRoot: string,
  id: string,
): OwnCommand | undefined {
  const { keep, rm, restart, options } = request;
  // without a PID namespace of its own, other processes can outlast the first one
  const mayLeaveProcesses = options.pid !== undefined && options.pid !== "private";
  if (keep && !rm && !restart && !mayLeaveProcesses && !wantsNetwork(request)) return undefined;
  return ownCommand(dataRoot, "reap", id);
}
