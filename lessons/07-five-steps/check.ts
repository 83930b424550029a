/**
 * Lesson 7's check: looks for each of the five steps in what the kernel says of the process.
 *
 * @module
 */

import { readHostFile } from "../../runtime/host_files.ts";
import { parseMountinfo } from "../../runtime/diagnosis/mountinfo.ts";
import { enter } from "../children.ts";
import { namespaceOf, statusField } from "../containers.ts";
import type { Trial } from "../trial.ts";
import { descendants } from "../workshop.ts";

/** Starts the script, and looks at what it has started. */
export async function check(trial: Trial): Promise<void> {
  const root = `${trial.scratch}/root`;
  Deno.mkdirSync(root);
  const { pid: script } = trial.startExercise([root]);
  const isSleep = (pid: number) =>
    statusField(pid, "Name") === "sleep" && /\t1$/.test(statusField(pid, "NSpid"));
  const found = await trial.until(() => [script, ...descendants(script)].find(isSleep), 5);
  trial.claim(found !== undefined, {
    en: "1: there is a process sleep that is number 1 of a PID namespace",
    zh: "1：有一个 sleep 进程，是某个 PID 命名空间里的 1 号",
  }, { en: "none was there within five seconds", zh: "五秒之内没有出现" });
  const pid = found!;
  await checkNamespaces(trial, pid);
  const files = /^Max open files +(\d+|unlimited)/m.exec(readHostFile(`/proc/${pid}/limits`) ?? "");
  trial.claim(files?.[1] === "64", {
    en: "2: it may have 64 open files at the most",
    zh: "2：它最多可以打开 64 个文件",
  }, { en: `it may have ${files?.[1]}`, zh: `它可以打开 ${files?.[1]} 个` });
  checkRoot(trial, pid, root);
  checkRights(trial, pid);
}

async function checkNamespaces(trial: Trial, pid: number): Promise<void> {
  const { output } = await trial.run(["sh", "-c", `${enter(pid, "uts")} hostname`]);
  const name = output.trim();
  trial.claim(name === "tiffin-7" && namespaceOf(pid, "uts") !== namespaceOf("self", "uts"), {
    en: "1: its host name is tiffin-7, and the host's is not",
    zh: "1：它的主机名是 tiffin-7，而宿主机的不是",
  }, { en: `its host name is ${name}`, zh: `它的主机名是 ${name}` });
  trial.claim(namespaceOf(pid, "net") !== namespaceOf("self", "net"), {
    en: "1: it has a network of its own",
    zh: "1：它有自己的网络",
  }, { en: "it is in the host's network", zh: "它在宿主机的网络里" });
}

function checkRoot(trial: Trial, pid: number, root: string): void {
  const [wanted, got] = [Deno.statSync(root), Deno.statSync(`/proc/${pid}/root/`)];
  trial.claim(wanted.ino === got.ino && wanted.dev === got.dev, {
    en: "3: its root is the directory that it was given",
    zh: "3：它的根就是给它的那个目录",
  }, { en: "its / is another directory", zh: "它的 / 是另一个目录" });
  const mounts = parseMountinfo(readHostFile(`/proc/${pid}/mountinfo`) ?? "")
    .filter(({ type }) => type !== "proc").map(({ point }) => point);
  trial.claim(mounts.join() === "/", {
    en: "3: that is a mount, and the host's are gone",
    zh: "3：这个根是一个挂载，宿主机的挂载都不见了",
  }, {
    en: mounts.length === 0
      ? "its root is no mount: that was chroot"
      : `it sees ${mounts.length} mounts: ${mounts.slice(0, 4).join(" ")} …`,
    zh: mounts.length === 0
      ? "它的根不是挂载：那是 chroot"
      : `它看到 ${mounts.length} 个挂载：${mounts.slice(0, 4).join(" ")} ……`,
  });
  const program = Deno.statSync(`/proc/${pid}/exe`);
  const isInside = [...files(root)].some((file) => Deno.statSync(file).ino === program.ino);
  trial.claim(isInside, {
    en: "4: its program is a file in that directory",
    zh: "4：它的程序是那个目录里的文件",
  }, { en: "the program is the host's file", zh: "程序是宿主机的文件" });
}

function* files(directory: string): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(directory)) {
    if (isDirectory) yield* files(`${directory}/${name}`);
    else if (isFile) yield `${directory}/${name}`;
  }
}

function checkRights(trial: Trial, pid: number): void {
  trial.claim(statusField(pid, "NoNewPrivs") === "1", {
    en: "5: it has no_new_privs",
    zh: "5：它设置了 no_new_privs",
  }, { en: "NoNewPrivs in its status is 0", zh: "它的 status 里 NoNewPrivs 为 0" });
  const sets = ["CapBnd", "CapPrm", "CapEff"].map((name) => statusField(pid, name));
  trial.claim(sets.every((set) => /^0+$/.test(set)), {
    en: "5: it has no capability, and cannot get one",
    zh: "5：它没有任何权能，也无法再得到",
  }, {
    en: `CapBnd, CapPrm and CapEff are ${sets.join(", ")}`,
    zh: `CapBnd、CapPrm、CapEff 分别为 ${sets.join("、")}`,
  });
}
