/**
 * Lesson 8: the life of a container, from `create` to `rm`.
 *
 * @module
 */

import { readHostFile } from "../../runtime/host_files.ts";
import { type Detached, startDetached, statusField } from "../containers.ts";
import type { Lesson, Stage } from "../lesson.ts";
import { descendants } from "../workshop.ts";
import { showValues } from "../tables.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["namespaces", "libseccomp", { program: "ps", package: "procps" }],
  exercise: "exercise.sh",
  steps: {
    "create and start": createAndStart,
    "pause": pause,
    "stop": stop,
    "a handler": aHandler,
    "zombies": zombies,
    "init": init,
    "what stays": whatStays,
  },
};

/** Runs a command of `tiffin` as typed, for a container by its short name. */
async function tiffin(stage: Stage, words: string): Promise<string> {
  return await stage.type(`tiffin ${words}`);
}

async function createAndStart(stage: Stage): Promise<void> {
  const name = `life-${crypto.randomUUID().slice(0, 4)}`;
  stage.defer(() => stage.run(["tiffin", "rm", "-f", name]));
  await tiffin(stage, `create --name ${name} --network none local sleep 600`);
  const before = descendants(Deno.pid).filter(isContained).length;
  await tiffin(stage, `start ${name}`);
  const after = descendants(Deno.pid).filter(isContained);
  showValues(stage, [
    [before, { en: "processes of the container's after create", zh: "个容器进程，create 之后" }],
    [after.length, { en: "after start", zh: "个，start 之后" }],
  ]);
  stage.expect(before === 0 && after.length === 1, {
    en: "create has made a process, or start has made none",
    zh: "create 创建了进程，或者 start 没有创建进程",
  });
}

/** Whether a process is in a PID namespace below this one. */
function isContained(pid: number): boolean {
  return statusField(pid, "NSpid").split("\t").length >
    statusField("self", "NSpid").split("\t").length;
}

const COUNTING = "i=0; while sleep 0.1; do i=$((i+1)); echo $i; done";

async function pause(stage: Stage): Promise<void> {
  const one = await startDetached(stage, ["local", "sh", "-c", COUNTING]);
  const count = async () =>
    (await stage.run(["tiffin", "logs", one.name])).output.trim().split("\n").at(-1)!;
  await stage.until(async () => Number(await count()) > 2);
  const paused = await tiffin(stage, `pause ${one.name}`);
  if (!paused.startsWith(one.name)) {
    stage.say({
      en: "There is no group to freeze: this user may make none here. `tiffin doctor` says why.",
      zh: "没有可以冻结的控制组：当前用户在这里不能创建控制组。`tiffin doctor` 会说明原因。",
    });
    return;
  }
  const first = await count();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const second = await count();
  await tiffin(stage, `unpause ${one.name}`);
  await stage.until(async () => Number(await count()) > Number(second));
  showValues(stage, [
    [first, { en: "it had counted to when it was paused", zh: "暂停时数到的数" }],
    [second, { en: "a second later", zh: "一秒钟之后" }],
    [`> ${second}`, { en: "after unpause", zh: "unpause 之后" }],
  ]);
  stage.expect(first === second, {
    en: "it has counted on while it was paused",
    zh: "它在暂停期间还在继续数",
  });
}

/** Stops a container, and says how long that took and how it ended. */
async function stopAndTell(stage: Stage, { name }: Detached, flags: string) {
  const begin = performance.now();
  await tiffin(stage, `stop ${flags} ${name}`);
  const seconds = (performance.now() - begin) / 1000;
  const { output } = await stage.run(["tiffin", "wait", name]);
  showValues(stage, [
    [seconds.toFixed(1), { en: "seconds", zh: "秒" }],
    [output.trim(), { en: "exit code", zh: "退出码" }],
  ]);
  return { seconds, code: output.trim() };
}

async function stop(stage: Stage): Promise<void> {
  const one = await startDetached(stage, ["local", "sleep", "600"]);
  await stage.type(`grep -E '^(NSpid|SigCgt)' /proc/${one.pid}/status`);
  const { seconds, code } = await stopAndTell(stage, one, "-t 3");
  stage.expect(seconds > 2.5 && code === "137", {
    en: `it took ${seconds.toFixed(1)} s and ended with ${code}`,
    zh: `用了 ${seconds.toFixed(1)} 秒，以 ${code} 结束`,
  });
}

async function aHandler(stage: Stage): Promise<void> {
  const script = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
  const one = await startDetached(stage, ["local", "sh", "-c", script]);
  // bit 14 is SIGTERM's: the shell has come to its trap
  const hasTrap = () => BigInt(`0x${statusField(one.pid, "SigCgt") || 0}`) >> 14n & 1n;
  await stage.until(hasTrap);
  await stage.type(`grep -E '^(NSpid|SigCgt)' /proc/${one.pid}/status`);
  const { seconds, code } = await stopAndTell(stage, one, "-t 10");
  stage.expect(seconds < 8 && code === "0", {
    en: `it took ${seconds.toFixed(1)} s and ended with ${code}`,
    zh: `用了 ${seconds.toFixed(1)} 秒，以 ${code} 结束`,
  });
}

/** A shell that leaves a child behind, and becomes a program that waits for nobody. */
const LEAVES_AN_ORPHAN = "sh -c 'sleep 0.3 & exit'; exec sleep 600";

/** The states of the container's processes by `ps`, once the orphan has ended. */
async function family(stage: Stage, pid: number): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 800));
  const pids = [pid, ...descendants(pid)];
  return await stage.type(`ps -o pid,ppid,stat,comm -p ${pids.join(",")}`);
}

async function zombies(stage: Stage): Promise<void> {
  const { pid } = await startDetached(stage, ["local", "sh", "-c", LEAVES_AN_ORPHAN]);
  const states = await family(stage, pid);
  stage.expect(new RegExp(`${pid} Z`).test(states), {
    en: "there is no zombie",
    zh: "没有僵尸进程",
  });
}

async function init(stage: Stage): Promise<void> {
  const { pid } = await startDetached(stage, ["--init", "local", "sh", "-c", LEAVES_AN_ORPHAN]);
  const states = await family(stage, pid);
  stage.expect(!/ Z/.test(states), {
    en: "there is a zombie all the same",
    zh: "仍然有僵尸进程",
  });
}

async function whatStays(stage: Stage): Promise<void> {
  const script = "ls /tmp; date >/tmp/was-here; exit 3";
  const { name } = await startDetached(stage, ["local", "sh", "-c", script]);
  const code = await tiffin(stage, `wait ${name}`);
  await tiffin(stage, `ps -a --filter name=${name} --format json | grep -o '"Status":"[^"]*"'`);
  await tiffin(stage, `start ${name}`);
  await stage.run(["tiffin", "wait", name]);
  const logs = await tiffin(stage, `logs ${name}`);
  await tiffin(stage, `rm ${name}`);
  const left = readHostFile(`${stage.root}/names/${name}`);
  stage.expect(code === "3\n" && logs === "was-here\n" && left === undefined, {
    en: `it ended with ${code.trim()}, and its second run has seen: ${logs}`,
    zh: `它以 ${code.trim()} 结束，第二次运行看到的是：${logs}`,
  });
}
