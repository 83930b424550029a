/**
 * Lesson 2: the namespaces, each seen from both sides.
 *
 * @module
 */

import { CLONE, MS, O } from "../../ffi/constants.ts";
import { makePrivate } from "../../runtime/birth/rootfs.ts";
import { enter, makeChild } from "../children.ts";
import { startContainer } from "../containers.ts";
import type { Lesson, Stage } from "../lesson.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: [
    "namespaces",
    { program: "ip", package: "iproute2" },
    { program: "hostname", package: "hostname" },
  ],
  exercise: "exercise.sh",
  steps: { uts, mount, cgroup },
};

const OUTSIDE = { en: "And outside:", zh: "在外面：" };

async function uts(stage: Stage): Promise<void> {
  const child = await makeChild(stage, { flags: CLONE.NEWUTS }, (program) => {
    program.call("a name of its own").sethostname("inside", "inside".length);
  });
  stage.show(child.lines);
  const inside = await stage.type(`${enter(child.pid, "uts")} hostname`);
  const outside = await stage.type("hostname");
  stage.expect(inside === "inside\n" && outside !== inside, {
    en: `the names are ${inside.trim()} and ${outside.trim()}`,
    zh: `两个名字是 ${inside.trim()} 和 ${outside.trim()}`,
  });
  await child.release();
}

async function mount(stage: Stage): Promise<void> {
  const directory = `${stage.scratch}/shared`;
  Deno.mkdirSync(directory);
  const child = await makeChild(stage, { flags: CLONE.NEWNS }, (program) => {
    makePrivate(program);
    program.call("an empty file system").mount("tmpfs", directory, "tmpfs", MS.NOSUID, null);
    program.call("and a file in it").open(`${directory}/file`, O.CREAT | O.CLOEXEC, 0o644);
  });
  stage.show(child.lines);
  const inside = await stage.type(`${enter(child.pid, "mount")} ls -A ${directory}`);
  stage.say(OUTSIDE);
  const outside = await stage.type(`ls -A ${directory}`);
  stage.expect(inside === "file\n" && outside === "", {
    en: `inside there is ${inside.trim()}, outside ${outside.trim()}`,
    zh: `里面有 ${inside.trim()}，外面有 ${outside.trim()}`,
  });
  await child.release();
}

async function cgroup(stage: Stage): Promise<void> {
  const script = "cat /proc/self/cgroup; exec sleep 60";
  const { pid, running } = await startContainer(stage, ["local", "sh", "-c", script]);
  await stage.until(() => running.output().includes("0::"));
  stage.say({ en: "The container reads:", zh: "容器读到的是：" });
  const inside = pick(running.output());
  stage.show(inside);
  stage.say({ en: "The host reads of the same process:", zh: "宿主机读到的同一个进程是：" });
  stage.show(pick(Deno.readTextFileSync(`/proc/${pid}/cgroup`)));
  stage.expect(inside.length > 0 && inside.every((line) => line.endsWith(":/")), {
    en: "the container sees more of the host's groups than its own",
    zh: "容器看到的不只是自己的控制组",
  });
  await running.stop();
}

/** Of the lines of /proc/PID/cgroup those of version 2 and of the controller of process numbers. */
function pick(text: string): string[] {
  return text.split("\n").filter((line) => /^0::|:pids:/.test(line));
}
