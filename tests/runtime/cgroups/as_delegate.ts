/**
 * What `delegation_test.ts` has an ordinary user do in a group that was handed over: make a group
 * with a limit, run a command that breaks it, and print what came of it.
 *
 * @module
 */

import { readOom } from "../../../runtime/cgroups/stats.ts";
import { realGroup } from "./real_group.ts";

const resources = { memory: { limit: 16 << 20, swap: 16 << 20 }, pids: { limit: 20 } };
let told;
{
  await using group = await realGroup(resources, { rootless: true });
  const { signal } = await group.run("exec tail /dev/zero");
  const outside = Deno.readTextFileSync("/proc/self/cgroup").trim();
  told = {
    user: Deno.uid(),
    signal,
    kills: readOom(group.record),
    group: group.record.v2,
    outside,
  };
}
console.log(JSON.stringify(told));
