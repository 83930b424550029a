/**
 * Lesson 15: a runtime under its engines, and what Kubernetes is told of it.
 *
 * @module
 */

import { SIG, W } from "../../ffi/constants.ts";
import { attempt, offthread } from "../../ffi/libc.ts";
import { draft } from "../../runtime/birth/launch.ts";
import { explain } from "../../runtime/birth/trace.ts";
import { planBundle, readBundle } from "../../runtime/bundle.ts";
import { gateFile, isThere, type OciContainer, processFile } from "../../runtime/oci/container.ts";
import { readWaitStatus } from "../../runtime/processes.ts";
import { documented, KEPT, look, makeBundle } from "../bundles.ts";
import { namespaceOf, NAMESPACES, statusField } from "../containers.ts";
import type { Lesson, Stage } from "../lesson.ts";
import { lacks, type Need } from "../needs.ts";
import { showValues } from "../tables.ts";
import { descendants } from "../workshop.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["namespaces", { program: "ps", package: "procps" }],
  exercise: "exercise.sh",
  steps: {
    "a bundle": aBundle,
    "create": create,
    "the parent": theParent,
    "start": start,
    "the end": theEnd,
    "an engine": anEngine,
    "a name for the cluster": aName,
  },
};

/** The bundle of the steps. */
const BUNDLE = "box";
/** The container: its control group is called by it, and the reader may have a box, too. */
const ID = `box-${crypto.randomUUID().slice(0, 4)}`;

/** Types a command of the runtime's. */
function oci(stage: Stage, words: string): Promise<string> {
  return stage.type(`tiffin oci --root ${KEPT} ${words}`);
}

async function aBundle(stage: Stage): Promise<void> {
  const bundle = await makeBundle(stage, BUNDLE, { args: ["sleep", "60"], hostname: "galley" });
  await stage.type(`ls -m -w 76 ${BUNDLE} ${BUNDLE}/rootfs`);
  const parts = `/"args"/,/]/p; /"root": {/,/}/p; /"hostname"/p`;
  await stage.type(`sed -n '${parts}' ${BUNDLE}/config.json`);
  const { spec, root } = readBundle(bundle);
  stage.expect(spec.process.args?.[0] === "sleep" && isThere(`${root}/bin/sleep`), {
    en: "the bundle is not what was to be made",
    zh: "这个 bundle 与预期不同",
  });
}

