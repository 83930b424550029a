/**
 * Limits that bite, on whichever version this machine has its controllers in; the guest has the
 * other one.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { readCgroupHost } from "../../../runtime/cgroups/host.ts";
import { readOom, readStats } from "../../../runtime/cgroups/stats.ts";
import { needs } from "../../helpers/needs.ts";
import { realGroup } from "./real_group.ts";

const MIB = 1 << 20;

Deno.test({
  ...needs("a group at its memory limit is killed, and the kill is counted", { root: true }),
  async fn() {
    await using group = await realGroup({ memory: { limit: 32 * MIB, swap: 32 * MIB } });
    assertEquals(readOom(group.record), 0);
    const { signal } = await group.run("exec tail /dev/zero");
    assertEquals(signal, "SIGKILL");
    assertEquals(readOom(group.record), 1);
    assertEquals(readStats(group.record).memory?.limit, 32 * MIB);
  },
});

Deno.test({
  ...needs("a group without limits is counted, and says that it has none", { root: true }),
  async fn() {
    await using group = await realGroup({});
    await group.run("head -c 8000000 /dev/zero | tail -c 1 >/dev/null");
    const { cpu, memory, pids } = readStats(group.record);
    assert(cpu && cpu.usage > 0 && cpu.usage >= cpu.system, JSON.stringify(cpu));
    assert(memory && memory.usage >= memory.inactiveFile && !("limit" in memory));
    assertEquals(pids, { current: 0 });
    assertEquals(readOom(group.record), 0);
  },
});

Deno.test({
  ...needs("a fork loop ends at the limit of tasks", { root: true }),
  async fn() {
    await using group = await realGroup({ pids: { limit: 8 } });
    const fork =
      "i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 60 >/dev/null 2>&1 & done; echo $i";
    const { err, out } = await group.run(fork);
    assertMatch(err, /[Cc]annot fork|Resource temporarily unavailable/);
    assertEquals(out, "");
    const { pids } = readStats(group.record);
    // the shell has gone, and its seven have not
    assertEquals(pids, { current: 7, limit: 8 });
  },
});

Deno.test({
  ...needs("half a processor halves a busy loop", { root: true }),
  async fn() {
    await using group = await realGroup({ cpu: { quota: 50_000, period: 100_000 } });
    const loop = group.start("while :; do :; done");
    const share = async () => {
      const [usage, time] = [readStats(group.record).cpu!.usage, performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 2000));
      return (readStats(group.record).cpu!.usage - usage) / (performance.now() - time) / 1000;
    };
    await share(); // until it runs
    const used = await share();
    loop.kill("SIGKILL");
    await loop.output();
    // never more than half; less where the machine has other work
    assert(used > 0.2 && used < 0.56, `${used} of a processor`);
    assert(readStats(group.record).cpu!.throttled! > 5);
  },
});

Deno.test({
  ...needs("a group runs where it is told to", { root: true }),
  async fn() {
    await using group = await realGroup({ cpu: { cpus: "0" } });
    const { out } = await group.run("grep _allowed_list /proc/self/status");
    assertMatch(out, /Cpus_allowed_list:\s*0\n/);
    assertMatch(out, /Mems_allowed_list:\s*0\n/);
  },
});

Deno.test({
  ...needs("a group may use null, and make but not open a node for a disk", { root: true }),
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      await using group = await realGroup({});
      const disk = `${directory}/disk`;
      const kmsg = `${directory}/kmsg`;
      // a node of this file system can be opened, unless the group forbids it
      await new Deno.Command("mknod", { args: [kmsg, "c", "1", "11"] }).output();
      Deno.openSync(kmsg, { read: true }).close();
      const { code, out, err } = await group.run(`
        echo into >/dev/null && head -c 4 /dev/zero | wc -c
        mknod ${disk} b 8 0 && echo made
        head -c 1 ${disk}; head -c 1 ${kmsg}; echo x >${kmsg}`);
      assertEquals(out, "4\nmade\n");
      assertEquals(err.match(/Operation not permitted/g)?.length, 3, err);
      assert(code !== 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  ...needs("a device can be given for reading alone", { root: true }),
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const kmsg = `${directory}/kmsg`;
      await new Deno.Command("mknod", { args: [kmsg, "c", "1", "11"] }).output();
      const rule = { allow: true, type: "c", major: 1, minor: 11, access: "r" } as const;
      await using group = await realGroup({ devices: [{ allow: false }, rule] });
      const { out, err } = await group.run(`
        (exec 3<${kmsg}) && echo read
        (exec 3>${kmsg}) || echo refused
        (exec 3<>${kmsg}) || echo refused`);
      assertEquals(out, "read\nrefused\nrefused\n");
      assertEquals(err.match(/Operation not permitted/g)?.length, 2, err);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  ...needs("where version 1 has no devices hierarchy, the program of version 2 decides", {
    root: true,
    cgroup: "v1",
  }),
  async fn() {
    const host = readCgroupHost();
    host.v1.delete("devices");
    await using group = await realGroup({}, {}, host);
    assert(group.plan.deviceProgram);
    const { out, err } = await group.run("echo x >/dev/null && echo null; exec 3</dev/kmsg");
    assertEquals(out, "null\n");
    assertMatch(err, /Operation not permitted/);
  },
});

Deno.test({
  ...needs("huge pages are limited where their controller lives", {
    root: true,
    files: ["/sys/kernel/mm/hugepages/hugepages-2048kB"],
  }),
  async fn() {
    await using group = await realGroup({ hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }] });
    const { path, value } = group.plan.writes.find(({ path }) => path.includes("hugetlb.2MB"))!;
    assertEquals([Deno.readTextFileSync(path).trim(), value], [`${4 * MIB}`, `${4 * MIB}`]);
  },
});

Deno.test({
  ...needs("a disk is as slow as its limit", { root: true, cgroup: "v2", files: ["/scratch"] }),
  async fn() {
    const { dev } = Deno.statSync("/scratch");
    const [major, minor] = [dev >> 8 & 0xfff, dev & 0xff];
    const rate = 2 * MIB;
    await using group = await realGroup({
      blockIO: { throttleWriteBpsDevice: [{ major, minor, rate }] },
    });
    const started = performance.now();
    const { err } = await group.run(
      "dd if=/dev/zero of=/scratch/limited bs=1M count=8 oflag=direct",
    );
    const seconds = (performance.now() - started) / 1000;
    Deno.removeSync("/scratch/limited");
    assertMatch(err, /8388608 bytes/);
    // 8 MiB at 2 MiB a second; a first burst may go through at once
    assert(seconds > 3 && seconds < 20, `${seconds} s`);
    const { io } = readStats(group.record);
    assert(io && io.written >= 8 * MIB, JSON.stringify(io));
  },
});

Deno.test({
  ...needs("every limit of version 2 is taken by the kernel as it was meant", {
    root: true,
    cgroup: "v2",
  }),
  async fn() {
    await using group = await realGroup({
      memory: { limit: 64 * MIB, swap: 96 * MIB, reservation: 16 * MIB },
      cpu: { shares: 2000, quota: 60_000, period: 120_000, burst: 20_000, mems: "0" },
      blockIO: { weight: 20 },
      unified: { "memory.high": `${48 * MIB}`, "cgroup.max.descendants": "3" },
    });
    const read = (file: string) => Deno.readTextFileSync(`${group.plan.into}/${file}`).trim();
    assertEquals(read("memory.max"), `${64 * MIB}`);
    assertEquals(read("memory.swap.max"), `${32 * MIB}`);
    assertEquals(read("memory.low"), `${16 * MIB}`);
    assertEquals(read("memory.high"), `${48 * MIB}`);
    assertEquals(read("cpu.weight"), "170");
    assertEquals(read("cpu.max"), "60000 120000");
    assertEquals(read("cpu.max.burst"), "20000");
    assertEquals(read("cpuset.mems"), "0");
    assertEquals(read("cgroup.max.descendants"), "3");
    for (const { path, value } of group.plan.writes) {
      if (path.endsWith("weight") && path.includes("/io.")) {
        assertEquals(Deno.readTextFileSync(path).trim(), value);
      }
    }
  },
});

Deno.test({
  ...needs("every limit of version 1 is taken by the kernel as it was meant", {
    root: true,
    cgroup: "v1",
  }),
  async fn() {
    await using group = await realGroup({
      memory: { limit: 64 * MIB, swap: 96 * MIB, reservation: 16 * MIB, swappiness: 10 },
      cpu: { shares: 2000, quota: 60_000, period: 120_000, burst: 20_000 },
      blockIO: { weight: 20 },
    });
    const { v1 } = group.record;
    const read = (path: string) => Deno.readTextFileSync(path).trim();
    assertEquals(read(`${v1.memory}/memory.limit_in_bytes`), `${64 * MIB}`);
    assertEquals(read(`${v1.memory}/memory.memsw.limit_in_bytes`), `${96 * MIB}`);
    assertEquals(read(`${v1.memory}/memory.soft_limit_in_bytes`), `${16 * MIB}`);
    assertEquals(read(`${v1.memory}/memory.swappiness`), "10");
    assertEquals(read(`${v1.cpu}/cpu.shares`), "2000");
    assertEquals(read(`${v1.cpu}/cpu.cfs_quota_us`), "60000");
    assertEquals(read(`${v1.cpu}/cpu.cfs_period_us`), "120000");
    assertEquals(read(`${v1.cpu}/cpu.cfs_burst_us`), "20000");
    assertEquals(read(`${v1.blkio}/blkio.bfq.weight`), "20");
  },
});
