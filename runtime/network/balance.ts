/**
 * Who of those that share a name or a service is well: the others get no connections.
 *
 * It is a job of the keeper's (keeper.ts). It reads what the health checks have written, notes it in
 * the state, and has the packet filter say the same.
 *
 * @module
 */

import { isReady } from "../health_file.ts";
import type { Job } from "../keeper.ts";
import { containerDirectory } from "../records.ts";
import { hostNames } from "./names.ts";
import { writeRules } from "./release.ts";
import { isHeld, lockState, type Member, readState } from "./state.ts";

/** How often is looked, in milliseconds. */
const ROUND = 250;

/** The job. */
export const job: Job = {
  name: "balance",
  isNeeded: (dataRoot) => shared(dataRoot).length > 0,
  run: watch,
};

/** The containers that others share a name with. */
function shared(dataRoot: string): Member[] {
  const members = readState(dataRoot).members.filter((member) => isHeld(dataRoot, member));
  return members.filter(({ service, endpoints }) =>
    service !== undefined || endpoints.some(({ aliases }) => aliases.length > 0)
  );
}

async function watch(dataRoot: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const changed = shared(dataRoot).filter((member) => isOutOfDate(dataRoot, member));
    if (changed.length > 0) await note(dataRoot, new Set(changed.map(({ id }) => id)));
    await new Promise((resolve) => setTimeout(resolve, ROUND));
  }
}

function isOutOfDate(dataRoot: string, { id, isUnready = false }: Member): boolean {
  return isReady(containerDirectory(dataRoot, id)) === isUnready;
}

async function note(dataRoot: string, ids: ReadonlySet<string>): Promise<void> {
  using locked = await lockState(dataRoot);
  const { state } = locked;
  for (const member of state.members) {
    if (!ids.has(member.id)) continue;
    const isUnready = !isReady(containerDirectory(dataRoot, member.id));
    member.isUnready = isUnready || undefined;
  }
  locked.save();
  writeRules(state, hostNames(dataRoot));
}
