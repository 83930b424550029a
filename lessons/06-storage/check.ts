/**
 * Lesson 6's check: looks at the overlay through the process's own mounts, and at what is below it.
 *
 * @module
 */

import { parseMountinfo } from "../../runtime/diagnosis/mountinfo.ts";
import { readHostFile } from "../../runtime/host_files.ts";
import { statusField } from "../containers.ts";
import type { Trial } from "../trial.ts";
import { descendants } from "../workshop.ts";

/** Starts the script over a layer, and looks at all sides of it. */
export async function check(trial: Trial): Promise<void> {
  const [lower, room] = ["layer", "room"].map((name) => `${trial.scratch}/${name}`);
  Deno.mkdirSync(lower);
  Deno.mkdirSync(room);
  const files = { tea: "green\n", secret: "sesame\n", book: `${crypto.randomUUID()}\n` };
  for (const [name, text] of Object.entries(files)) {
    Deno.writeTextFileSync(`${lower}/${name}`, text);
  }
  const { pid: script } = trial.startExercise([lower, room]);
  const isSleep = (pid: number) => statusField(pid, "Name") === "sleep";
  const pid = await trial.until(() => [script, ...descendants(script)].find(isSleep), 5);
  trial.claim(pid !== undefined, { en: "there is a process sleep", zh: "有一个 sleep 进程" }, {
    en: "none was started within five seconds",
    zh: "五秒之内没有启动",
  });

  const merged = `/proc/${pid}/root${room}/merged`;
  const mounts = parseMountinfo(readHostFile(`/proc/${pid}/mountinfo`) ?? "");
  const type = mounts.find(({ point }) => point === `${room}/merged`)?.type;
  trial.claim(type === "overlay", {
    en: "merged is an overlay for that process",
    zh: "对这个进程来说，merged 是一个 overlay",
  }, {
    en: `its /proc/PID/mountinfo has ${type ?? "nothing"} there`,
    zh: `它的 /proc/PID/mountinfo 在那里有：${type ?? "什么也没有"}`,
  });
  trial.claim(readHostFile(`${merged}/book`) === files.book, {
    en: "the layer shines through",
    zh: "能透过它看到下面的层",
  }, {
    en: "the file book of the layer is not there",
    zh: "看不到层里的文件 book",
  });
  const tea = readHostFile(`${merged}/tea`);
  trial.claim(tea === "black\n", { en: "tea says black", zh: "tea 的内容是 black" }, {
    en: `it says ${tea?.trim()}`,
    zh: `它的内容是 ${tea?.trim()}`,
  });
  const hasSecret = readHostFile(`${merged}/secret`) !== undefined;
  trial.claim(!hasSecret, { en: "secret is not there", zh: "secret 不存在" }, {
    en: "it can still be read",
    zh: "还能读到它",
  });
  const isAsBefore = Object.entries(files)
    .every(([name, text]) => readHostFile(`${lower}/${name}`) === text);
  trial.claim(isAsBefore, { en: "the layer is as it was", zh: "层保持原样" }, {
    en: "a file of it has changed or gone",
    zh: "其中有文件被改动或删除了",
  });
  const copies = [...Deno.readDirSync(room)]
    .filter(({ name }) => readHostFile(`${room}/${name}/book`) !== undefined);
  trial.claim(copies.length === 0, {
    en: "and what was not changed is not copied",
    zh: "没有改动的东西没有被复制",
  }, { en: `there is ${copies[0]?.name}/book`, zh: `有 ${copies[0]?.name}/book` });
}
