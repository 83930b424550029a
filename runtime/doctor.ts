/**
 * What a host can do for containers, and what would mend what it cannot.
 *
 * @module
 */

import { examineCgroups } from "./doctor/cgroups.ts";
import type { Finding, Host } from "./doctor/finding.ts";
import {
  examineFileSystems,
  examineGround,
  examineNetwork,
  examineSeccomp,
  examineVirtualMachines,
} from "./doctor/system.ts";
import { examineUser } from "./doctor/user.ts";

export type { Finding, Host };

/**
 * Examines a host.
 *
 * @param problem what keeps Tiffin from running on its kernel or Deno, if anything
 */
export async function examineHost(host: Host, problem?: string): Promise<Finding[]> {
  return [
    ...examineGround(host, problem),
    ...examineUser(host),
    ...examineFileSystems(host),
    ...examineSeccomp(host),
    ...await examineCgroups(host),
    ...examineNetwork(host),
    ...examineVirtualMachines(host),
  ];
}
