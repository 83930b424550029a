/**
 * Lesson 8's check: the script as PID 1, with orphans for it, and then asked to end.
 *
 * @module
 */

import { startDetached, statusField } from "../containers.ts";
import type { Trial } from "../trial.ts";
import { descendants } from "../workshop.ts";

/** Runs the script in a container, leaves children to it, and stops it. */
export async function check(trial: Trial): Promise<void> {
  const { name, pid } = await startDetached(trial, [
    ...["-v", `${trial.file}:/pid1.sh:ro`, "local", "sh", "/pid1.sh"],
  ]);
  const state = (pid: number) => statusField(pid, "State").slice(0, 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  trial.claim(!["", "Z"].includes(state(pid)), {
    en: "the script runs on",
    zh: "脚本一直在运行",
  }, { en: "it has ended already", zh: "它已经结束了" });
  const orphan = "for i in 1 2 3; do sleep 0.2 & done; exit 0";
  await trial.run(["tiffin", "exec", name, "sh", "-c", orphan]);
  const zombies = () => descendants(pid).filter((child) => state(child) === "Z");
  const sleepers = () => descendants(pid).filter((child) => statusField(child, "Name") === "sleep");
  await trial.until(() => zombies().length > 0 || sleepers().length <= 1, 3);
  const isClean = await trial.until(() => zombies().length === 0, 1) ?? false;
  trial.claim(isClean, {
    en: "orphans that end do not stay as zombies",
    zh: "孤儿进程结束后没有变成僵尸留下来",
  }, {
    en: `${zombies().length} zombies are waiting for their parent, PID 1, to ask for them`,
    zh: `有 ${zombies().length} 个僵尸进程在等父进程，也就是 1 号进程，来询问`,
  });
  const begin = performance.now();
  await trial.run(["tiffin", "stop", "-t", "5", name]);
  const seconds = (performance.now() - begin) / 1000;
  const { output } = await trial.run(["tiffin", "wait", name]);
  trial.claim(output.trim() === "0", {
    en: "it ends by itself when it is asked to, with exit code 0",
    zh: "收到请求后它自己结束，退出码为 0",
  }, {
    en: `after ${seconds.toFixed(1)} s its exit code is ${output.trim()}; 137 is SIGKILL`,
    zh: `${seconds.toFixed(1)} 秒之后，退出码为 ${output.trim()}；137 表示 SIGKILL`,
  });
}
