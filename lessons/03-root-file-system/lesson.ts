/**
 * Lesson 3: the root file system, what holds a process in it, and what does not.
 *
 * @module
 */

import { CLONE, MS } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";
import type { Failure } from "../../runtime/birth/launch.ts";
import { makePrivate, mountRoot, pivot } from "../../runtime/birth/rootfs.ts";
import { examine } from "../../runtime/diagnosis.ts";
import { neededFiles } from "../../runtime/images/dynamic_loader.ts";
import { makeChild } from "../children.ts";
import type { Lesson, Stage, Text } from "../lesson.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["namespaces", { program: "ldd", package: "libc-bin" }],
  exercise: "exercise.sh",
  steps: {
    "what it needs": whatItNeeds,
    "chroot": chroot,
    "pivot_root": pivotRoot,
    "the old root": theOldRoot,
    "three rules": threeRules,
  },
};

async function whatItNeeds(stage: Stage): Promise<void> {
  const files = neededFiles("/bin/ls");
  stage.show(files);
  const root = `${stage.scratch}/new`;
  for (const file of ["/bin/ls", ...files]) {
    Deno.mkdirSync(root + file.replace(/[^/]*$/, ""), { recursive: true });
    Deno.copyFileSync(file, root + file);
  }
  stage.say({
    en: "Now these are copied, too, each to its place:",
    zh: "现在把它们也各自复制到位：",
  });
  const output = await stage.type("unshare -r chroot new /bin/ls -m /");
  stage.expect(output.startsWith("bin, lib"), {
    en: "the program needs something else still",
    zh: "这个程序还缺少别的东西",
  });
}

/** A directory with a few names in it that no host has. */
function makeRoot(stage: Stage, name: string): string {
  const root = `${stage.scratch}/${name}`;
  for (const inside of ["a-root", "of-our-own"]) {
    Deno.mkdirSync(`${root}/${inside}`, { recursive: true });
  }
  return root;
}

/** What there is at `/` for a process; the name is looked up by the kernel, in that process's root. */
async function rootOf(stage: Stage, pid: number): Promise<string> {
  return await stage.type(`ls -m /proc/${pid}/root/`);
}

const IS_IN = { en: "the process is not in its root", zh: "这个进程不在自己的根目录里" };
const IS_OUT = { en: "the process did not get out", zh: "这个进程没有逃出去" };

/** Climbs out of a root directory; of a root mount there is no way up. */
function climb(program: Program): void {
  program.call("a root below, while the working directory stays above it").mkdir("below", 0o755);
  program.call("from now on `..` stops there, and not here").chroot("below");
  program.call("up, past the root that was").chdir("../../../../../../../..");
  program.call("and be at home there").chroot(".");
}

async function chroot(stage: Stage): Promise<void> {
  const root = makeRoot(stage, "chroot");
  const enter = (program: Program) => {
    program.call("names begin here").chroot(root);
    program.call("and so do those without a slash").chdir("/");
  };
  const quiet = await makeChild(stage, { flags: CLONE.NEWNS }, enter);
  stage.show(quiet.lines);
  stage.expect((await rootOf(stage, quiet.pid)).includes("a-root"), IS_IN);
  await quiet.release();
  stage.say({
    en: "Another one goes on, still as root:",
    zh: "另一个进程继续走下去，身份仍然是 root：",
  });
  const climber = await makeChild(stage, { flags: CLONE.NEWNS }, (program) => {
    enter(program);
    climb(program);
  });
  stage.show(climber.lines.slice(2));
  stage.expect(!(await rootOf(stage, climber.pid)).includes("a-root"), IS_OUT);
  await climber.release();
}

async function pivotRoot(stage: Stage): Promise<void> {
  const path = makeRoot(stage, "pivot");
  const child = await makeChild(stage, { flags: CLONE.NEWNS }, (program) => {
    makePrivate(program);
    mountRoot(program, { kind: "directory", path });
    pivot(program);
    climb(program);
  });
  stage.show(child.lines);
  stage.expect((await rootOf(stage, child.pid)).includes("a-root"), IS_IN);
  await child.release();
}

async function theOldRoot(stage: Stage): Promise<void> {
  const path = makeRoot(stage, "old");
  const counts: number[] = [];
  for (const isTakenOff of [false, true]) {
    const child = await makeChild(stage, { flags: CLONE.NEWNS }, (program) => {
      makePrivate(program);
      mountRoot(program, { kind: "directory", path });
      if (isTakenOff) pivot(program);
      else program.call("and nothing more").pivot_root(".", ".");
    });
    stage.show(child.lines.slice(3));
    counts.push(Number(await stage.type(`wc -l < /proc/${child.pid}/mountinfo`)));
    await child.release();
  }
  stage.expect(counts[0] > 1 && counts[1] === 1, {
    en: `the mounts are ${counts.join(" and ")}`,
    zh: `挂载的数目是 ${counts.join(" 和 ")}`,
  });
}

/** Ways to break a rule of pivot_root(2), and what the diagnosis of a failed start is to find. */
const RULES: { broken: Text; by(program: Program, path: string): void; finds: RegExp }[] = [
  {
    broken: { en: "The new root is a plain directory:", zh: "新的根只是一个普通目录：" },
    by: (program, path) => {
      makePrivate(program);
      program.call("into it").chdir(path);
      program.call("a directory is no mount").pivot_root(".", ".");
    },
    finds: /is not a mount point/,
  },
  {
    broken: { en: "The mounts are shared with others:", zh: "挂载与别的命名空间共享：" },
    by: (program, path) => {
      program.call("as most machines have them").mount(null, "/", null, MS.REC | MS.SHARED, null);
      mountRoot(program, { kind: "directory", path });
      program.call("it would travel").pivot_root(".", ".");
    },
    finds: /shared/,
  },
  {
    broken: { en: "The place for the old root is elsewhere:", zh: "给旧根准备的位置在别处：" },
    by: (program, path) => {
      makePrivate(program);
      for (const mount of [path, `${path}-elsewhere`]) {
        program.call("a mount").mount(mount, mount, null, MS.BIND, null);
      }
      program.call("nobody would get there").pivot_root(path, `${path}-elsewhere`);
    },
    finds: /not below the new root/,
  },
];

async function threeRules(stage: Stage): Promise<void> {
  const path = makeRoot(stage, "rules");
  makeRoot(stage, "rules-elsewhere");
  for (const { broken, by, finds } of RULES) {
    const child = await makeChild(stage, { flags: CLONE.NEWNS }, (program) => by(program, path));
    const { program, failed, pid } = child;
    stage.say(broken);
    stage.show(child.lines.slice(-1));
    stage.expect(failed?.name === "pivot_root", {
      en: "the kernel let it pass",
      zh: "内核没有拒绝",
    });
    // what `run` says of a start that failed; of a pivot_root no question is about the container
    const { finding } = await examine({ program, step: failed, pid } as Failure);
    stage.expect(finds.test(finding?.cause ?? ""), {
      en: `another rule was broken: ${finding?.cause}`,
      zh: `违反的是另一条规则：${finding?.cause}`,
    });
    const found = `=> ${finding!.cause.replaceAll(stage.scratch, "…")}`;
    stage.say({ en: found, zh: found });
    await child.release();
  }
}
