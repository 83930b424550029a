/**
 * Lesson 2's check: looks for the process behind its four blinkers.
 *
 * @module
 */

import { libc } from "../../ffi/libc.ts";
import { readHostFile } from "../../runtime/host_files.ts";
import { enter } from "../children.ts";
import { namespaceOf, statusField } from "../containers.ts";
import type { Trial } from "../trial.ts";
import { descendants } from "../workshop.ts";

/** Starts the script, and looks at what it has started. */
export async function check(trial: Trial): Promise<void> {
  const name = Deno.hostname();
  trial.defer(() => {
    if (Deno.hostname() !== name) libc.sethostname(name, new TextEncoder().encode(name).length);
  });
  const { pid: script } = trial.startExercise();
  const isFirst = (pid: number) => /\t1$/.test(statusField(pid, "NSpid"));
  const found = await trial.until(() => [script, ...descendants(script)].find(isFirst), 3);
  const pid = found ?? descendants(script).at(-1) ?? script;

  const hasOwn = (kind: "net" | "uts") => namespaceOf(pid, kind) !== namespaceOf("self", kind);
  const ownName = async () =>
    (await trial.run(["sh", "-c", `${enter(pid, "uts")} hostname`])).output.trim();
  trial.claim(
    await trial.until(async () => hasOwn("uts") && await ownName() === "tiffin-2", 3) ?? false,
    {
      en: "there is a process with the host name tiffin-2, in a UTS namespace of its own",
      zh: "有一个进程，在自己的 UTS 命名空间里，主机名为 tiffin-2",
    },
    hasOwn("uts")
      ? { en: `its host name is ${await ownName()}`, zh: `它的主机名是 ${await ownName()}` }
      : {
        en: `process ${pid} is in the host's UTS namespace`,
        zh: `进程 ${pid} 在宿主机的 UTS 命名空间里`,
      },
  );
  trial.claim(
    Deno.hostname() === name,
    { en: "the host still has its own name", zh: "宿主机的名字没有变" },
    {
      en: "the host was renamed! It has got its name back",
      zh: "宿主机被改名了！名字已经恢复",
    },
  );
  trial.claim(
    found !== undefined,
    { en: "the process is number 1 of a PID namespace", zh: "这个进程是 PID 命名空间里的 1 号" },
    {
      en: `the numbers of process ${pid} are ${statusField(pid, "NSpid").replaceAll("\t", ", ")}`,
      zh: `进程 ${pid} 的号码是 ${statusField(pid, "NSpid").replaceAll("\t", "、")}`,
    },
  );
  trial.claim(
    await trial.until(() => firstInProc(pid) === namespaceOf(pid, "pid"), 3) ?? false,
    { en: "its /proc shows that namespace", zh: "它的 /proc 显示的是这个命名空间" },
    {
      en: "process 1 in its /proc is of another PID namespace: /proc is still the host's",
      zh: "它的 /proc 里的 1 号进程属于另一个 PID 命名空间：/proc 还是宿主机的",
    },
  );
  const table = () => readHostFile(`/proc/${pid}/net/fib_trie`) ?? "";
  trial.claim(
    await trial.until(() => hasOwn("net") && table().includes("127.0.0.1"), 3) ?? false,
    {
      en: "it has a network of its own, and 127.0.0.1 is there",
      zh: "它有自己的网络，其中有 127.0.0.1",
    },
    hasOwn("net")
      ? { en: "nobody has switched lo on", zh: "还没有人打开 lo" }
      : { en: "it is in the host's network", zh: "它在宿主机的网络里" },
  );
}

/** The PID namespace of process 1 in the /proc that a process sees; nothing where it sees none. */
function firstInProc(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/root/proc/1/ns/pid`);
  } catch {
    return undefined;
  }
}
