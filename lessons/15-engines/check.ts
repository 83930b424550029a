/**
 * Lesson 15's check: the script as an engine, and then what the kernel says of its container.
 *
 * @module
 */

import { readHostFile } from "../../runtime/host_files.ts";
import { parseMountinfo } from "../../runtime/diagnosis/mountinfo.ts";
import { findContainer, type OciContainer } from "../../runtime/oci/container.ts";
import { KEPT } from "../bundles.ts";
import { enter } from "../children.ts";
import { namespaceOf, statusField } from "../containers.ts";
import type { Trial } from "../trial.ts";

/** The namespaces that `tiffin oci spec` asks for, whoever the user is. */
const OWN = ["ipc", "mnt", "net", "pid", "uts"] as const;

/** Has the script make a container, and looks at its first process. */
export async function check(trial: Trial): Promise<void> {
  const directory = `${trial.scratch}/engine`;
  Deno.mkdirSync(directory);
  const kept = `${directory}/${KEPT}`;
  const id = `galley-${crypto.randomUUID().slice(0, 8)}`;
  trial.defer(() => trial.run(["tiffin", "oci", "--root", kept, "delete", "--force", id]));
  // the container keeps the script's output open: it is not waited for
  const { code } = await trial.runExercise([directory, id], { timeout: 40 });
  trial.claim(code === 0, { en: "the script ends, with exit code 0", zh: "脚本结束，退出码为 0" }, {
    en: `it has ended with ${code}`,
    zh: `它以 ${code} 结束`,
  });

  const container = find(kept, id);
  trial.claim(container?.process !== undefined, {
    en: "there is a container $2 with a first process",
    zh: "有一个容器 $2，它有第一个进程",
  }, {
    en: container ? "its process has ended" : `tiffin oci --root ${kept} list shows no ${id}`,
    zh: container ? "它的进程已经结束" : `tiffin oci --root ${kept} list 里没有 ${id}`,
  });
  const { process: { pid } } = container;
  const words = (readHostFile(`/proc/${pid}/cmdline`) ?? "").split("\0").join(" ").trim();
  trial.claim(words === "sleep 600" && container.status === "running", {
    en: "it is past its gate, and has become sleep 600",
    zh: "它已经过了门，变成了 sleep 600",
  }, { en: `it is ${container.status}: ${words}`, zh: `它处于 ${container.status}：${words}` });
  const shared = OWN.filter((name) => namespaceOf(pid, name) === namespaceOf("self", name));
  trial.claim(
    shared.length === 0 && statusField(pid, "NSpid").endsWith("\t1"),
    {
      en: `it is number 1, in namespaces of its own: ${OWN.join(" ")}`,
      zh: `它在自己的命名空间里，是 1 号进程：${OWN.join(" ")}`,
    },
    { en: `it shares ${shared.join(" ")}`, zh: `它共享着 ${shared.join(" ")}` },
  );
  const parent = Number(statusField(pid, "PPid"));
  trial.claim(parent === Deno.pid, {
    en: "whoever made it has ended: its parent is this check, which plays the shim",
    zh: "创建它的进程已经结束：它的父进程是扮演 shim 的这次检查",
  }, { en: `its parent is ${parent}`, zh: `它的父进程是 ${parent}` });
  const said = readHostFile(`${directory}/pid`) ?? "";
  trial.claim(said.trim() === String(pid), {
    en: "the file pid says who it is",
    zh: "文件 pid 写明了它是谁",
  }, { en: `it says ${said.trim() || "nothing"}`, zh: `里面是 ${said.trim() || "空的"}` });
  const root = parseMountinfo(readHostFile(`/proc/${pid}/mountinfo`) ?? "")
    .find(({ point }) => point === "/");
  trial.claim(root?.options.includes("ro") ?? false, {
    en: "its root is mounted read-only",
    zh: "它的根以只读方式挂载",
  }, { en: "its root can be written to", zh: "它的根可以写入" });
  const { output } = await trial.run(["sh", "-c", `exec ${enter(pid, "uts")} uname -n`]);
  trial.claim(output.trim() === "galley", {
    en: "its host name is galley",
    zh: "它的主机名是 galley",
  }, { en: `it is ${output.trim()}`, zh: `主机名是 ${output.trim()}` });
}

function find(kept: string, id: string): OciContainer | undefined {
  try {
    return findContainer(kept, id);
  } catch {
    return undefined;
  }
}
