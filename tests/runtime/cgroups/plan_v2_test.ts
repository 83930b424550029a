/**
 * Plans on a host that has version 2 alone.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { CgroupError } from "../../../runtime/cgroups/plan.ts";
import type { LinuxResources } from "../../../runtime/spec/resources.ts";
import { planOn, PURE, values } from "./hosts.ts";

const ROOT = "/sys/fs/cgroup";

const refused = async (resources: LinuxResources, message: string, texts = PURE) => {
  await assertRejects(() => planOn(texts, { resources }), CgroupError, message);
};

Deno.test("v2: a container without limits is born into a group that is counted and guarded", async () => {
  const { deviceProgram, ...plan } = await planOn(PURE);
  assert(deviceProgram && deviceProgram.length % 8 === 0);
  assertEquals(plan, {
    path: "/c",
    directories: [{ path: `${ROOT}/c`, why: "the container's own group", shared: false }],
    writes: [],
    joins: [],
    into: `${ROOT}/c`,
    mounts: [{
      target: "",
      type: "cgroup2",
      data: "",
      group: "/sys/fs/cgroup/c",
      why: "its own group",
    }],
    links: [],
    record: { path: "/c", v2: `${ROOT}/c`, v1: {}, made: [`${ROOT}/c`] },
  });
});

Deno.test("v2: what the root does not hand down yet, it is told to, in one write", async () => {
  const texts = { ...PURE, [`${ROOT}/cgroup.subtree_control`]: "cpu\n" };
  assertEquals((await planOn(texts)).writes.map(({ path, value }) => [path, value]), [
    [`${ROOT}/cgroup.subtree_control`, "+memory +pids"],
  ]);
  const resources = { cpu: { cpus: "1" } };
  assertEquals(values(await planOn(texts, { resources })), [
    "cgroup.subtree_control=+cpuset +memory +pids",
    "cpuset.cpus=1",
  ]);
});

Deno.test("v2: what is good to have is left out where the kernel has none", async () => {
  const texts = {
    ...PURE,
    [`${ROOT}/cgroup.controllers`]: "cpu pids\n",
    [`${ROOT}/cgroup.subtree_control`]: "\n",
  };
  assertEquals(values(await planOn(texts)), ["cgroup.subtree_control=+pids"]);
  await refused(
    { memory: { limit: 1 << 20 } },
    "linux.resources.memory.limit: there is no memory controller in /sys/fs/cgroup: look at",
    texts,
  );
});

Deno.test("v2: all limits of a busy container", async () => {
  const resources: LinuxResources = {
    memory: { limit: 100, swap: 300, reservation: 50 },
    cpu: { shares: 2000, quota: 50_000, period: 200_000, burst: 10_000, cpus: "0-1", mems: "0" },
    pids: { limit: 64 },
    blockIO: {
      weight: 10,
      weightDevice: [{ major: 8, minor: 0, weight: 1000 }],
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }, { major: 8, minor: 16, rate: 2 }],
      throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 3 }],
    },
    hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }, { pageSize: "1GB", limit: 0 }],
    rdma: { mlx5_0: { hcaHandles: 2, hcaObjects: 2000 } },
    unified: { "memory.high": "90", "io.max": "8:0 rbps=max\n8:16 rbps=max" },
  };
  assertEquals(values(await planOn(PURE, { resources })), [
    "cgroup.subtree_control=+cpuset +io +hugetlb +rdma",
    "memory.max=100",
    "memory.swap.max=200",
    "memory.low=50",
    "cpu.weight=170",
    "cpu.max=50000 200000",
    "cpu.max.burst=10000",
    "cpuset.cpus=0-1",
    "cpuset.mems=0",
    "pids.max=64",
    "io.weight=default 1",
    "io.weight=8:0 10000",
    "io.max=8:0 rbps=1 wiops=3",
    "io.max=8:16 rbps=2",
    "hugetlb.2MB.max=4194304",
    "hugetlb.2MB.rsvd.max=4194304",
    "hugetlb.1GB.max=0",
    "hugetlb.1GB.rsvd.max=0",
    "rdma.max=mlx5_0 hca_handle=2 hca_object=2000",
    "memory.high=90",
    "io.max=8:0 rbps=max",
    "io.max=8:16 rbps=max",
  ]);
});

Deno.test("v2: no limit is `max`, and a field of 0 is left as it is", async () => {
  const of = (resources: LinuxResources) => planOn(PURE, { resources }).then(values);
  assertEquals(await of({ memory: { limit: -1, swap: -1, reservation: -1 } }), [
    "memory.max=max",
    "memory.swap.max=max",
    "memory.low=max",
  ]);
  assertEquals(await of({ memory: { limit: 0, swap: 0 } }), []);
  assertEquals(await of({ cpu: { quota: -1 } }), ["cpu.max=max 100000"]);
  assertEquals(await of({ cpu: { period: 50_000 } }), ["cpu.max=max 50000"]);
  assertEquals(await of({ cpu: { shares: 512, idle: 1 } }), ["cpu.weight=59", "cpu.idle=1"]);
  assertEquals(await of({ pids: { limit: 0 } }), ["pids.max=max"]);
  assertEquals(await of({ pids: { limit: -1 } }), ["pids.max=max"]);
  assertEquals(await of({ memory: { disableOOMKiller: false, useHierarchy: true } }), []);
  assertEquals(await of({ cpu: { cpus: "", mems: "" } }), []);
});

Deno.test("v2: no swap at all may be asked of a kernel that has none", async () => {
  const resources = { memory: { limit: 100, swap: 100 } };
  const swap = (await planOn(PURE, { resources })).writes.find(({ path }) => path.includes("swap"));
  assertEquals([swap?.value, swap?.allow], ["0", ["ENOENT"]]);
  const more = await planOn(PURE, { resources: { memory: { limit: 100, swap: 101 } } });
  assertEquals(more.writes.find(({ path }) => path.includes("swap"))?.allow, undefined);
});

Deno.test("v2: swap that nobody asked for may fail where it is not counted", async () => {
  const resources = { memory: { limit: 100, swap: 200 } };
  const plan = await planOn(PURE, { resources, swapIsDefault: true });
  const swap = plan.writes.find(({ path }) => path.includes("swap"));
  assertEquals([swap?.value, swap?.allow], ["100", ["ENOENT"]]);
});

Deno.test("v2: limits that contradict themselves, and numbers that the kernel would refuse", async () => {
  await refused(
    { memory: { swap: 100 } },
    "linux.resources.memory.swap: is memory and swap together",
  );
  await refused(
    { memory: { limit: 100, swap: 50 } },
    "memory.swap: 50 is memory and swap together, but",
  );
  await refused(
    { memory: { limit: -2 } },
    "linux.resources.memory.limit: -2 is not a whole number",
  );
  await refused(
    { memory: { limit: 1.5 } },
    "linux.resources.memory.limit: 1.5 is not a whole number",
  );
  await refused(
    { cpu: { quota: 999 } },
    "linux.resources.cpu.quota: 999 is not a whole number from 1000",
  );
  await refused({ cpu: { period: 2_000_000 } }, "linux.resources.cpu.period: 2000000 is not");
  await refused({ cpu: { burst: 1 } }, "linux.resources.cpu.burst: 1 is more than the quota");
  await refused(
    { cpu: { idle: 2 } },
    "linux.resources.cpu.idle: 2 is not a whole number from 0 to 1",
  );
  await refused({ cpu: { cpus: "4" } }, "linux.resources.cpu.cpus: 4 is outside of 0-3");
  await refused({ cpu: { mems: "1" } }, "linux.resources.cpu.mems: 1 is outside of 0");
  await refused({ pids: { limit: 2 ** 40 } }, "linux.resources.pids.limit: 1099511627776 is not");
  await refused(
    { blockIO: { weight: 5 } },
    "linux.resources.blockIO.weight: 5 is not a whole number",
  );
  await refused(
    { hugepageLimits: [{ pageSize: "4MB", limit: 1 }] },
    "linux.resources.hugepageLimits[0].pageSize: this machine has no 4MB pages, but 2MB, 1GB",
  );
  await refused({ unified: { "../memory.max": "1" } }, "is not the name of a control group's file");
});

Deno.test("v2: what only version 1 has is refused, not skipped", async () => {
  await refused(
    { memory: { swappiness: 0 } },
    "linux.resources.memory.swappiness: version 2 of control",
  );
  await refused({ memory: { disableOOMKiller: true } }, "linux.resources.memory.disableOOMKiller:");
  await refused(
    { memory: { kernel: 1 } },
    "linux.resources.memory.kernel: the kernel has no limit",
  );
  await refused({ memory: { kernelTCP: 1 } }, "linux.resources.memory.kernelTCP: version 2");
  await refused({ cpu: { realtimeRuntime: 1 } }, "linux.resources.cpu.realtimeRuntime: version 2");
  await refused({ blockIO: { leafWeight: 10 } }, "linux.resources.blockIO.leafWeight: version 2");
  await refused(
    { network: { classID: 1 } },
    "linux.resources.network.classID: needs version 1's net_cls controller",
  );
  await refused(
    { network: { priorities: [{ name: "eth0", priority: 1 }] } },
    "linux.resources.network.priorities: needs version 1's net_prio controller",
  );
});

Deno.test("v2: weights go to whichever scheduler there is, in its own scale", async () => {
  const blockIO = { weight: 500 };
  const bfq = { ...PURE, "/sys/block/vda/queue/scheduler": "[none] mq-deadline bfq\n" };
  assertEquals(values(await planOn(bfq, { resources: { blockIO } })), [
    "cgroup.subtree_control=+io",
    "io.bfq.weight=default 500",
    "io.weight=default 4950",
  ]);
  const { [`${ROOT}/io.cost.qos`]: _, ...neither } = PURE;
  await refused({ blockIO }, "blockIO.weight: this kernel weighs no block devices", neither);
});

Deno.test("v2: a path through others' groups makes those that are missing, and removes only these", async () => {
  const texts = {
    ...PURE,
    [`${ROOT}/kubepods/cgroup.subtree_control`]: "cpu memory\n",
    [`${ROOT}/kubepods/cgroup.procs`]: "",
  };
  const plan = await planOn(texts, { path: "/kubepods/pod1/c" });
  assertEquals(plan.directories.map(({ path, shared }) => [path, shared]), [
    [`${ROOT}/kubepods/pod1`, true],
    [`${ROOT}/kubepods/pod1/c`, false],
  ]);
  assertEquals(plan.writes.map(({ path, value }) => [path, value]), [
    [`${ROOT}/kubepods/cgroup.subtree_control`, "+pids"],
    [`${ROOT}/kubepods/pod1/cgroup.subtree_control`, "+memory +pids"],
  ]);
  assertEquals(plan.record.made, [`${ROOT}/kubepods/pod1`, `${ROOT}/kubepods/pod1/c`]);
});

Deno.test("v2: processes on the way are in the way only of a limit", async () => {
  const texts = {
    ...PURE,
    [`${ROOT}/busy/cgroup.subtree_control`]: "\n",
    [`${ROOT}/busy/cgroup.procs`]: "17\n",
  };
  assertEquals((await planOn(texts, { path: "/busy/c" })).writes, []);
  await assertRejects(
    () => planOn(texts, { path: "/busy/c", resources: { pids: { limit: 5 } } }),
    CgroupError,
    "linux.resources.pids.limit: /sys/fs/cgroup/busy has processes that cannot be moved",
  );
});
