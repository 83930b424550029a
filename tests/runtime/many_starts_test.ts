/**
 * Many starts, one after the other and side by side, leave the host as it was.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { run } from "../../mod.ts";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const STARTS = 1000;

Deno.test({
  ...needs(`${STARTS} starts leave mounts, groups, processes and directories as they were`, {
    root: true,
  }),
  async fn() {
    await using root = await tempRoot();
    const start = () => run({ root: root.path, image: "local", args: ["true"] });
    await start();
    const descriptors = openDescriptors();
    const before = hostSnapshot(root.path);
    for (let i = 0; i < STARTS; i++) assertEquals(await start(), 0);
    await assertUnchanged(before);
    assertEquals(openDescriptors(), descriptors);
  },
});

Deno.test({
  ...needs("twenty containers at once end each with its own code", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const start = (code: number) =>
      run({ root: root.path, image: "local", args: ["sh", "-c", `sleep 0.2; exit ${code}`] });
    await start(0);
    const before = hostSnapshot(root.path);
    const codes = Array.from({ length: 20 }, (_, i) => i);
    assertEquals(await Promise.all(codes.map(start)), codes);
    await assertUnchanged(before);
  },
});

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
