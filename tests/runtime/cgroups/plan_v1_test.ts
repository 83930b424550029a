/**
 * Plans on a hybrid host: version 1's controllers, and version 2 for what needs none.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertThrows } from "@std/assert/throws";
import { readCgroupHost } from "../../../runtime/cgroups/host.ts";
import { CgroupError } from "../../../runtime/cgroups/plan.ts";
import { cgroupPath } from "../../../runtime/cgroups/planner.ts";
import type { LinuxResources } from "../../../runtime/spec/resources.ts";
import { fakeFiles, HYBRID, planOn, values } from "./hosts.ts";

const ROOT = "/sys/fs/cgroup";

const refused = async (resources: LinuxResources, message: string, texts = HYBRID) => {
  await assertRejects(() => planOn(texts, { resources }), CgroupError, message);
};

/** Without version 2, as on an old distribution. */
const LEGACY = {
  ...HYBRID,
  "/proc/self/mountinfo": HYBRID["/proc/self/mountinfo"].replace(/^.*cgroup2.*\n/m, ""),
};

/** A mount that shows the group `/c` in one hierarchy. */
const own = (target: string, type: "cgroup" | "cgroup2", data: string) => ({
  target,
  type,
  data,
  group: `${ROOT}/${target}/c`,
  why: "its own group",
});

Deno.test("v1: a container without limits has version 2, memory, pids and devices, and nothing else", async () => {
  const { writes, deviceProgram, ...plan } = await planOn(HYBRID);
  assertEquals(deviceProgram, undefined);
  assertEquals(plan, {
    path: "/c",
    directories: [
      { path: `${ROOT}/unified/c`, why: "the container's own group", shared: false },
      { path: `${ROOT}/memory/c`, why: "the container's memory group", shared: false },
      { path: `${ROOT}/pids/c`, why: "the container's pids group", shared: false },
      { path: `${ROOT}/devices/c`, why: "the container's devices group", shared: false },
    ],
    joins: [
      { path: `${ROOT}/memory/c/tasks`, why: "joins the memory group" },
      { path: `${ROOT}/pids/c/tasks`, why: "joins the pids group" },
      { path: `${ROOT}/devices/c/tasks`, why: "joins the devices group" },
    ],
    into: `${ROOT}/unified/c`,
    mounts: [
      { target: "", type: "tmpfs", data: "mode=755", why: "a directory for each hierarchy" },
      own("memory", "cgroup", "memory"),
      own("pids", "cgroup", "pids"),
      own("devices", "cgroup", "devices"),
      own("unified", "cgroup2", ""),
    ],
    links: [],
    record: {
      path: "/c",
      v2: `${ROOT}/unified/c`,
      v1: { memory: `${ROOT}/memory/c`, pids: `${ROOT}/pids/c`, devices: `${ROOT}/devices/c` },
      made: ["unified", "memory", "pids", "devices"].map((name) => `${ROOT}/${name}/c`),
    },
  });
  assertEquals(writes.map(({ path, value }) => [path.replace(/^.*\//, ""), value]), [
    ["devices.deny", "a"],
    ["devices.allow", "c *:* m"],
    ["devices.allow", "b *:* m"],
    ["devices.allow", "c 1:3 rwm"],
    ["devices.allow", "c 1:5 rwm"],
    ["devices.allow", "c 1:7 rwm"],
    ["devices.allow", "c 1:8 rwm"],
    ["devices.allow", "c 1:9 rwm"],
    ["devices.allow", "c 5:0 rwm"],
    ["devices.allow", "c 5:2 rwm"],
    ["devices.allow", "c 136:* rwm"],
  ]);
});

Deno.test("v1: all limits of a busy container", async () => {
  const resources: LinuxResources = {
    memory: { limit: 100, swap: 300, reservation: 50, kernelTCP: 10, swappiness: 0 },
    cpu: {
      shares: 2000,
      quota: 50_000,
      period: 200_000,
      burst: 10_000,
      realtimePeriod: 1_000_000,
      realtimeRuntime: 1000,
      cpus: "1",
    },
    pids: { limit: 64 },
    blockIO: {
      weight: 10,
      weightDevice: [{ major: 8, minor: 0, weight: 1000 }],
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
      throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 3 }],
    },
    hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
    network: { classID: 0x100001, priorities: [{ name: "lo", priority: 5 }] },
  };
  assertEquals(values(await planOn(HYBRID, { resources })), [
    // the one controller that lives on version 2 here
    "cgroup.subtree_control=+hugetlb",
    "hugetlb.2MB.max=4194304",
    "hugetlb.2MB.rsvd.max=4194304",
    "memory.limit_in_bytes=100",
    "memory.memsw.limit_in_bytes=300",
    "memory.soft_limit_in_bytes=50",
    "memory.kmem.tcp.limit_in_bytes=10",
    "memory.swappiness=0",
    "cpu.shares=2000",
    "cpu.cfs_period_us=200000",
    "cpu.cfs_quota_us=50000",
    "cpu.cfs_burst_us=10000",
    "cpu.rt_period_us=1000000",
    "cpu.rt_runtime_us=1000",
    "cpuset.cpus=0-1",
    "cpuset.mems=0",
    "cpuset.cpus=1",
    "pids.max=64",
    "blkio.bfq.weight=10",
    "blkio.bfq.weight_device=8:0 1000",
    "blkio.throttle.read_bps_device=8:0 1",
    "blkio.throttle.write_iops_device=8:0 3",
    "net_cls.classid=1048577",
    "net_prio.ifpriomap=lo 5",
  ]);
});

