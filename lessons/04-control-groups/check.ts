/**
 * Lesson 4's check: asks the kernel in which groups the process is, and what they may use.
 *
 * @module
 */

import { readStats } from "../../runtime/cgroups/stats.ts";
import { statusField } from "../containers.ts";
import { groupOf, makeGroup } from "../groups.ts";
import type { Trial } from "../trial.ts";
import { descendants } from "../workshop.ts";

const LIMITS = { memory: 64 << 20, pids: 10 };

/** Starts the script between two directories, and looks at where its process has gone. */
export async function check(trial: Trial): Promise<void> {
  const { record, directoryOf } = await makeGroup(trial, {
    memory: { limit: -1 },
    pids: { limit: -1 },
  });
  const [memory, pids] = [directoryOf("memory"), directoryOf("pids")];
  if (!record.v1.memory || !record.v1.pids) handDown(record.v2!, record.v1);

  const exercise = trial.startExercise([memory, pids]);
  const script = exercise.pid;
  // a group goes only when it is empty, and what is in these is in no group that Tiffin has made
  trial.defer(() => exercise.stop());
  const isSleep = (pid: number) => statusField(pid, "Name") === "sleep";
  const pid = await trial.until(() => [script, ...descendants(script)].find(isSleep), 5);
  trial.claim(pid !== undefined, { en: "there is a process sleep", zh: "有一个 sleep 进程" }, {
    en: "none was started within five seconds",
    zh: "五秒之内没有启动",
  });
  for (const [controller, parent] of [["memory", memory], ["pids", pids]]) {
    const own = groupOf(pid!, controller) ?? "";
    trial.claim(own.startsWith(`${parent}/`), {
      en: `it is in a group of its own that has the ${controller} controller`,
      zh: `它在自己的、带 ${controller} 控制器的组里`,
    }, { en: `it is in ${own}`, zh: `它在 ${own}` });
  }
  const [ownMemory, ownPids] = [groupOf(pid!, "memory")!, groupOf(pid!, "pids")!];
  const stats = readStats({
    path: "",
    v1: {
      ...(record.v1.memory ? { memory: ownMemory } : {}),
      ...(record.v1.pids ? { pids: ownPids } : {}),
    },
    v2: record.v1.memory ? undefined : ownMemory,
    made: [],
  });
  trial.claim(stats.memory?.limit === LIMITS.memory, {
    en: "that group may have 64 MiB of memory",
    zh: "这个组最多有 64 MiB 内存",
  }, {
    en: `the kernel says ${stats.memory?.limit ?? "that there is no limit"}`,
    zh: `内核说：${stats.memory?.limit ?? "没有限制"}`,
  });
  trial.claim(stats.pids?.limit === LIMITS.pids, {
    en: "and 10 tasks",
    zh: "最多 10 个任务",
  }, {
    en: `the kernel says ${stats.pids?.limit ?? "that there is no limit"}`,
    zh: `内核说：${stats.pids?.limit ?? "没有限制"}`,
  });
}

/** Hands the controllers of version 2 down to the groups below a group. */
function handDown(directory: string, v1: Record<string, string>): void {
  for (const name of ["memory", "pids"]) {
    if (!v1[name]) Deno.writeTextFileSync(`${directory}/cgroup.subtree_control`, `+${name}`);
  }
}
