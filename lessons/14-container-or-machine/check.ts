/**
 * Lesson 14's check: the program says which kernel it runs on, and a word that nobody knew before.
 *
 * @module
 */

import { findKernel } from "../kernel.ts";
import type { Trial } from "../trial.ts";
import { FELL, makeTree } from "../virtual_machine.ts";

/** Gives the script a kernel and a tree, and looks for what the program says from where. */
export async function check(trial: Trial): Promise<void> {
  const kernel = findKernel()!;
  const tree = makeTree(trial);
  const word = crypto.randomUUID();
  const say = `#!/bin/busybox sh\necho "${word} on $(/bin/busybox uname -r), process $$"\n`;
  Deno.writeTextFileSync(`${tree}/program`, say, { mode: 0o755 });

  let running = trial.startExercise([kernel.image, tree]);
  const isSaid = (release: string) => running.output().includes(`${word} on ${release}, process 1`);
  let isOver = false;
  const isThere = async (release: string) => {
    running.ended.then(() => isOver = true);
    await trial.until(() => isSaid(release) || isOver || FELL.test(running.output()), 80);
    return isSaid(release);
  };
  trial.claim(await isThere(Deno.osRelease()), {
    en: "the program runs in a container: process 1, on this machine's kernel",
    zh: "程序在容器里运行：1 号进程，用的是本机的内核",
  });
  if (!await isThere(kernel.version) && FELL.test(running.output())) {
    // an emulated kernel that did not get as far as its first process is not the student's doing
    await running.stop();
    isOver = false;
    running = trial.startExercise([kernel.image, tree]);
  }
  trial.claim(await isThere(kernel.version), {
    en: `and in a machine: process 1, on the kernel ${kernel.version}`,
    zh: `也在虚拟机里运行：1 号进程，用的是内核 ${kernel.version}`,
  }, {
    en: "nothing was heard of it",
    zh: "没有听到它的声音",
  });
  await trial.until(() => isOver, 20);
  trial.claim(isOver, {
    en: "and the script ends with the machine",
    zh: "虚拟机结束后，脚本也结束",
  }, { en: "it still waits", zh: "它还在等待" });
}