Deno.test("v1: hierarchies with several controllers are joined and mounted once", async () => {
  const plan = await planOn(HYBRID, { resources: { cpu: { shares: 512 } } });
  const directory = `${ROOT}/cpu,cpuacct/c`;
  assertEquals(plan.directories.filter(({ path }) => path === directory).length, 1);
  assertEquals(plan.joins.filter(({ path }) => path.includes("cpu")), [
    { path: `${directory}/tasks`, why: "joins the cpu and cpuacct group" },
  ]);
  assertEquals([plan.record.v1.cpu, plan.record.v1.cpuacct], [directory, directory]);
  assertEquals(plan.mounts.find(({ target }) => target.includes("cpu"))?.data, "cpu,cpuacct");
  assertEquals(plan.links, [
    { name: "cpu", target: "cpu,cpuacct" },
    { name: "cpuacct", target: "cpu,cpuacct" },
  ]);
});

Deno.test("v1: no limit is -1, and a field of 0 is left as it is", async () => {
  const of = (resources: LinuxResources) => planOn(HYBRID, { resources }).then(values);
  assertEquals(await of({ memory: { limit: -1, swap: -1, reservation: -1 } }), [
    "memory.limit_in_bytes=-1",
    "memory.memsw.limit_in_bytes=-1",
    "memory.soft_limit_in_bytes=-1",
  ]);
  assertEquals(await of({ memory: { limit: 0, swap: 0 } }), []);
  assertEquals(await of({ memory: { disableOOMKiller: true } }), ["memory.oom_control=1"]);
  assertEquals(await of({ cpu: { quota: -1 } }), ["cpu.cfs_quota_us=-1"]);
  assertEquals(await of({ cpu: { shares: 1, idle: 1 } }), ["cpu.shares=2", "cpu.idle=1"]);
  assertEquals(await of({ pids: { limit: -1 } }), ["pids.max=max"]);
});

Deno.test("v1: a limit without its controller, its files or its scheduler is refused", async () => {
  await refused(
    { rdma: { a: { hcaHandles: 1 } } },
    "linux.resources.rdma.a: there is no rdma controller",
  );
  await refused(
    { unified: { "memory.high": "1" } },
    'linux.resources.unified["memory.high"]: is a file of version 2, but memory is on version 1',
  );
  const { [`${ROOT}/memory/memory.memsw.limit_in_bytes`]: _, ...uncounted } = HYBRID;
  await refused(
    { memory: { limit: 100, swap: 100 } },
    "linux.resources.memory.swap: the kernel does not count swap: boot it with swapaccount=1",
    uncounted,
  );
  const { [`${ROOT}/blkio/blkio.bfq.io_service_bytes`]: __, ...unweighed } = HYBRID;
  await refused({ blockIO: { weight: 100 } }, "blockIO.weight: weights need the bfq", unweighed);
  await refused({ memory: { swappiness: 101 } }, "linux.resources.memory.swappiness: 101 is not");
  await refused(
    { memory: { kernel: 1 } },
    "linux.resources.memory.kernel: the kernel has no limit",
  );
  await refused({ cpu: { mems: "0-1" } }, "linux.resources.cpu.mems: 0-1 is outside of 0");
  await refused(
    { network: { classID: 2 ** 32 } },
    "linux.resources.network.classID: 4294967296 is not",
  );
});

Deno.test("v1: swap that nobody asked for is left out where it is not counted", async () => {
  const resources = { memory: { limit: 100, swap: 200 } };
  const request = { resources, swapIsDefault: true };
  assertEquals(values(await planOn(HYBRID, request)), [
    "memory.limit_in_bytes=100",
    "memory.memsw.limit_in_bytes=200",
  ]);
  const { [`${ROOT}/memory/memory.memsw.limit_in_bytes`]: _, ...uncounted } = HYBRID;
  assertEquals(values(await planOn(uncounted, request)), ["memory.limit_in_bytes=100"]);
});

Deno.test("v1: a cpuset that shares a hierarchy with memory is filled, also without a limit", async () => {
  const texts = {
    "/proc/self/mountinfo":
      "35 31 0:32 / /cg/all rw - cgroup cgroup rw,memory,cpuset,pids,devices\n",
    "/proc/self/cgroup": "1:memory,cpuset,pids,devices:/\n",
    "/cg/all/cpuset.cpus": "0-1\n",
    "/cg/all/cpuset.mems": "0\n",
  };
  const plan = await planOn(texts);
  assertEquals(values(plan), ["cpuset.cpus=0-1", "cpuset.mems=0"]);
  assertEquals(plan.joins, [
    { path: "/cg/all/c/tasks", why: "joins the memory and cpuset and pids and devices group" },
  ]);
});

