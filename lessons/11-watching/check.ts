/**
 * Lesson 11's check: two groups that take different amounts, read by the script and by the module
 * that Tiffin reads groups with.
 *
 * @module
 */

import { readStats } from "../../runtime/cgroups/stats.ts";
import { type Group, makeGroup } from "../groups.ts";
import type { Trial } from "../trial.ts";

const MIB = 1 << 20;

/** Asks the script about a busy group and about one that holds memory. */
export async function check(trial: Trial): Promise<void> {
  const limits = {
    cpu: { quota: 30_000, period: 100_000 },
    memory: { limit: 400 * MIB },
  };
  const busy = await makeGroup(trial, limits);
  busy.start("while :; do :; done");
  const idle = await makeGroup(trial, limits);
  const file = `${trial.scratch}/file`;
  idle.start(
    `head -c ${24 * MIB} /dev/zero >${file}; ` +
      `text=$(head -c ${24 * MIB} /dev/zero | tr '\\0' a); echo ready; sleep 600`,
  );
  await trial.until(() =>
    held(idle) > 24 && (readStats(idle.record).memory?.inactiveFile ?? 0) > 0
  );
  await compare(trial, busy, {
    en: "the processor time of a busy group is right",
    zh: "忙碌的组，处理器时间正确",
  });
  await compare(trial, idle, {
    en: "the memory of a group is right, without cache that was not used lately",
    zh: "组的内存正确，不含最近没有使用的缓存",
  });
}

/** MiB that a group holds, as Docker counts. */
function held({ record }: Group): number {
  const { usage = 0, inactiveFile = 0 } = readStats(record).memory ?? {};
  return (usage - inactiveFile) / MIB;
}

async function compare(
  trial: Trial,
  group: Group,
  what: { en: string; zh: string },
): Promise<void> {
  const usage = () => readStats(group.record).cpu?.usage ?? 0;
  const [before, begin] = [usage(), performance.now()];
  const { output } = await trial.runExercise([
    group.directoryOf("cpuacct"),
    group.directoryOf("memory"),
  ]);
  const share = (usage() - before) / 10 / (performance.now() - begin);
  const [percent, mib] = output.trim().split(/\s+/).map(Number);
  // both readings are of a moment; what lies between them is the machine's business
  const isSo = Math.abs(percent - share) <= 4 + share / 3 && Math.abs(mib - held(group)) <= 6;
  trial.claim(isSo, what, {
    en: `it printed ${JSON.stringify(output.trim())}, and the kernel says ${share.toFixed(0)} % ` +
      `and ${held(group).toFixed(0)} MiB`,
    zh: `它打印的是 ${JSON.stringify(output.trim())}，而内核说是 ${share.toFixed(0)} % 和 ` +
      `${held(group).toFixed(0)} MiB`,
  });
}
