/**
 * What the monitor of a detached container is told: see birth/monitor.ts.
 *
 * @module
 */

import * as write from "./birth/monitor.ts";
import type { BirthRequest } from "./birth/birth.ts";
import type { CgroupRecord } from "./cgroups/plan.ts";
import { memoryEvents } from "./cgroups/stats.ts";
import type { ContainerRequest } from "./container_request.ts";
import { claimFile } from "./records.ts";

/** Works out a monitor; nothing is touched. */
export function monitorOf(
  detach: NonNullable<ContainerRequest["detach"]>,
  { dataRoot, id, directory, cgroup }: {
    dataRoot: string;
    id: string;
    directory: string;
    cgroup: CgroupRecord;
  },
): BirthRequest["monitor"] {
  return {
    write,
    request: {
      ...detach,
      directory,
      claim: claimFile(dataRoot, id),
      memoryFile: memoryEvents(cgroup),
      groups: cgroup.made,
      maps: Deno.readTextFileSync("/proc/self/maps"),
    },
  };
}
