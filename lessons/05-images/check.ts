/**
 * Lesson 5's check: a registry that is honest once and lies once, and a container of what was
 * unpacked.
 *
 * @module
 */

import { openRegistry, packLayer, packPrograms } from "../registry.ts";
import type { Trial } from "../trial.ts";

/** Has an image pulled, runs it, and has a damaged one pulled. */
export async function check(trial: Trial): Promise<void> {
  const word = crypto.randomUUID();
  const registry = openRegistry(trial);
  const below = await packPrograms("cat");
  const lower = await packLayer({ "etc/word": "hidden by the next layer\n" });
  const upper = await packLayer({ "etc/word": `${word}\n` });
  await registry.put("box", "1", [below, lower, upper], ["cat", "/etc/word"]);
  const pull = async (directory: string) => {
    Deno.mkdirSync(`${trial.scratch}/${directory}`);
    const words = [`http://${registry.host}`, "box", "1", `${trial.scratch}/${directory}`];
    return await trial.runExercise(words, { timeout: 30 });
  };

  const { code } = await pull("good");
  trial.claim(code === 0, { en: "the program ends with 0", zh: "程序以 0 结束" }, {
    en: `it ended with ${code}`,
    zh: `它以 ${code} 结束`,
  });
  const { output } = await trial.run([
    ...["tiffin", "run", "--rootfs", `${trial.scratch}/good`, "/bin/cat", "/etc/word"],
  ]);
  trial.claim(output === `${word}\n`, {
    en: "a container of the directory reads the file as the top layer has it",
    zh: "以这个目录运行的容器，读到的文件与最上层一致",
  }, { en: `it said: ${output.slice(0, 300)}`, zh: `它说：${output.slice(0, 300)}` });

  registry.damage(upper.digest);
  const second = await pull("bad");
  trial.claim(second.code !== 0, {
    en: "a layer that was damaged on the way is refused",
    zh: "途中损坏的层被拒绝",
  }, {
    en: "one bit of the last layer was changed, and the program ended with 0",
    zh: "最后一层改了一个比特，程序却以 0 结束",
  });
  const left = [...Deno.readDirSync(`${trial.scratch}/bad`)].map(({ name }) => name);
  trial.claim(left.length === 0, { en: "and nothing was unpacked", zh: "而且什么也没有解包" }, {
    en: `there is ${left.join(" ")}`,
    zh: `里面有 ${left.join(" ")}`,
  });
}
