/**
 * Hosts for tests that need none: what the kernel would say, by file.
 *
 * @module
 */

import { type CgroupFiles, readCgroupHost } from "../../../runtime/cgroups/host.ts";
import { planCgroup } from "../../../runtime/cgroups/planner.ts";
import type { CgroupPlan, CgroupRequest } from "../../../runtime/cgroups/plan.ts";

/** Files by path; a directory is there when something is in it. `readOnly` begins paths. */
export function fakeFiles(texts: Record<string, string>, readOnly: string[] = []): CgroupFiles {
  const paths = Object.keys(texts);
  const exists = (path: string) =>
    paths.some((known) => known === path || known.startsWith(`${path}/`));
  return {
    read: (path) => texts[path],
    list(path) {
      const inside = paths.filter((known) => known.startsWith(`${path}/`));
      return [...new Set(inside.map((known) => known.slice(path.length + 1).split("/")[0]))];
    },
    exists,
    writable: (path) => exists(path) && !readOnly.some((start) => path.startsWith(start)),
  };
}

/** A machine as Debian and Fedora set it up: version 2 alone, under systemd. */
export const PURE: Record<string, string> = {
  "/proc/self/mountinfo": [
    "22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw",
    "28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro",
    "29 22 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot",
    "",
  ].join("\n"),
  "/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-3.scope\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
  "/sys/fs/cgroup/cgroup.subtree_control": "cpu memory pids\n",
  "/sys/fs/cgroup/cgroup.procs": "1\n2\n3\n",
  "/sys/fs/cgroup/cpuset.cpus.effective": "0-3\n",
  "/sys/fs/cgroup/cpuset.mems.effective": "0\n",
  "/sys/fs/cgroup/io.cost.qos": "",
  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "0\n",
  "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": "0\n",
};

/** A machine with version 1's controllers, two of them on one hierarchy, and an almost empty version 2. */
export const HYBRID: Record<string, string> = {
  "/proc/self/mountinfo": [
    "31 23 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec - tmpfs tmpfs ro,mode=755",
    "32 31 0:29 / /sys/fs/cgroup/unified rw,nosuid,relatime shared:10 - cgroup2 cgroup2 rw,nsdelegate",
    "33 31 0:30 / /sys/fs/cgroup/systemd rw,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd",
    "34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:12 - cgroup cgroup rw,cpu,cpuacct",
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:13 - cgroup cgroup rw,memory",
    "36 31 0:33 / /sys/fs/cgroup/pids rw,relatime shared:14 - cgroup cgroup rw,pids",
    "37 31 0:34 / /sys/fs/cgroup/devices rw,relatime shared:15 - cgroup cgroup rw,devices",
    "38 31 0:35 / /sys/fs/cgroup/cpuset rw,relatime shared:16 - cgroup cgroup rw,cpuset",
    "39 31 0:36 / /sys/fs/cgroup/freezer rw,relatime shared:17 - cgroup cgroup rw,freezer",
    "40 31 0:37 / /sys/fs/cgroup/blkio rw,relatime shared:18 - cgroup cgroup rw,blkio",
    "41 31 0:38 / /sys/fs/cgroup/net_cls,net_prio rw,relatime - cgroup cgroup rw,net_cls,net_prio",
    "",
  ].join("\n"),
  "/proc/self/cgroup": [
    "9:net_cls,net_prio:/",
    "8:blkio:/",
    "7:freezer:/",
    "6:cpuset:/",
    "5:devices:/user.slice",
    "4:pids:/user.slice/user-0.slice",
    "3:memory:/user.slice/user-0.slice",
    "2:cpu,cpuacct:/",
    "1:name=systemd:/user.slice/user-0.slice/session-1.scope",
    "0::/user.slice/user-0.slice/session-1.scope",
    "",
  ].join("\n"),
  "/sys/fs/cgroup/unified/cgroup.controllers": "hugetlb\n",
  "/sys/fs/cgroup/unified/cgroup.subtree_control": "\n",
  "/sys/fs/cgroup/unified/cgroup.procs": "1\n",
  "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": "9223372036854771712\n",
  "/sys/fs/cgroup/cpuset/cpuset.cpus": "0-1\n",
  "/sys/fs/cgroup/cpuset/cpuset.mems": "0\n",
  "/sys/fs/cgroup/blkio/blkio.bfq.io_service_bytes": "",
  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "0\n",
};

/** A plan for a container called `c` on a machine of files. */
export function planOn(
  texts: Record<string, string>,
  request: Partial<CgroupRequest> = {},
  readOnly: string[] = [],
): Promise<CgroupPlan> {
  const files = fakeFiles(texts, readOnly);
  return planCgroup(readCgroupHost(files), { path: "/c", rootless: false, ...request }, files);
}

/** The writes of a plan as `file=value`, without the directory; not those about devices. */
export function values(plan: CgroupPlan): string[] {
  return plan.writes.filter(({ path }) => !path.includes("/devices."))
    .map(({ path, value }) => `${path.replace(/^.*\//, "")}=${value}`);
}
