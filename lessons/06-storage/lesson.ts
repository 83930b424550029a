/**
 * Lesson 6: storage: layers stacked by overlayfs, volumes, and where data is lost.
 *
 * @module
 */

import { AT, CLONE, O } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";
import { writeFile } from "../../runtime/birth/files.ts";
import { makePrivate, mountRoot, type OverlayRoot } from "../../runtime/birth/rootfs.ts";
import { type Child, enter, makeChild } from "../children.ts";
import { startContainer } from "../containers.ts";
import type { Lesson, Stage } from "../lesson.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["namespaces"],
  exercise: "exercise.sh",
  steps: { "copy on write": copyOnWrite, "a removal": aRemoval, "a volume": aVolume },
};

/** How large the file of the lower layer is. */
const SIZE = 4 << 20;

/** A layer with two files, and what overlayfs needs beside it. */
function makeLayers(stage: Stage, name: string): OverlayRoot {
  const from = `${stage.scratch}/${name}`;
  for (const directory of ["lower", "upper", "work", "merged"]) {
    Deno.mkdirSync(`${from}/${directory}`, { recursive: true });
  }
  Deno.writeFileSync(`${from}/lower/book`, new Uint8Array(SIZE));
  Deno.writeTextFileSync(`${from}/lower/secret`, "sesame\n");
  return {
    kind: "overlay",
    from,
    lower: ["lower"],
    upper: "upper",
    work: "work",
    mountPoint: "merged",
    userxattr: Deno.uid() !== 0,
    isThrownAway: true,
  };
}

/** Stacks the layers as a container's start does, and goes on in the merged tree. */
async function stack(
  stage: Stage,
  root: OverlayRoot,
  write: (program: Program) => void,
): Promise<Child> {
  const child = await makeChild(stage, { flags: CLONE.NEWNS }, (program) => {
    makePrivate(program);
    mountRoot(program, root);
    write(program);
  });
  stage.show(child.lines.slice(1));
  return child;
}

async function copyOnWrite(stage: Stage): Promise<void> {
  const root = makeLayers(stage, "copy");
  const child = await stack(stage, root, (program) => {
    writeFile(program, "book", "!", "one byte more", { flags: O.APPEND });
  });
  await stage.type(`${enter(child.pid, "mount")} ls -s --block-size=1 ${root.from}/merged`);
  stage.say({ en: "And in the two directories:", zh: "而在两个目录里：" });
  await stage.type(`cd ${root.from}; wc -c lower/* upper/*`);
  const [lower, upper] = ["lower", "upper"].map((layer) =>
    Deno.statSync(`${root.from}/${layer}/book`).size
  );
  stage.expect(lower === SIZE && upper === SIZE + 1, {
    en: `the files have ${lower} and ${upper} bytes`,
    zh: `两个文件分别有 ${lower} 和 ${upper} 字节`,
  });
  await child.release();
}

async function aRemoval(stage: Stage): Promise<void> {
  const root = makeLayers(stage, "removal");
  const child = await stack(stage, root, (program) => {
    program.call("it goes").unlinkat(AT.FDCWD, "secret", 0);
  });
  const merged = await stage.type(`${enter(child.pid, "mount")} ls ${root.from}/merged`);
  const upper = await stage.type(`cd ${root.from}; ls -l upper; cat lower/secret`);
  stage.expect(merged === "book\n" && /^c.* 0, +0 .*secret$/m.test(upper), {
    en: "there is no mark in the upper layer",
    zh: "上层里没有记号",
  });
  await child.release();
}

async function aVolume(stage: Stage): Promise<void> {
  const data = `${stage.scratch}/data`;
  Deno.mkdirSync(data);
  const { pid, running } = await startContainer(stage, [
    ...["-v", `${data}:/data`, "local", "sh", "-c", "echo 1 > /data/file; exec sleep 60"],
  ]);
  await stage.until(() => [...Deno.readDirSync(data)].length > 0);
  const fields = "cut -d ' ' -f 4,5";
  const mounts = await stage.type(`grep ' /data ' /proc/${pid}/mountinfo | ${fields}`);
  stage.say({
    en: "A file has a number, and both names lead to the same one:",
    zh: "文件有编号，两个名字指向同一个编号：",
  });
  const inodes = await stage.type(`stat -c '%i %n' data/file /proc/${pid}/root/data/file`);
  const numbers = inodes.trim().split("\n").map((line) => line.split(" ")[0]);
  stage.expect(mounts.includes("/data") && numbers[0] === numbers[1], {
    en: "it is another file",
    zh: "这是另一个文件",
  });
  await running.stop();
  const left = await stage.type("cat data/file");
  stage.expect(left === "1\n", { en: "the file has gone", zh: "文件没有了" });
}
