/**
 * What is read of the machine's control groups.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { readCgroupHost } from "../../../runtime/cgroups/host.ts";
import { fakeFiles, HYBRID, PURE } from "./hosts.ts";

Deno.test("a host with version 2 alone", () => {
  assertEquals(readCgroupHost(fakeFiles(PURE)), {
    mode: "v2",
    v1: new Map(),
    v2: {
      mount: "/sys/fs/cgroup",
      own: "/user.slice/user-1000.slice/session-3.scope",
      writable: true,
      controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"],
    },
  });
});

Deno.test("a hybrid host has each controller where it lives, and version 2 beside them", () => {
  const host = readCgroupHost(fakeFiles(HYBRID));
  assertEquals(host.mode, "hybrid");
  assertEquals(host.v2?.mount, "/sys/fs/cgroup/unified");
  assertEquals(host.v2?.controllers, ["hugetlb"]);
  assertEquals(host.v1.get("memory"), {
    mount: "/sys/fs/cgroup/memory",
    own: "/user.slice/user-0.slice",
    writable: true,
  });
  assertEquals(host.v1.get("cpu")?.mount, "/sys/fs/cgroup/cpu,cpuacct");
  assertEquals(host.v1.get("cpuacct")?.mount, "/sys/fs/cgroup/cpu,cpuacct");
  assertEquals([...host.v1.keys()].sort(), [
    "blkio",
    "cpu",
    "cpuacct",
    "cpuset",
    "devices",
    "freezer",
    "memory",
    "name=systemd",
    "net_cls",
    "net_prio",
    "pids",
  ]);
});

Deno.test("a host without any", () => {
  const host = readCgroupHost(fakeFiles({ "/proc/self/cgroup": "" }));
  assertEquals(host, { mode: "none", v1: new Map(), v2: undefined });
});

Deno.test("inside a container that has its host's group bind-mounted, paths start at the mount", () => {
  const host = readCgroupHost(fakeFiles({
    "/proc/self/mountinfo":
      "29 22 0:25 /docker/abc /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw\n" +
      "30 22 0:26 /docker/abc /cg/pids rw - cgroup cgroup rw,pids\n",
    "/proc/self/cgroup": "1:pids:/docker/abc\n0::/docker/abc/inner\n",
  }));
  assertEquals(host.v2?.own, "/inner");
  assertEquals(host.v1.get("pids")?.own, "/");
});

Deno.test("read-only is the mount's word as well as the file system's", () => {
  for (const [mount, fileSystem] of [["ro", "rw"], ["rw", "ro"]]) {
    const host = readCgroupHost(fakeFiles({
      "/proc/self/mountinfo": `29 22 0:25 / /cg ${mount},nosuid - cgroup2 cgroup2 ${fileSystem}\n`,
      "/proc/self/cgroup": "0::/\n",
    }));
    assertEquals(host.v2?.writable, false);
  }
});

Deno.test("a mount point with a space, and a group with a colon", () => {
  const host = readCgroupHost(fakeFiles({
    "/proc/self/mountinfo": "29 22 0:25 / /my\\040groups rw - cgroup2 cgroup2 rw\n",
    "/proc/self/cgroup": "0::/a:b\n",
  }));
  assertEquals(host.v2?.mount, "/my groups");
  assertEquals(host.v2?.own, "/a:b");
});

Deno.test("this machine's control groups can be read", () => {
  const host = readCgroupHost();
  for (const { mount, own } of [...host.v1.values(), ...host.v2 ? [host.v2] : []]) {
    assert(Deno.statSync(mount).isDirectory, mount);
    assert(own.startsWith("/"), own);
  }
});
