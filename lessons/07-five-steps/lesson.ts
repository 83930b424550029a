/**
 * Lesson 7: a container in five steps, with the program of calls on the screen.
 *
 * @module
 */

import { readHostFile } from "../../runtime/host_files.ts";
import { parseMountinfo } from "../../runtime/diagnosis/mountinfo.ts";
import { neededFiles } from "../../runtime/images/dynamic_loader.ts";
import { findImage } from "../../runtime/images/find.ts";
import { prepare } from "../../runtime/prepare.ts";
import { explain, type Line } from "../../runtime/birth/trace.ts";
import { beginBirth, type HalfMade } from "../births.ts";
import { namespaceOf, NAMESPACES, statusField } from "../containers.ts";
import type { Lesson, Stage } from "../lesson.ts";
import { lacks } from "../needs.ts";
import { showValues } from "../tables.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["namespaces", "libseccomp", { program: "ldd", package: "libc-bin" }],
  exercise: "exercise.sh",
  steps: {
    "the program": theProgram,
    "namespaces": namespaces,
    "limits": limits,
    "file system": fileSystem,
    "dependencies": dependencies,
    "process": process,
  },
};

/** Lines of at most 78 columns. */
function cut(lines: readonly string[]): string[] {
  return lines.map((line) => line.length > 78 ? `${line.slice(0, 77)}…` : line);
}

async function theProgram(stage: Stage): Promise<void> {
  const from = await findImage(stage.root, "local");
  const options = { command: ["true"], network: "none" as const };
  const { draft } = await prepare({ dataRoot: stage.root, from, options });
  const lines = await explain(draft);
  const phases = new Map<string, Line[]>();
  for (const line of lines) {
    const title = `${line.phase} (${line.by})`;
    phases.set(title, [...phases.get(title) ?? [], line]);
  }
  stage.show([...phases].map(([title, { length }]) => `${String(length).padStart(4)}  ${title}`));
  showValues(stage, [[String(lines.length).padStart(4), { en: "in all", zh: "总共" }]]);
  stage.expect(lines.length > 100 && lines.length < 400, {
    en: `there are ${lines.length} calls`,
    zh: `共有 ${lines.length} 个调用`,
  });
}

/** A container that stands in front of the child's first call. */
function atBirth(stage: Stage, options = {}): Promise<HalfMade> {
  return beginBirth(
    stage,
    { command: ["sleep", "60"], ...options },
    ({ by, step }) => by === "child" && step.name !== "clone3",
  );
}

async function namespaces(stage: Stage): Promise<void> {
  const half = await atBirth(stage);
  stage.show(cut([half.made.findLast(({ name }) => name === "clone3")!.line]));
  const own = NAMESPACES.filter((name) =>
    namespaceOf(half.pid, name) !== namespaceOf("self", name)
  );
  const mounts = (who: number | "self") => mountsOf(who).length;
  const [ours, theirs] = [mounts("self"), mounts(half.pid)];
  const isSameFile = sameFile("/etc/passwd", `/proc/${half.pid}/root/etc/passwd`);
  showValues(stage, [
    [own.join(" "), { en: "namespaces of its own", zh: "自己的命名空间" }],
    [theirs, { en: `mounts; the host has ${ours}`, zh: `个挂载；宿主机有 ${ours} 个` }],
    [
      "/etc/passwd",
      isSameFile
        ? { en: "is the host's file", zh: "就是宿主机的文件" }
        : { en: "is another file", zh: "是另一个文件" },
    ],
  ]);
  stage.expect(own.includes("mnt") && own.includes("pid") && theirs === ours && isSameFile, {
    en: "the child is not what the lesson says",
    zh: "子进程与课文所说不同",
  });
  await half.giveUp();
}