async function create(stage: Stage): Promise<void> {
  stage.defer(() => stage.run(["tiffin", "oci", "--root", KEPT, "delete", "--force", ID]));
  await oci(stage, `create --bundle ${BUNDLE} ${ID}`);
  await oci(stage, `state ${ID}`);
  const { pid, container } = waiting(stage);
  const own = NAMESPACES.filter((name) => namespaceOf(pid, name) !== namespaceOf("self", name));
  const program = Deno.readLinkSync(`/proc/${pid}/exe`);
  const isOwnRoot = Deno.statSync(`/proc/${pid}/root`).ino ===
    Deno.statSync(`${stage.scratch}/${BUNDLE}/rootfs`).ino;
  showValues(stage, [
    [own.join(" "), { en: "namespaces of its own", zh: "自己的命名空间" }],
    [
      `${BUNDLE}/rootfs`,
      isOwnRoot
        ? { en: "is its root", zh: "就是它的根" }
        : { en: "is not its root", zh: "不是它的根" },
    ],
    [baseName(program), {
      en: "is what it runs, by /proc",
      zh: "是 /proc 里它此刻的程序",
    }],
  ]);
  stage.expect(
    container.status === "created" && own.includes("pid") && isOwnRoot &&
      baseName(program) !== "sleep",
    {
      en: `it is ${container.status}, and runs ${program}`,
      zh: `它处于 ${container.status}，运行着 ${program}`,
    },
  );
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The container of the steps, and its first process. */
function waiting(stage: Stage): { container: OciContainer; pid: number } {
  const container = look(stage, ID);
  stage.expect(container.process !== undefined, {
    en: "the container has no process",
    zh: "容器没有进程",
  });
  return { container, pid: container.process.pid };
}

async function theParent(stage: Stage): Promise<void> {
  const { pid } = waiting(stage);
  await stage.type(`ps -o pid,ppid,stat,comm -p ${Deno.pid},${pid}`);
  const parent = Number(statusField(pid, "PPid"));
  showValues(stage, [[parent, { en: "its parent: this lesson", zh: "它的父进程：正是本课" }]]);
  stage.expect(parent === Deno.pid, {
    en: `its parent is ${parent}, and this lesson ${Deno.pid}`,
    zh: `它的父进程是 ${parent}，而本课是 ${Deno.pid}`,
  });
}

async function start(stage: Stage): Promise<void> {
  const { container: { directory }, pid } = waiting(stage);
  stage.say({
    en: "The last calls that `create` has written down:",
    zh: "`create` 写下的最后几个调用：",
  });
  const { request, writer } = await planBundle(readBundle(`${stage.scratch}/${BUNDLE}`), {
    id: ID,
    cache: `${stage.scratch}/${KEPT}/.cache`,
    processFile: processFile(directory),
    waits: true,
    // its group is there already, by the real one
    ownCgroup: false,
  });
  const lines = await explain(draft(request, writer));
  const calls = lines.filter(({ by }) => by === "child").map(({ call }) => call);
  const read = calls.findLastIndex((call) => call.startsWith("read("));
  stage.show([calls[read], calls.findLast((call) => call.startsWith("execve("))!]
    .map((call) => call.length > 76 ? `${call.slice(0, 75)}…` : call));
  const gate = Deno.readLinkSync(`/proc/${pid}/fd/4`);
  await stage.type(`ls -l ${gate.replace(`${stage.scratch}/`, "")}`);
  await oci(stage, `start ${ID}`);
  const { status, process } = look(stage, ID);
  const program = baseName(Deno.readLinkSync(`/proc/${pid}/exe`));
  showValues(stage, [
    [process?.pid ?? 0, { en: `the process, as before: ${status}`, zh: `同一个进程：${status}` }],
    [program, { en: "is its program now", zh: "是它现在的程序" }],
    [isThere(gateFile(directory)) ? 1 : 0, { en: "gates are left", zh: "个门还在" }],
  ]);
  stage.expect(process?.pid === pid && status === "running" && program === "sleep", {
    en: `it is ${status}, and runs ${program}`,
    zh: `它处于 ${status}，运行着 ${program}`,
  });
}

async function theEnd(stage: Stage): Promise<void> {
  const { pid } = waiting(stage);
  const refusal = await oci(stage, `delete ${ID}`);
  await oci(stage, `kill ${ID} KILL`);
  await stage.until(() => look(stage, ID).status === "stopped");
  await stage.type(`tiffin oci --root ${KEPT} state ${ID} | grep -E 'pid|status'`);
  const status = new Uint8Array(4);
  const waited = await offthread.waitpid(pid, status, 0);
  const { code } = readWaitStatus(new DataView(status.buffer).getInt32(0, true));
  showValues(stage, [[code, {
    en: "its exit code, which waitpid(2) tells its parent alone",
    zh: "它的退出码，waitpid(2) 只告诉它的父进程",
  }]]);
  await oci(stage, `delete ${ID}`);
  stage.expect(
    refusal.includes("not stopped") && waited === pid && code === 137 &&
      !isThere(`${stage.scratch}/${KEPT}/${ID}`),
    { en: `it has ended with ${code}`, zh: `它以 ${code} 结束` },
  );
}

const PODMAN: Need[] = ["root", "libseccomp", { program: "podman", package: "podman" }, {
  program: "conmon",
  package: "conmon",
}];

/** What Podman is told: who starts its containers, and to make no network. */
const CONTAINERS_CONF = `[containers]
netns = "none"
cgroupns = "private"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "tiffin"
[engine.runtimes]
tiffin = ["$PWD/tiffin-oci"]
[network]
network_config_dir = "$PWD/networks"
`;

async function anEngine(stage: Stage): Promise<void> {
  await stage.type("tiffin oci install tiffin-oci >installed; tail -n 1 tiffin-oci");
  const [lack] = lacks(PODMAN);
  if (lack) {
    stage.say({
      en: `Podman cannot be shown here: ${lack.what.en}. This would help: \`${lack.fix}\`.`,
      zh: `这里无法演示 Podman：${lack.what.zh}。可以这样解决：\`${lack.fix}\`。`,
    });
    return;
  }
  const inside = await makeGround(stage);
  await stage.type(`grep -A 2 '^runtime' containers.conf | sed "s,$PWD,…,"`);
  await stage.type(
    `./podman run -d --name dish --rootfs $PWD/${BUNDLE}/rootfs sleep 60 | cut -c 1-12`,
  );
  await stage.type("./inside ps -eo pid,ppid,args | grep -vE 'infinity|ps -eo' | cut -c 1-76");
  const below = descendants(inside);
  const program = below.find((pid) => statusField(pid, "Name") === "sleep");
  const parent = program && Number(statusField(program, "PPid"));
  const shim = parent && statusField(parent, "Name");
  await stage.type("./podman rm -f -t 0 dish | cut -c 1-12");
  stage.expect(
    shim === "conmon",
    { en: `its parent is ${shim || "not to be found"}`, zh: `它的父进程是 ${shim || "找不到"}` },
  );
}

/**
 * Makes namespaces in which Podman has no networks and nothing of the reader's, and two programs in
 * the scratch directory: `inside` goes in, `podman` is Podman in there.
 *
 * @returns the first process in there, as the host counts
 */
async function makeGround(stage: Stage): Promise<number> {
  const group = `tiffin-lesson-${crypto.randomUUID().slice(0, 8)}`;
  const remove = `find /sys/fs/cgroup -depth -path '*/${group}*' -type d -exec rmdir {} + `;
  // a group is busy until its last process is gone
  stage.defer(() => stage.until(async () => (await stage.run(["sh", "-c", remove])).code === 0, 5));
  const covers = "for d in /run /dev/shm /var/lib/containers /var/lib/cni; do " +
    "[ ! -d $d ] || mount -t tmpfs tmpfs $d; done; exec sleep infinity";
  const holder = stage.start([
    ...["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"],
    ...["--mount-proc", "--net", "--ipc", "sh", "-c", covers],
  ]);
  const pid = await stage.until(() =>
    descendants(holder.pid).find((pid) => statusField(pid, "Name") === "sleep")
  );
  stage.expect(pid !== undefined, {
    en: `there are no namespaces for Podman: ${holder.output()}`,
    zh: `无法为 Podman 创建命名空间：${holder.output()}`,
  });
  stage.defer(() => endGround(stage, pid));
  const { scratch } = stage;
  Deno.mkdirSync(`${scratch}/networks`);
  Deno.writeTextFileSync(
    `${scratch}/containers.conf`,
    CONTAINERS_CONF.replaceAll("$PWD", scratch),
  );
  const write = (name: string, lines: string) =>
    Deno.writeTextFileSync(`${scratch}/${name}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  write("inside", `exec nsenter -t ${pid} -m -p -n -i sh -c 'cd ${scratch} && exec "$@"' sh "$@"`);
  write(
    "podman",
    `export CONTAINERS_CONF=${scratch}/containers.conf TMPDIR=/run
[ "$1" != run ] || { shift; set -- run --cgroup-parent /${group} "$@"; }
exec ${scratch}/inside podman --root ${scratch}/storage --runroot /run/engine \\
  --storage-driver vfs "$@"`,
  );
  return pid;
}

/**
 * Ends the namespaces by their first process. It can go only when the others are waited for, and one
 * that came in from outside and was left alone there is this process's child.
 */
async function endGround(stage: Stage, first: number): Promise<void> {
  attempt.kill(first, SIG.KILL);
  const isZombie = (pid: number) => statusField(pid, "State").startsWith("Z");
  await stage.until(() => {
    for (const pid of descendants(Deno.pid)) {
      const isOurs = statusField(pid, "PPid") === String(Deno.pid);
      const isInside = statusField(pid, "NSpid").split("\t").length >
        statusField("self", "NSpid").split("\t").length;
      if (isOurs && isInside && isZombie(pid)) attempt.waitpid(pid, null, W.NOHANG);
    }
    return statusField(first, "State") === "" || isZombie(first);
  }, 5);
}

async function aName(stage: Stage): Promise<void> {
  const manifest = documented("yaml", "RuntimeClass");
  stage.show(manifest);
  const [, handler] = /^handler: (.*)$/m.exec(manifest) ?? [];
  const config = documented("toml", "grpc.v1.cri");
  stage.expect(handler !== undefined && config.includes(`runtimes.${handler}]`), {
    en: `the node has no handler ${handler}`,
    zh: `节点上没有处理器 ${handler}`,
  });
  const [lack] = lacks([{ program: "containerd", package: "containerd" }]);
  if (lack) {
    stage.say({
      en: `What a node's containerd makes of it is not shown: ${lack.what.en} (\`${lack.fix}\`).`,
      zh: `节点上的 containerd 怎样理解它，这里不演示：${lack.what.zh}（\`${lack.fix}\`）。`,
    });
    return;
  }
  stage.say({
    en: "A node has a configuration for that handler. Its containerd reads it as:",
    zh: "节点上有这个处理器的配置。节点的 containerd 是这样理解它的：",
  });
  Deno.writeTextFileSync(`${stage.scratch}/config.toml`, config);
  await stage.type("containerd --config config.toml config dump >node.toml");
  await stage.type(`grep -oE 'runtimes.${handler}.*|BinaryName.*${handler}.*' node.toml`);
  const dump = Deno.readTextFileSync(`${stage.scratch}/node.toml`);
  stage.expect(/runtimes\.tiffin\.options\]\n\s*BinaryName = "\/.*oci"/.test(dump), {
    en: "containerd has understood something else",
    zh: "containerd 的理解与此不同",
  });
}
