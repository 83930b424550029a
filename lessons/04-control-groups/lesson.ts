/**
 * Lesson 4: control groups, their files, and what happens at each limit.
 *
 * @module
 */

import { readCgroupHost } from "../../runtime/cgroups/host.ts";
import { CgroupError } from "../../runtime/cgroups/plan.ts";
import { memoryEvents, readOom, readStats } from "../../runtime/cgroups/stats.ts";
import { type Group, makeGroup } from "../groups.ts";
import type { Lesson, Stage, Text } from "../lesson.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["root", { controller: "memory" }, { controller: "cpu" }, { controller: "pids" }],
  exercise: "exercise.sh",
  steps: {
    "a group": aGroup,
    "two versions": twoVersions,
    memory,
    cpu,
    pids,
    "a disk": aDisk,
  },
};

const MIB = 1 << 20;

/** Shows the limits of a kind, as somebody would have written them by hand. */
function showLimits(stage: Stage, { lines }: Group, kind: RegExp): void {
  stage.show(lines.filter((line) => line.startsWith("echo ") && kind.test(line)));
}

async function aGroup(stage: Stage): Promise<void> {
  const group = await makeGroup(stage, { pids: { limit: 20 } });
  const directory = group.directoryOf("pids");
  // a container has more of them, which is the next section's subject
  stage.show(group.lines.filter((line) => line.includes(directory)));
  const files = await stage.type(`ls -m ${directory}`);
  const { pid } = group.start("exec sleep 60");
  stage.say({
    en: "A process moves into it by one more write, of its number:",
    zh: "一个进程移入其中，也只是再写一次，写的是它的进程号：",
  });
  stage.show(`echo ${pid} > ${directory}/cgroup.procs`);
  await stage.until(() => readStats(group.record).pids?.current === 1);
  const members = await stage.type(`cat ${directory}/cgroup.procs`);
  stage.expect(files.includes("pids.max") && members === `${pid}\n`, {
    en: `the group's processes are ${members}`,
    zh: `组里的进程是 ${members}`,
  });
}