async function limits(stage: Stage): Promise<void> {
  if (lacks([{ controller: "memory" }]).length > 0) {
    stage.say({
      en: "This user may make no control groups here (`tiffin doctor` says why), so this " +
        "container has none. What root would see is lesson 4.",
      zh: "当前用户在这里不能创建控制组（`tiffin doctor` 会说明原因），所以这个容器没有控制组。" +
        "root 会看到什么，见第 4 课。",
    });
    return;
  }
  const half = await atBirth(stage, { resources: { memory: { limit: 32 << 20 } } });
  const calls = half.made.filter(({ phase }) => phase === "limits: the control group");
  const at = calls.findIndex(({ line }) => /open\(".*memory\.(max|limit_in_bytes)"/.test(line));
  const wanted = [calls.find(({ line }) => /mkdir.*(memory|unified|tiffin-)/.test(line))!]
    .concat(calls.slice(at, at + 2));
  stage.show(cut(wanted.map(({ line }) => line.replace(/tiffin-[0-9a-f]{64}/, "tiffin-$ID"))));
  const file = /open\("([^"]*)"/.exec(calls[at].line)![1];
  stage.say({ en: "The kernel says of that file:", zh: "内核对这个文件的回答：" });
  const value = (readHostFile(file) ?? "").trim();
  stage.show(value);
  stage.expect(value === String(32 << 20), {
    en: `the limit is ${value}`,
    zh: `限制是 ${value}`,
  });
  await half.giveUp();
}

async function fileSystem(stage: Stage): Promise<void> {
  const half = await atBirth(stage);
  const before = mountsOf(half.pid).length;
  await half.goOn(({ step }) => step.phase.title === "mounts");
  const shown = ["mount", "pivot_root", "umount2"];
  const calls = half.made.filter(({ phase, name }) =>
    phase === "root file system" && shown.includes(name)
  );
  stage.show(cut(calls.map(({ line }) => line.replaceAll(/[0-9a-f]{64}/g, "$ID"))));
  const pivoted = mountsOf(half.pid);
  await half.goOn(({ step }) => step.phase.title === "names and parameters");
  const [{ type, point }] = pivoted;
  showValues(stage, [
    [before, { en: "mounts before", zh: "个挂载，换根之前" }],
    [pivoted.length, {
      en: `after it: ${type} at ${point}`,
      zh: `个，换根之后：${point} 处的 ${type}`,
    }],
    [mountsOf(half.pid).length, { en: "when all are made", zh: "个，全部创建之后" }],
  ]);
  stage.expect(before > 3 && pivoted.length === 1 && pivoted[0].type === "overlay", {
    en: `${pivoted.length} mounts are left`,
    zh: `还剩 ${pivoted.length} 个挂载`,
  });
  await half.giveUp();
}

async function dependencies(stage: Stage): Promise<void> {
  const program = Deno.realPathSync("/bin/sleep");
  const root = `${stage.scratch}/bare`;
  Deno.mkdirSync(root);
  Deno.copyFileSync(program, `${root}/sleep`);
  await stage.type("ls -m bare");
  const output = await stage.type("tiffin run --network none --rootfs bare /sleep 1");
  stage.say({ en: "The program says itself what it needs:", zh: "程序自己写明了它需要什么：" });
  stage.show(neededFiles(program));
  stage.expect(output.includes("ENOENT"), {
    en: "the kernel has found all that it needed",
    zh: "内核找到了它需要的一切",
  });
}

const FIELDS = ["Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"];

async function process(stage: Stage): Promise<void> {
  const half = await atBirth(stage);
  await half.goOn(({ step }) => step.phase.title === "the process");
  const read = () => FIELDS.map((name) => statusField(half.pid, name).replaceAll("\t", " "));
  const before = read();
  const { pid } = half;
  const maker = Deno.readLinkSync(`/proc/${pid}/exe`);
  await half.goOn(() => false);
  const after = read();
  const program = Deno.readLinkSync(`/proc/${pid}/exe`);
  const name = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  stage.show([
    stage.language === "zh"
      ? `${" ".repeat(12)}之前${" ".repeat(16)}之后`
      : `${" ".repeat(12)}${"before".padEnd(20)}after`,
    ...FIELDS.map((field, i) => `${field.padEnd(12)}${before[i].padEnd(20)}${after[i]}`),
    `${"PID".padEnd(12)}${String(pid).padEnd(20)}${pid}`,
    `${"exe".padEnd(12)}${name(maker).padEnd(20)}${name(program)}`,
  ]);
  stage.expect(after[3] === "1" && after[4] === "2" && before[3] === "0" && maker !== program, {
    en: "the process is not what the lesson says",
    zh: "进程与课文所说不同",
  });
  await half.giveUp();
}

function mountsOf(who: number | "self") {
  return parseMountinfo(readHostFile(`/proc/${who}/mountinfo`) ?? "");
}

function sameFile(one: string, other: string): boolean {
  const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}
