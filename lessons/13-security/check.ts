/**
 * Lesson 13's check: what the kernel says of the process that the script has started.
 *
 * @module
 */

import { parseMountinfo } from "../../runtime/diagnosis/mountinfo.ts";
import { readHostFile } from "../../runtime/host_files.ts";
import { statusField } from "../containers.ts";
import type { Trial } from "../trial.ts";
import { descendants } from "../workshop.ts";

/** Starts the script with a command of the check's. */
export async function check(trial: Trial): Promise<void> {
  const { pid: script } = trial.startExercise(["sleep", "613"]);
  const isIt = (pid: number) =>
    (readHostFile(`/proc/${pid}/cmdline`) ?? "") === "sleep\0" + "613\0" &&
    statusField(pid, "NSpid").includes("\t");
  const found = await trial.until(() => descendants(script).find(isIt), 10);
  trial.claim(found !== undefined, {
    en: "the command runs in a container",
    zh: "命令在容器里运行",
  });
  const pid = found!;
  const uid = statusField(pid, "Uid").split("\t")[1];
  trial.claim(uid !== "0", {
    en: "its user is not root",
    zh: "它的用户不是 root",
  }, { en: `its user is ${uid}`, zh: `它的用户是 ${uid}` });
  const sets = ["CapEff", "CapPrm", "CapBnd"].map((name) => statusField(pid, name));
  trial.claim(sets.every((set) => /^0+$/.test(set)), {
    en: "it has no capability, and can get none",
    zh: "它没有任何权能，也得不到任何权能",
  }, {
    en: `CapEff, CapPrm and CapBnd are ${sets.join(", ")}`,
    zh: `CapEff、CapPrm、CapBnd 分别为 ${sets.join("、")}`,
  });
  const flags = ["NoNewPrivs", "Seccomp"].map((name) => statusField(pid, name));
  trial.claim(flags.join() === "1,2", {
    en: "no_new_privs and the filter are there",
    zh: "no_new_privs 和过滤器都在",
  }, {
    en: `NoNewPrivs and Seccomp are ${flags.join(", ")}, and should be 1, 2`,
    zh: `NoNewPrivs 和 Seccomp 为 ${flags.join("、")}，应为 1、2`,
  });
  checkMounts(trial, pid);
  const limit = pidsLimit(pid);
  trial.claim(limit === "20", {
    en: "there can be twenty processes at the most",
    zh: "最多可以有二十个进程",
  }, { en: `pids.max is ${limit}`, zh: `pids.max 为 ${limit}` });
}

function checkMounts(trial: Trial, pid: number): void {
  const mounts = parseMountinfo(readHostFile(`/proc/${pid}/mountinfo`) ?? "");
  const at = (point: string) => mounts.findLast((mount) => mount.point === point);
  trial.claim(at("/")?.isReadOnly ?? false, {
    en: "its root cannot be written",
    zh: "它的根不能写",
  }, { en: "the mount at / is read-write", zh: "/ 处的挂载是可读写的" });
  const scratch = at("/tmp");
  trial.claim(scratch?.type === "tmpfs" && !scratch.isReadOnly, {
    en: "there is a /tmp in memory that can be written",
    zh: "有一个可以写的、在内存中的 /tmp",
  }, { en: "nothing of that kind is mounted at /tmp", zh: "/tmp 处没有这样的挂载" });
}

/** What the kernel says of the group of processes, in either version of control groups. */
function pidsLimit(pid: number): string {
  const lines = (readHostFile(`/proc/${pid}/cgroup`) ?? "").split("\n").map((line) =>
    line.split(":")
  );
  const find = (name: string) => lines.find(([, names]) => names?.split(",").includes(name))?.[2];
  const [v1, v2] = [find("pids"), find("")];
  const file = v1 ? `/sys/fs/cgroup/pids${v1}/pids.max` : `/sys/fs/cgroup${v2}/pids.max`;
  return readHostFile(file)?.trim() ?? "";
}
