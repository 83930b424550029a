/**
 * A container that has a health check, put into the keeper's care.
 *
 * @module
 */

import { healthCheckOf } from "../health_check.ts";
import { writeHealth } from "../health_file.ts";
import { ensureKeeper } from "../keeper.ts";
import { containerDirectory, type StoredRequest } from "../records.ts";

/** Has a container that was just started be checked, if it has a check. */
export function watchHealth(
  dataRoot: string,
  id: string,
  request: Pick<StoredRequest, "health" | "from">,
): void {
  if (!healthCheckOf(request)) return;
  writeHealth(containerDirectory(dataRoot, id), "starting");
  ensureKeeper(dataRoot);
}