function twoVersions(stage: Stage): void {
  const { v1, v2 } = readCgroupHost();
  const rows = [
    // a tree with a name alone, such as systemd's, has no controller
    ...[...v1].filter(([name]) => !name.startsWith("name="))
      .map(([name, { mount }]) => [name, "1", mount]),
    ...(v2?.controllers ?? []).map((name) => [name, "2", v2!.mount]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  stage.show(rows.map(([name, version, mount]) => {
    return `${name.padEnd(width)}  version ${version}  ${mount}`;
  }));
  const names = rows.map(([name]) => name);
  stage.expect(new Set(names).size === names.length, {
    en: "a controller is in both versions",
    zh: "有控制器同时出现在两个版本中",
  });
}

async function memory(stage: Stage): Promise<void> {
  const limit = 32 * MIB;
  // a kernel that does not count swap cannot forbid it: then the host's is used up as well
  const group = await makeGroup(stage, { memory: { limit, swap: limit } }).catch(() =>
    makeGroup(stage, { memory: { limit } })
  );
  showLimits(stage, group, /memory\.(limit_in_bytes|max)$/);
  const { code } = await group.start("exec tail /dev/zero").ended;
  stage.say({
    en: `\`tail /dev/zero\` ended with ${code}, which is 128 + 9: SIGKILL.`,
    zh: `\`tail /dev/zero\` 以 ${code} 结束，即 128 + 9：SIGKILL。`,
  });
  await stage.type(`cat ${memoryEvents(group.record)}`);
  stage.expect(code === 137 && readOom(group.record) === 1, {
    en: `it ended with ${code}, and the kernel killed ${readOom(group.record)}`,
    zh: `它以 ${code} 结束，内核杀死了 ${readOom(group.record)} 个进程`,
  });
}

/** The part of a processor that the group may have. */
const SHARE = 0.1;

/** What is measured, in words that are equally wide. */
const MEASURED = {
  en: ["time on the clock  ", "time on a processor", "periods cut short  "],
  zh: ["实际经过的时间", "占用处理器时间", "被截断的周期数"],
};

async function cpu(stage: Stage): Promise<void> {
  const period = 100_000;
  const group = await makeGroup(stage, { cpu: { quota: SHARE * period, period } });
  showLimits(stage, group, /cpu/);
  const before = readStats(group.record).cpu?.usage ?? 0;
  const begin = performance.now();
  await group.start("timeout 1 sh -c 'while :; do :; done'").ended;
  const elapsed = (performance.now() - begin) / 1000;
  const { usage = 0, throttled = 0 } = readStats(group.record).cpu ?? {};
  const used = (usage - before) / 1e6;
  const [clock, processor, periods] = MEASURED[stage.language];
  stage.show([
    `${clock}    ${elapsed.toFixed(2)} s`,
    `${processor}    ${used.toFixed(2)} s`,
    `${periods}    ${throttled}`,
  ]);
  // where everybody wants the processors, a group may get less than its limit
  const isStarved = used < elapsed * SHARE;
  if (isStarved) stage.say(BUSY);
  stage.expect(used < elapsed * 3 * SHARE && (throttled >= 3 || isStarved), {
    en: "the limit did not hold",
    zh: "限制没有生效",
  });
}

const BUSY: Text = {
  en: "This machine is so busy that the loop did not even get what the limit allows.",
  zh: "本机太忙，这个循环连限制之内的时间都没有得到。",
};

async function pids(stage: Stage): Promise<void> {
  const group = await makeGroup(stage, { pids: { limit: 8 } });
  const directory = group.directoryOf("pids");
  showLimits(stage, group, /pids/);
  const loop = "for i in $(seq 20); do sleep 60 & done";
  const running = group.start(`${loop}; wait`);
  await stage.until(() => running.output().includes("fork"), 5);
  stage.show([`sh -c '${loop}':`, ...running.output().trimEnd().split("\n")]);
  const counts = await stage.type(`cat ${directory}/pids.events`);
  stage.expect(/fork/i.test(running.output()) && /^max [1-9]/m.test(counts), {
    en: "the shell could start all of them",
    zh: "shell 把它们全部启动了",
  });
}

/** Bytes a second that are allowed, and that are tried. */
const RATE = 2 * MIB;

async function aDisk(stage: Stage): Promise<void> {
  const disk = diskOf(stage.scratch);
  const write = "dd if=/dev/zero of=file bs=512k count=6 oflag=direct 2>&1 | tail -n 1";
  if (!disk) return sayNoDisk(stage, "the scratch directory is on no disk");
  let group: Group;
  try {
    const throttleWriteBpsDevice = [{ ...disk, rate: RATE }];
    group = await makeGroup(stage, { blockIO: { throttleWriteBpsDevice } });
  } catch (error) {
    if (!(error instanceof CgroupError)) throw error;
    return sayNoDisk(stage, error.message);
  }
  await stage.type(write);
  stage.say({
    en: `The same in a group with 2 MiB a second for this disk, whose number is ${
      Object.values(disk).join(":")
    }:`,
    zh: `在限制为每秒 2 MiB 的组里做同样的事；这块磁盘的设备号是 ${
      Object.values(disk).join(":")
    }：`,
  });
  showLimits(stage, group, /throttle|io\.max/);
  const begin = performance.now();
  const { output } = await group.start(write).ended;
  const seconds = (performance.now() - begin) / 1000;
  stage.show(output);
  stage.expect(seconds > 1, {
    en: `three MiB took ${seconds.toFixed(1)} seconds`,
    zh: `三 MiB 用了 ${seconds.toFixed(1)} 秒`,
  });
}

function sayNoDisk(stage: Stage, why: string): void {
  stage.say({
    en: `Left out here, because a limit of a disk cannot be had: ${why}.`,
    zh: `这里跳过，因为无法限制磁盘：${why}。`,
  });
}

/** The whole disk that a directory is on; nothing where that is no single disk. */
function diskOf(path: string): { major: number; minor: number } | undefined {
  const { dev } = Deno.statSync(path);
  // glibc's gnu_dev_major() and gnu_dev_minor(), for numbers of a usual size
  const own = `/sys/dev/block/${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  for (const file of [`${own}/partition`, `${own}/dev`]) {
    try {
      Deno.statSync(file);
    } catch {
      continue;
    }
    const whole = file.endsWith("/partition") ? `${Deno.realPathSync(own)}/../dev` : file;
    const [major, minor] = Deno.readTextFileSync(whole).split(":").map(Number);
    return { major, minor };
  }
}
