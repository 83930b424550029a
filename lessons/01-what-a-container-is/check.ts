/**
 * Lesson 1's check: the script must name the blinkers of processes that it has never seen.
 *
 * @module
 */

import { CLONE } from "../../ffi/constants.ts";
import { makeChild } from "../children.ts";
import { namespaceOf, NAMESPACES, startContainer } from "../containers.ts";
import type { Trial } from "../trial.ts";

/** Asks the script about four processes. */
export async function check(trial: Trial): Promise<void> {
  const sleeper = trial.start(["sleep", "600"]);
  await ask(trial, sleeper.pid, {
    en: "a plain process shares every namespace with the script",
    zh: "普通进程与脚本共享全部命名空间",
  });
  // two kinds taken at random: nobody can know the answer beforehand
  const kinds = [CLONE.NEWUTS, CLONE.NEWIPC, CLONE.NEWNET, CLONE.NEWNS, CLONE.NEWCGROUP];
  const [first, second] = kinds.sort(() => Math.random() - 0.5);
  const child = await makeChild(trial, { flags: first | second }, () => {});
  await ask(trial, child.pid, {
    en: "a process with two or three blinkers is told from others",
    zh: "能认出只戴两三个眼罩的进程",
  });
  const { pid } = await startContainer(trial, ["local", "sleep", "600"]);
  await ask(trial, pid, {
    en: "a container is recognised, with each of its blinkers",
    zh: "能认出容器和它的每一个眼罩",
  });
}

async function ask(trial: Trial, pid: number, what: { en: string; zh: string }): Promise<void> {
  const truth = NAMESPACES.filter((name) => namespaceOf(pid, name) !== namespaceOf("self", name));
  const { output } = await trial.runExercise([String(pid)], { timeout: 10 });
  const said = output.split("\n").filter((line) => line !== "");
  trial.claim(said.sort().join() === truth.toSorted().join(), what, {
    en: `for this one the answer is ${truth.join(" ") || "nothing at all"}`,
    zh: `对这个进程，答案应为 ${truth.join(" ") || "空（什么也不打印）"}`,
  });
}