Deno.test("v1: without version 2 the freezer joins in, and a missing hierarchy is refused", async () => {
  const plan = await planOn(LEGACY);
  assertEquals(plan.into, undefined);
  assertEquals(plan.record.v1.freezer, `${ROOT}/freezer/c`);
  await refused(
    { hugepageLimits: [{ pageSize: "2MB", limit: 1 }] },
    "linux.resources.hugepageLimits[0]: this host has no hugetlb controller: mount cgroup2",
    LEGACY,
  );
});

Deno.test("v1: a device controller that version 1 lacks is a program of version 2", async () => {
  const texts = {
    ...HYBRID,
    "/proc/self/mountinfo": HYBRID["/proc/self/mountinfo"].replace(/^.*rw,devices\n/m, ""),
  };
  const plan = await planOn(texts);
  assertEquals([plan.deviceProgram !== undefined, plan.record.v1.devices], [true, undefined]);
});

Deno.test("v1: on a path through others' groups, new cpusets are filled on the way down", async () => {
  const texts = {
    ...HYBRID,
    [`${ROOT}/cpuset/old/cpuset.cpus`]: "1\n",
    [`${ROOT}/cpuset/old/cpuset.mems`]: "0\n",
  };
  const plan = await planOn(texts, { path: "/old/new/c", resources: { cpu: { cpus: "1" } } });
  const cpuset = `${ROOT}/cpuset/old`;
  assertEquals(
    plan.directories.filter(({ path }) => path.startsWith(cpuset)).map(({ path, shared }) => [
      path,
      shared,
    ]),
    [[`${cpuset}/new`, true], [`${cpuset}/new/c`, false]],
  );
  assertEquals(
    plan.writes.filter(({ path }) => path.startsWith(cpuset)).map(({ path, value }) => [
      path,
      value,
    ]),
    [
      [`${cpuset}/new/cpuset.cpus`, "1"],
      [`${cpuset}/new/cpuset.mems`, "0"],
      [`${cpuset}/new/c/cpuset.cpus`, "1"],
      [`${cpuset}/new/c/cpuset.mems`, "0"],
      [`${cpuset}/new/c/cpuset.cpus`, "1"],
    ],
  );
  await refused({ cpu: { cpus: "2" } }, "linux.resources.cpu.cpus: 2 is outside of 0-1");
});

Deno.test("v1: what is mounted read-only is done without, unless it is asked for", async () => {
  const texts = {
    ...HYBRID,
    "/proc/self/mountinfo": HYBRID["/proc/self/mountinfo"].replace(
      "/memory rw,relatime",
      "/memory ro,relatime",
    ),
  };
  assertEquals(readCgroupHost(fakeFiles(texts)).v1.get("memory")?.writable, false);
  assertEquals((await planOn(texts)).record.v1.memory, undefined);
  await refused(
    { memory: { limit: 100 } },
    "linux.resources.memory.limit: /sys/fs/cgroup/memory may not be written to: mount it read-write",
    texts,
  );
});

Deno.test("where version 1 has nothing of use, the container sees version 2 as its only one", async () => {
  const texts = {
    "/proc/self/mountinfo": "29 22 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" +
      "33 31 0:30 / /mnt/named rw - cgroup cgroup rw,name=mine\n",
    "/proc/self/cgroup": "1:name=mine:/\n0::/\n",
    "/sys/fs/cgroup/cgroup.controllers": "memory pids\n",
    "/sys/fs/cgroup/cgroup.subtree_control": "memory pids\n",
  };
  const plan = await planOn(texts);
  assertEquals(plan.mounts, [{ ...own("", "cgroup2", ""), group: `${ROOT}/c` }]);
  assertEquals([plan.joins, plan.deviceProgram !== undefined], [[], true]);
});

Deno.test("a group that is there already is not taken", async () => {
  for (const hierarchy of ["unified", "pids"]) {
    const texts = { ...HYBRID, [`${ROOT}/${hierarchy}/c/cgroup.procs`]: "17\n" };
    await assertRejects(
      () => planOn(texts),
      CgroupError,
      `linux.cgroupsPath: /sys/fs/cgroup/${hierarchy}/c is there already: choose another path`,
    );
  }
});

Deno.test("a container's group is named after it, or as the spec says", () => {
  assertEquals(cgroupPath(undefined, "id"), "/tiffin-id");
  assertEquals(cgroupPath("", "id"), "/tiffin-id");
  assertEquals(cgroupPath("/a/b", "id"), "/a/b");
  assertEquals(cgroupPath("a//b/./c/", "id"), "/a/b/c");
  assertEquals(cgroupPath("/kubepods/pod:1:2", "id"), "/kubepods/pod:1:2");
  for (const path of ["system.slice:docker:abc", ":tiffin:abc"]) {
    assertThrows(() => cgroupPath(path, "id"), CgroupError, "is systemd's form, slice:prefix:name");
  }
  for (const path of ["/../a", "a/.."]) {
    assertThrows(() => cgroupPath(path, "id"), CgroupError, "leads upwards");
  }
  assertThrows(() => cgroupPath("/", "id"), CgroupError, "is the root");
});
