/**
 * Lesson 14's check: the program says which kernel it runs on, and a word that nobody knew before.
 *
 * @module
 */

import { findKernel } from "../kernel.ts";
import type { Trial } from "../trial.ts";
import { makeTree } from "../virtual_machine.ts";

/** Gives the script a kernel and a tree, and looks for what the program says from where. */
export async function check(trial: Trial): Promise<void> {
  const kernel = findKernel()!;
  const tree = makeTree(trial);
  const word = crypto.randomUUID();
  const say = `#!/bin/busybox sh\necho "${word} on $(/bin/busybox uname -r), process $$"\n`;
  Deno.writeTextFileSync(`${tree}/program`, say, { mode: 0o755 });

  const running = trial.startExercise([kernel.image, tree]);
  const said = (release: string) =>
    trial.until(() => running.output().includes(`${word} on ${release}, process 1`), 80);
  const ended = running.ended.then(() => undefined);
  trial.claim(await Promise.race([said(Deno.osRelease()), ended]) ?? isSaid(Deno.osRelease()), {
    en: "the program runs in a container: process 1, on this machine's kernel",
    zh: "程序在容器里运行：1 号进程，用的是本机的内核",
  });
  trial.claim(await Promise.race([said(kernel.version), ended]) ?? isSaid(kernel.version), {
    en: `and in a machine: process 1, on the kernel ${kernel.version}`,
    zh: `也在虚拟机里运行：1 号进程，用的是内核 ${kernel.version}`,
  }, {
    en: "nothing was heard of it",
    zh: "没有听到它的声音",
  });
  await trial.until(async () => await Promise.race([running.ended, false]), 20);
  trial.claim(await Promise.race([running.ended, false]) !== false, {
    en: "and the script ends with the machine",
    zh: "虚拟机结束后，脚本也结束",
  }, { en: "it still waits", zh: "它还在等待" });

  function isSaid(release: string): boolean {
    return running.output().includes(`${word} on ${release}, process 1`);
  }
}
