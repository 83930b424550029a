/**
 * Lesson 3's check: looks at a process's root from outside, and from its own mount namespace.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import { readHostFile } from "../../runtime/host_files.ts";
import { parseMountinfo } from "../../runtime/diagnosis/mountinfo.ts";
import { makeChild } from "../children.ts";
import { namespaceOf, statusField } from "../containers.ts";
import type { Trial } from "../trial.ts";
import { descendants } from "../workshop.ts";

/** A file that is in the new root and nowhere else. */
const MARK = "this-is-the-new-root";

/** Starts the script, and looks at what it has started. */
export async function check(trial: Trial): Promise<void> {
  const root = `${trial.scratch}/root`;
  Deno.mkdirSync(root);
  const { pid: script } = trial.startExercise([root]);
  const isSleep = (pid: number) => statusField(pid, "Name") === "sleep";
  const found = await trial.until(() => [script, ...descendants(script)].find(isSleep), 5);
  trial.claim(found !== undefined, {
    en: "there is a process sleep",
    zh: "有一个 sleep 进程",
  }, { en: "none was started within five seconds", zh: "五秒之内没有启动" });
  const pid = found!;
  trial.claim(namespaceOf(pid, "mnt") !== namespaceOf("self", "mnt"), {
    en: "it has a mount namespace of its own",
    zh: "它有自己的挂载命名空间",
  }, { en: "it is in the host's", zh: "它在宿主机的挂载命名空间里" });

  Deno.writeTextFileSync(`${root}/${MARK}`, "");
  trial.claim(isThere(`/proc/${pid}/root/${MARK}`), {
    en: "its root is the directory that it was given",
    zh: "它的根就是给它的那个目录",
  }, {
    en: "a file made in the directory is not at its /",
    zh: "在那个目录里创建的文件，不在它的 / 下面",
  });
  const mounts = () => parseMountinfo(readHostFile(`/proc/${pid}/mountinfo`) ?? "");
  trial.claim(mounts().some(({ point }) => point === "/"), {
    en: "its root is a mount",
    zh: "它的根是一个挂载",
  }, {
    en: "no line of its /proc/PID/mountinfo has / as its mount point",
    zh: "它的 /proc/PID/mountinfo 里没有一行以 / 为挂载点",
  });

  const visitor = await enterMounts(trial, pid);
  trial.claim(isThere(`/proc/${visitor.pid}/root/${MARK}`), {
    en: "who enters its mount namespace has the same root: it was exchanged, and not just moved",
    zh: "进入它的挂载命名空间的进程也有同样的根：根是交换的，而不只是移动了起点",
  }, {
    en: "the namespace's own root is still the host's: that is chroot, and not pivot_root",
    zh: "命名空间自己的根仍然是宿主机的：这是 chroot，不是 pivot_root",
  });
  await visitor.release();
  const others = mounts().filter(({ type }) => type !== "proc").slice(1).map(({ point }) => point);
  trial.claim(others.length === 0, {
    en: "nothing of the host's is mounted there any more",
    zh: "那里不再挂载着宿主机的任何东西",
  }, {
    en: `it sees ${others.length} mounts more: ${others.slice(0, 4).join(" ")} …`,
    zh: `它还看到另外 ${others.length} 个挂载：${others.slice(0, 4).join(" ")} ……`,
  });
}

/** A child that enters a process's mount namespace, and with it that namespace's root. */
function enterMounts(trial: Trial, pid: number) {
  const open = (name: string) => `/proc/${pid}/ns/${name}`;
  return makeChild(trial, {}, (program) => {
    const user = program.call("who it is").open(open("user"), O.RDONLY | O.CLOEXEC, 0);
    const mnt = program.call("its mounts").open(open("mnt"), O.RDONLY | O.CLOEXEC, 0);
    // whoever is in that user namespace already may not enter it
    program.call("be that", { allow: ["EINVAL"] }).setns(user, CLONE.NEWUSER);
    program.call("see these").setns(mnt, CLONE.NEWNS);
  });
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
