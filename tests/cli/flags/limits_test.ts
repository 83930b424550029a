/**
 * Limits: `--memory`, `--cpus`, `--pids-limit`, `--ulimit` and their like.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { weightOfShares } from "../../../runtime/cgroups/values.ts";
import { changes, options, refusal } from "../run_flags.ts";

const MIB = 1024 * 1024;

Deno.test("sizes, in powers of 1024", async () => {
  const sizes = {
    "33554432": 32 * MIB,
    "33554432b": 32 * MIB,
    "32768k": 32 * MIB,
    "32m": 32 * MIB,
    "32M": 32 * MIB,
    "32mb": 32 * MIB,
    "32MiB": 32 * MIB,
    "32 m": 32 * MIB,
    "1.5g": 1536 * MIB,
    "1t": 2 ** 40,
  };
  for (const [text, limit] of Object.entries(sizes)) {
    const { options } = await changes("-m", text);
    assertEquals(options?.resources?.memory?.limit, limit, text);
  }
  for (
    const text of ["", "m", "3x", "-1", "1.m", ".5g", "1,5g", "0x10", "1e3", "1g2", "Infinity"]
  ) {
    const shown = JSON.stringify(text);
    const message = `--memory: ${shown} is not a size; write 32m or 1g`;
    assertEquals(await refusal(`--memory=${text}`), message);
  }
  assertEquals(await refusal("-m", "9000p"), '--memory: "9000p" is more than can be counted');
});

Deno.test("--memory without --memory-swap allows as much swap, by default", async () => {
  const resources = { memory: { limit: 32 * MIB, swap: 64 * MIB } };
  assertEquals(await changes("-m", "32m"), { swapIsDefault: true, options: { resources } });
  assertEquals(await changes("-m", "32m", "--memory-swap", "64m"), { options: { resources } });
  assertEquals(await changes("-m", "32m", "--memory-swap", "0"), { options: { resources } });
});

Deno.test("--memory-swap counts memory too; -1 is no limit", async () => {
  const memory = async (...flags: string[]) => (await options(...flags)).resources?.memory;
  const limit = 32 * MIB;
  assertEquals(await memory("-m", "32m", "--memory-swap", "-1"), { limit, swap: -1 });
  assertEquals(await memory("-m", "32m", "--memory-swap", "32m"), { limit, swap: limit });
  assertEquals(
    await refusal("-m", "32m", "--memory-swap", "16m"),
    "--memory-swap is memory and swap together: it cannot be less than --memory",
  );
  assertEquals(
    await refusal("--memory-swap", "64m"),
    "--memory-swap is memory and swap together: give --memory too",
  );
});

Deno.test("the other limits of memory", async () => {
  const memory = async (...flags: string[]) => {
    const { options } = await changes(...flags);
    return options?.resources?.memory;
  };
  const reservation = 16 * MIB;
  assertEquals(await memory("--memory-reservation", "16m"), { reservation });
  assertEquals(await memory("--memory-swappiness", "60"), { swappiness: 60 });
  assertEquals(await changes("--memory-swappiness", "-1", "-m", "0"), {});
  assertEquals(await memory("-m", "32m", "--oom-kill-disable"), {
    limit: 32 * MIB,
    swap: 64 * MIB,
    disableOOMKiller: true,
  });
  assertEquals(
    await refusal("-m", "5m"),
    '--memory: "5m" is too little for any process: write 6m or more',
  );
  assertEquals(
    await refusal("-m", "32m", "--memory-reservation", "64m"),
    "--memory-reservation is more than --memory: it is a part of it",
  );
  assertEquals(
    await refusal("--oom-kill-disable"),
    "--oom-kill-disable without --memory lets it take all of the host's memory",
  );
  assertEquals(
    await refusal("--memory-swappiness", "101"),
    '--memory-swappiness: "101" is not a whole number from 0 to 100',
  );
});

Deno.test("CPU time", async () => {
  const cpu = async (...flags: string[]) => (await options(...flags)).resources?.cpu;
  for (const [text, quota] of Object.entries({ "0.5": 50_000, ".5": 50_000, "2": 200_000 })) {
    assertEquals(await cpu("--cpus", text), { quota, period: 100_000 });
  }
  assertEquals(await cpu("--cpus", "0.01"), { quota: 1000, period: 100_000 });
  assertEquals(await changes("--cpus", "0"), {});
  assertEquals(await cpu("--cpu-quota", "50000"), { quota: 50_000 });
  assertEquals(await cpu("--cpu-quota", "-1"), { quota: -1 });
  assertEquals(await cpu("--cpu-period", "50000"), { period: 50_000 });
  assertEquals(await cpu("-c", "512"), { shares: 512 });
  assertEquals(await cpu("--cpu-rt-period", "1000000", "--cpu-rt-runtime", "950000"), {
    realtimePeriod: 1_000_000,
    realtimeRuntime: 950_000,
  });
  const both = "say the same thing: give one of them";
  assertEquals(await refusal("--cpus=1", "--cpu-quota=5000"), `--cpus and --cpu-quota ${both}`);
  assertEquals(await refusal("--cpus=1", "--cpu-period=5000"), `--cpus and --cpu-period ${both}`);
  assertEquals(await refusal("-c", "2", "--cpu-weight=1"), `--cpu-shares and --cpu-weight ${both}`);
  for (const text of ["x", "-1", "1e3", "50%", ""]) {
    const message = `--cpus: ${JSON.stringify(text)} is not a number of CPUs, as 0.5 or 2`;
    assertEquals(await refusal(`--cpus=${text}`), message);
  }
  assertEquals(
    await refusal("--cpus", "0.001"),
    '--cpus: "0.001" is less than the kernel can count: 0.01 is the least',
  );
  assertEquals(
    await refusal("--cpu-period", "10"),
    '--cpu-period: "10" is not a whole number from 1000 to 1000000',
  );
  assertEquals(
    await refusal("--cpu-quota", "999"),
    '--cpu-quota: "999" is not a whole number of 1000 or more',
  );
});

Deno.test("--cpu-weight comes out as it was meant", async () => {
  for (const weight of [1, 50, 100, 101, 9999, 10_000]) {
    const { resources } = await options("--cpu-weight", String(weight));
    assertEquals(weightOfShares(resources!.cpu!.shares!), weight);
  }
});

Deno.test("CPUs and memory nodes", async () => {
  const { resources } = await options("--cpuset-cpus", "0-3,7", "--cpuset-mems", "0");
  assertEquals(resources?.cpu, { cpus: "0-3,7", mems: "0" });
  assertEquals(await changes("--cpuset-cpus="), {});
  for (const text of ["a", "1-", "1,,2", "0x1", "1-2-3", "-1"]) {
    assertEquals(
      await refusal("--cpuset-cpus", text),
      `--cpuset-cpus: "${text}" is not a list of numbers and ranges, as 0-3,7`,
    );
  }
});

Deno.test("tasks, disks and the OOM killer", async () => {
  assertEquals(await options("--pids-limit", "8"), { resources: { pids: { limit: 8 } } });
  for (const none of ["0", "-1"]) {
    assertEquals(await options("--pids-limit", none), { resources: { pids: { limit: -1 } } });
  }
  assertEquals(
    await refusal("--pids-limit", "x").then((it) => it.slice(0, 17)),
    '--pids-limit: "x"',
  );
  assertEquals(await options("--blkio-weight", "500"), { resources: { blockIO: { weight: 500 } } });
  assertEquals(await changes("--blkio-weight", "0"), {});
  assertEquals(
    await refusal("--blkio-weight", "5"),
    '--blkio-weight: "5" is not a whole number from 10 to 1000',
  );
  assertEquals(await options("--oom-score-adj", "-500"), { oomScoreAdj: -500 });
  assertEquals(
    await refusal("--oom-score-adj", "5000"),
    '--oom-score-adj: "5000" is not a whole number from -1000 to 1000',
  );
});

Deno.test("--ulimit", async () => {
  const infinite = 2 ** 64;
  assertEquals(await options("--ulimit", "nofile=64:128", "--ulimit", "core=-1"), {
    rlimits: [
      { type: "RLIMIT_NOFILE", soft: 64, hard: 128 },
      { type: "RLIMIT_CORE", soft: infinite, hard: infinite },
    ],
  });
  assertEquals(await options("--ulimit", "nproc=1", "--ulimit", "nproc=2:unlimited"), {
    rlimits: [{ type: "RLIMIT_NPROC", soft: 2, hard: infinite }],
  });
  for (const text of ["nofile", "nofile=", "nofile=x", "nofile=1:2:3", "NOFILE=1"]) {
    assertEquals(
      await refusal("--ulimit", text),
      `--ulimit: "${text}" is not NAME=SOFT[:HARD], as nofile=1024:2048`,
    );
  }
  assertEquals(
    await refusal("--ulimit", "nofile=2:1"),
    '--ulimit: "nofile=2:1" has a soft limit above the hard one',
  );
  assertEquals(
    await refusal("--ulimit", "files=1"),
    '--ulimit: "files" is not as, core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, ' +
      "nproc, rss, rtprio, rttime, sigpending or stack",
  );
});

Deno.test("--cgroup-parent", async () => {
  for (const path of ["/a/b", "a/b", "/a//b/"]) {
    assertEquals(await changes("--cgroup-parent", path), { cgroupParent: "/a/b" });
  }
  for (const path of ["", "/", "/a/../..", "."]) {
    assertEquals(
      await refusal(`--cgroup-parent=${path}`),
      `--cgroup-parent: "${path}" is not the path of a cgroup, as /class/group1`,
    );
  }
  assertEquals(
    await refusal("--cgroup-parent", "user.slice"),
    '--cgroup-parent: "user.slice" is a slice of systemd\'s, which is not asked for cgroups here: ' +
      "give a path",
  );
});
