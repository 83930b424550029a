/**
 * Lesson 14: the same program in a container and in a virtual machine, measured side by side.
 *
 * @module
 */

import { readHostFile } from "../../runtime/host_files.ts";
import type { Lesson, Stage } from "../lesson.ts";
import { type Machine, type Partner, startContainer, startMachine } from "../virtual_machine.ts";
import { descendants } from "../workshop.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: [
    "namespaces",
    { program: "busybox", package: "busybox-static" },
    "virtual machine",
    { program: "pgrep", package: "procps" },
  ],
  exercise: "exercise.sh",
  steps: {
    start,
    "two kernels": twoKernels,
    memory,
    processor,
    disk,
    "from outside": fromOutside,
  },
};

/** Both, running. */
interface Pair {
  container: Partner;
  machine: Machine;
}

/** They go on from step to step: a machine is too slow to start for each. */
const pairs = new Map<string, Promise<Pair>>();

function pairOf(stage: Stage): Promise<Pair> {
  let pair = pairs.get(stage.scratch);
  if (!pair) {
    pair = (async () => {
      const container = await startContainer(stage);
      return { container, machine: await startMachine(stage) };
    })();
    pairs.set(stage.scratch, pair);
    stage.defer(() => void pairs.delete(stage.scratch));
  }
  return pair;
}

const HEAD = { en: ["container", "machine"], zh: ["容器", "虚拟机"] };

/** Lines with a name and a number for each of the two. */
function table(stage: Stage, rows: [string, ...string[]][]): void {
  const [first, second] = HEAD[stage.language];
  const pad = (text: string) => text.padStart(18 - (stage.language === "zh" ? text.length : 0));
  stage.show([
    `${"".padEnd(26)}${pad(first)}${pad(second)}`,
    ...rows.map(([name, ...cells]) => {
      return name.padEnd(26) + cells.map((cell) => cell.padStart(18)).join("");
    }),
  ]);
}

async function start(stage: Stage): Promise<void> {
  const begin = performance.now();
  await stage.run(["true"]);
  const alone = performance.now() - begin;
  const { container, machine } = await pairOf(stage);
  table(stage, [
    ["until its first word", `${container.start.toFixed(0)} ms`, `${machine.start.toFixed(0)} ms`],
  ]);
  stage.say({
    en: `A process without either took ${alone.toFixed(0)} ms. ${
      machine.isEmulated ? EMULATED.en : NATIVE.en
    }`,
    zh: `两者都不用的进程需要 ${alone.toFixed(0)} 毫秒。${
      machine.isEmulated ? EMULATED.zh : NATIVE.zh
    }`,
  });
  stage.expect(machine.start > container.start * 2, {
    en: "the machine was as quick",
    zh: "虚拟机同样快",
  });
}

const EMULATED = {
  en: "The machine's processor is **emulated in software** here, as KVM cannot be used: take its " +
    "times for start and processor as an upper bound, which KVM stays far below.",
  zh:
    "这里无法使用 KVM，虚拟机的处理器是**软件模拟**的：它的启动和计算时间只能当作上限，有 KVM 时远低于此。",
};
const NATIVE = {
  en: "The machine's instructions run on the processor itself, by KVM.",
  zh: "虚拟机的指令通过 KVM 直接在处理器上运行。",
};

async function twoKernels(stage: Stage): Promise<void> {
  const { container, machine } = await pairOf(stage);
  const host = (await stage.type("uname -r")).trim();
  const [inside, other] = await Promise.all(
    [container, machine].map(async (each) => (await each.ask("uname -r")).output.trim()),
  );
  const names = HEAD[stage.language];
  stage.show([`${names[0]}: ${inside}`, `${names[1]}: ${other}`]);
  stage.expect(inside === host && other === machine.kernel.version, {
    en: `the kernels are ${host}, ${inside} and ${other}`,
    zh: `内核分别是 ${host}、${inside} 和 ${other}`,
  });
}

async function memory(stage: Stage): Promise<void> {
  const { container, machine } = await pairOf(stage);
  // the last of them: those in front are the runtime, which waits, and which `run -d` does without
  const program = [...descendants(container.running.pid)].at(-1)!;
  const [own, emulator] = [megabytes([program]), megabytes(treeOf(machine.running.pid))];
  const believes = await machine.ask("free -m");
  const total = /Mem: +(\d+)/.exec(believes.output)?.[1] ?? "?";
  table(stage, [
    ["memory of the host's", `${own.toFixed(1)} MB`, `${emulator.toFixed(1)} MB`],
    ["what it believes to have", "the host's", `${total} MB`],
  ]);
  stage.expect(emulator > own * 10, {
    en: "the machine takes no more",
    zh: "虚拟机占用的并不更多",
  });
}

function treeOf(pid: number): number[] {
  return [pid, ...descendants(pid)];
}

/** What processes take of memory, a page that is shared counted in parts: proc_pid_smaps(5). */
function megabytes(pids: number[]): number {
  const kilobytes = pids.map((pid) => {
    const text = readHostFile(`/proc/${pid}/smaps_rollup`) ?? "";
    return Number(/^Pss: +(\d+)/m.exec(text)?.[1] ?? 0);
  });
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1000;
}

async function processor(stage: Stage): Promise<void> {
  const pair = await pairOf(stage);
  const loop = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done";
  stage.show(loop);
  await compare(stage, pair, "the loop", loop, loop);
}

async function disk(stage: Stage): Promise<void> {
  const pair = await pairOf(stage);
  const write = (file: string) => `dd if=/dev/zero of=${file} bs=64k count=256 conv=fsync 2>&1`;
  stage.show([write("/data/file"), write("/dev/vda")]);
  await compare(stage, pair, "16 MiB written", write("/data/file"), write("/dev/vda"));
}

/** Has both do the same, and shows how long it took. */
async function compare(
  stage: Stage,
  { container, machine }: Pair,
  name: string,
  ...lines: [string, string]
): Promise<void> {
  const [here, there] = [await container.ask(lines[0]), await machine.ask(lines[1])];
  table(stage, [[name, `${here.time.toFixed(0)} ms`, `${there.time.toFixed(0)} ms`]]);
  stage.expect(here.code === 0 && there.code === 0, {
    en: `it failed: ${here.output} ${there.output}`,
    zh: `失败了：${here.output} ${there.output}`,
  });
}

async function fromOutside(stage: Stage): Promise<void> {
  const { container, machine } = await pairOf(stage);
  await container.ask("sleep 4321 </dev/null >/dev/null 2>&1 &");
  await machine.ask("sleep 8765 </dev/null >/dev/null 2>&1 &");
  const ours = await stage.type("pgrep -ax sleep | grep 4321");
  const theirs = await stage.type("pgrep -ax sleep | grep 8765");
  stage.say({ en: "The machine itself, asked for its processes:", zh: "问虚拟机自己有哪些进程：" });
  const there = await machine.ask("ps | grep '[s]leep'");
  stage.show(there.output);
  stage.expect(ours.includes("4321") && theirs === "" && there.output.includes("8765"), {
    en: "the host sees another picture",
    zh: "宿主机看到的不是这样",
  });
}
