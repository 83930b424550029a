/**
 * Lesson 1: a container is a process with blinkers on.
 *
 * @module
 */

import { namespaceOf, NAMESPACES, startContainer, statusField } from "../containers.ts";
import type { Lesson, Stage } from "../lesson.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["namespaces"],
  exercise: "exercise.sh",
  steps: {
    "same kernel": sameKernel,
    "two numbers": twoNumbers,
    "compare namespaces": compareNamespaces,
    "how long": howLong,
  },
};

async function sameKernel(stage: Stage): Promise<void> {
  const host = await stage.type("uname -r");
  const inside = await stage.type("tiffin run local uname -r");
  stage.expect(host === inside, {
    en: "the container has a kernel of its own",
    zh: "容器有自己的内核",
  });
}

async function twoNumbers(stage: Stage): Promise<void> {
  const { pid, running } = await startContainer(stage, [
    ...["local", "sh", "-c", "echo inside, I am process $$; exec sleep 60"],
  ]);
  await stage.until(() => running.output().includes("\n"));
  stage.show(running.output());
  stage.say({
    en:
      `The host finds the same process, and the kernel keeps both numbers in /proc/${pid}/status:`,
    zh: `宿主机找到了同一个进程，内核把两个号码都记在 /proc/${pid}/status 里：`,
  });
  const output = await stage.type(`grep -E '^(Name|NSpid)' /proc/${pid}/status`);
  stage.expect(output.includes(`${pid}\t1\n`) && running.output().includes("process 1\n"), {
    en: "the process has not two numbers",
    zh: "这个进程没有两个号码",
  });
  await running.stop();
}

async function compareNamespaces(stage: Stage): Promise<void> {
  const { pid, running } = await startContainer(stage, ["local", "sleep", "60"]);
  const rows = NAMESPACES.map((name) => {
    const [ours, theirs] = [namespaceOf("self", name), namespaceOf(pid, name)];
    return { name, ours, theirs, isOwn: ours !== theirs };
  });
  stage.show([
    `${"".padEnd(8)}${"/proc/self/ns".padEnd(22)}/proc/${pid}/ns`,
    ...rows.map(({ name, ours, theirs, isOwn }) =>
      `${name.padEnd(8)}${ours.padEnd(22)}${theirs.padEnd(22)}${isOwn ? "differs" : "same"}`
    ),
  ]);
  const own = rows.filter(({ isOwn }) => isOwn).map(({ name }) => name);
  stage.expect(
    ["ipc", "mnt", "net", "pid", "uts"].every((name) => own.some((one) => one === name)),
    {
      en: "the container shares more than it should",
      zh: "容器共享了不该共享的命名空间",
    },
  );
  stage.expect(statusField(pid, "NSpid").endsWith("\t1"), {
    en: "the container's process is not the first of its namespace",
    zh: "容器的进程不是其命名空间中的第一个进程",
  });
  await running.stop();
}

/** How often each command is timed; the middle of the times is shown. */
const ROUNDS = 5;

async function howLong(stage: Stage): Promise<void> {
  const rows: string[] = [];
  for (const line of ["true", "tiffin run local true"]) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      const { code, output } = await stage.run(["sh", "-c", line]);
      times.push(performance.now() - begin);
      stage.expect(code === 0, { en: output, zh: output });
    }
    const middle = times.sort((a, b) => a - b)[ROUNDS >> 1];
    rows.push(`${line.padEnd(24)}${middle.toFixed(0).padStart(5)} ms`);
  }
  stage.show(rows);
}
