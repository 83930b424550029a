/**
 * Lesson 11: watching containers: where the numbers come from, and what they leave out.
 *
 * @module
 */

import { readHostFile } from "../../runtime/host_files.ts";
import { type CgroupStats, readStats } from "../../runtime/cgroups/stats.ts";
import { findContainer } from "../../runtime/containers.ts";
import { startDetached } from "../containers.ts";
import { type Group, makeGroup } from "../groups.ts";
import type { Lesson, Stage } from "../lesson.ts";
import { showValues } from "../tables.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: [
    ...["root", "libseccomp"] as const,
    { controller: "memory" },
    { controller: "cpu" },
    { program: "nproc", package: "coreutils" },
  ],
  exercise: "exercise.sh",
  steps: {
    "two readings": twoReadings,
    "memory and cache": memoryAndCache,
    "pressure": pressure,
    "what it believes": whatItBelieves,
    "the model": theModel,
    "more than there is": moreThanThereIs,
    "shared": shared,
  },
};

const MIB = 1 << 20;
const inMib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`.padStart(12);
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
/** A percentage, to the right. */
const percent = (part: number) => `${(part * 100).toFixed(1)} %`.padStart(8);

async function twoReadings(stage: Stage): Promise<void> {
  const limit = { cpu: { quota: 50_000, period: 100_000 } };
  const [busy, idle] = [await makeGroup(stage, limit), await makeGroup(stage, limit)];
  busy.start("while :; do :; done");
  idle.start("exec sleep 60");
  const usage = (group: Group) => readStats(group.record).cpu?.usage ?? 0;
  const first = [usage(busy), usage(idle)];
  const begin = performance.now();
  await pause(1);
  const seconds = (performance.now() - begin) / 1000;
  const second = [usage(busy), usage(idle)];
  const share = first.map((before, i) => (second[i] - before) / 1e6 / seconds);
  stage.show([
    ...["loop", "sleep"].map((name, i) =>
      `${name.padEnd(6)}${`${first[i]} µs`.padStart(12)} → ${`${second[i]} µs`.padStart(12)}` +
      ` / ${seconds.toFixed(2)} s = ${percent(share[i])}`
    ),
  ]);
  stage.expect(share[0] > 0.02 && share[1] < share[0] / 4, {
    en: `they used ${share.map(percent).join(" and ")}`,
    zh: `它们用了 ${share.map(percent).join(" 和 ")}`,
  });
}

async function memoryAndCache(stage: Stage): Promise<void> {
  const group = await makeGroup(stage, { memory: { limit: 200 * MIB } });
  const file = `${stage.scratch}/file`;
  const running = group.start(
    `head -c ${32 * MIB} /dev/zero >${file}; sync ${file}; echo done; sleep 60`,
  );
  const memory = () => readStats(group.record).memory ?? { usage: 0, inactiveFile: 0 };
  await stage.until(() => running.output().includes("done"));
  const { usage, inactiveFile } = memory();
  showValues(stage, [
    [inMib(usage), { en: "is what the group is charged with", zh: "记在该组账上的" }],
    [inMib(inactiveFile), {
      en: "of that is cache, not lately used",
      zh: "其中最近没有使用的缓存",
    }],
    [inMib(usage - inactiveFile), { en: "is what stats shows", zh: "stats 显示的" }],
  ]);
  stage.expect(usage > 25 * MIB && usage - inactiveFile < usage / 2, {
    en: "the file is not in the group's cache",
    zh: "这个文件不在该组的缓存里",
  });
}

/** Microseconds in which somebody had to wait for a processor, /proc/pressure/cpu. */
function waited(): number | undefined {
  const some = /^some .*total=(\d+)/m.exec(readHostFile("/proc/pressure/cpu") ?? "");
  return some ? Number(some[1]) : undefined;
}

async function pressure(stage: Stage): Promise<void> {
  if (waited() === undefined) {
    stage.say({
      en: "This kernel counts no pressure (CONFIG_PSI, or `psi=1` at boot).",
      zh: "这个内核不统计压力（需要 CONFIG_PSI，或启动参数 `psi=1`）。",
    });
    return;
  }
  const processors = navigator.hardwareConcurrency;
  const running = stage.start([
    ...["sh", "-c", `for i in $(seq ${processors * 4}); do while :; do :; done & done; wait`],
  ]);
  await pause(0.2);
  const [before, begin] = [waited()!, performance.now()];
  await pause(1);
  const share = (waited()! - before) / 1e3 / (performance.now() - begin);
  await running.stop();
  await stage.type("head -n 1 /proc/pressure/cpu");
  showValues(stage, [
    [processors, { en: "processors", zh: "个处理器" }],
    [processors * 4, { en: "loops", zh: "个循环" }],
    [percent(share), { en: "of the time somebody had to wait", zh: "的时间里有进程在等待" }],
  ]);
  stage.expect(share > 0.3, {
    en: `somebody waited for ${percent(share)} of the time only`,
    zh: `只有 ${percent(share)} 的时间里有进程在等待`,
  });
}

async function whatItBelieves(stage: Stage): Promise<void> {
  const look = "head -n 1 /proc/meminfo; nproc";
  const host = await stage.type(look);
  const inside = await stage.type(
    `tiffin run --network none -m 64m --cpus 0.5 local sh -c '${look}'`,
  );
  stage.expect(host === inside, {
    en: "the container sees a machine of its own",
    zh: "容器看到的是自己的一台机器",
  });
}

/** A number of /proc/meminfo, in bytes. */
function meminfo(name: string): number {
  return Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(readHostFile("/proc/meminfo")!)![1]) *
    1024;
}

/** What runs in a container. */
async function statsOf(stage: Stage, name: string): Promise<CgroupStats> {
  const { record } = await findContainer(stage.root, name);
  return record.cgroup ? readStats(record.cgroup) : {};
}

async function theModel(stage: Stage): Promise<void> {
  const names: string[] = [];
  for (let i = 0; i < 2; i++) {
    const { name } = await startDetached(stage, ["-m", "64m", "local", "sleep", "60"]);
    names.push(name);
  }
  let containers = 0;
  for (const name of names) containers += (await statsOf(stage, name)).memory?.usage ?? 0;
  const host = meminfo("MemTotal");
  const system = host - meminfo("MemAvailable") - containers;
  const rest = host - system;
  const room = Math.floor(rest / (64 * MIB));
  showValues(stage, [
    [inMib(host), { en: "R_h  the host has", zh: "R_h  宿主机共有" }],
    [inMib(system), { en: "R_s  the system and all the rest hold", zh: "R_s  系统和其他一切占用" }],
    [inMib(rest), { en: "R_c  containers can have", zh: "R_c  容器可用" }],
    [inMib(containers), { en: "     of that, these two hold", zh: "     其中这两个容器占用" }],
    [room, { en: "     containers of 64 MiB have room", zh: "     个 64 MiB 的容器放得下" }],
  ]);
  stage.expect(containers > 0 && system > 0 && rest > containers, {
    en: "the numbers do not add up",
    zh: "这些数字对不上",
  });
}

async function moreThanThereIs(stage: Stage): Promise<void> {
  const limit = Math.floor(meminfo("MemTotal") / MIB);
  const pids: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { pid } = await startDetached(stage, ["-m", `${limit}m`, "local", "sleep", "60"]);
    pids.push(pid);
  }
  const alive = pids.filter((pid) => readHostFile(`/proc/${pid}/comm`) === "sleep\n").length;
  showValues(stage, [
    [inMib(limit * MIB), { en: "is what the host has", zh: "宿主机共有" }],
    [inMib(3 * limit * MIB), { en: "is the sum of the limits", zh: "上限之和" }],
    [alive, { en: "containers run", zh: "个容器在运行" }],
  ]);
  stage.expect(alive === 3, {
    en: `only ${alive} of them run`,
    zh: `只有 ${alive} 个在运行`,
  });
}

async function shared(stage: Stage): Promise<void> {
  const rows: number[][] = [];
  for (let i = 0; i < 3; i++) {
    const { pid } = await startDetached(stage, ["local", "sleep", "60"]);
    const rollup = () => readHostFile(`/proc/${pid}/smaps_rollup`) ?? "";
    await stage.until(() =>
      /Pss/.test(rollup()) && readHostFile(`/proc/${pid}/comm`) === "sleep\n"
    );
    rows.push(
      ["Rss", "Pss"].map((name) =>
        Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(rollup())?.[1] ?? 0)
      ),
    );
  }
  const [rss, pss] = [0, 1].map((column) => rows.reduce((sum, row) => sum + row[column], 0));
  stage.show([
    `${"".padEnd(12)}${"Rss".padStart(10)}${"Pss".padStart(10)}`,
    ...rows.map(([rss, pss], i) =>
      `${String(i + 1).padEnd(12)}${`${rss} KiB`.padStart(10)}${`${pss} KiB`.padStart(10)}`
    ),
    `${"1 + 2 + 3".padEnd(12)}${`${rss} KiB`.padStart(10)}${`${pss} KiB`.padStart(10)}`,
  ]);
  stage.expect(pss < rss * 0.8, {
    en: "they share nothing",
    zh: "它们没有共享任何内存",
  });
}
