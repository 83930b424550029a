/**
 * Many commands: one after the other, and all at once, also where the image is not there yet.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertUnchanged, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser } from "./box.ts";

Deno.test({
  ...needs("thirty commands, one after the other, leave everything as it was", anyUser),
  async fn() {
    await using root = await tempRoot();
    await runTiffin(["run", "local", "true"], { root: root.path });
    const before = hostSnapshot(root.path);
    for (let i = 0; i < 30; i++) {
      const script = `echo ${i}; echo more >/file; mkdir -p /a/b/c; exit ${i}`;
      const words = ["run", "local", "sh", "-c", script];
      const { code, stdout, stderr } = await runTiffin(words, { root: root.path });
      assertEquals([code, stdout, stderr], [i, `${i}\n`, ""]);
    }
    await assertUnchanged(before);
  },
});

Deno.test({
  ...needs("twenty commands at once, the image not made yet, see nothing of one another", anyUser),
  async fn() {
    await using root = await tempRoot();
    const begin = `${root.path}/volumes/meet/_data/begin`;
    const outcomes = Array.from({ length: 20 }, (_, i) => {
      const script = `hostname; ps -e -o pid= | wc -l; touch /mine-${i}; ls / | grep -c mine; ` +
        `touch /meet/${i}; until [ -e /meet/begin ]; do sleep 0.02; done; exit ${i}`;
      const flags = ["--name", `box-${i}`, "-v", "meet:/meet"];
      return runTiffin(["run", ...flags, "local", "sh", "-c", script], { root: root.path });
    });
    // they all run before the first of them ends
    const deadline = Date.now() + 30_000;
    while (count(`${root.path}/volumes/meet/_data`) < 20) {
      assert(Date.now() < deadline, "twenty containers run");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assertEquals(count(`${root.path}/containers`), 20);
    await Deno.writeTextFile(begin, "");
    const names = new Set<string>();
    for (const [i, outcome] of outcomes.entries()) {
      const { code, stdout, stderr } = await outcome;
      const [hostname, processes, files] = stdout.split("\n");
      assertEquals([code, processes.trim(), files, stderr], [i, "3", "1", ""]);
      names.add(hostname);
    }
    assertEquals(names.size, 20);
    assertEquals(count(`${root.path}/containers`), 0);
    assertEquals(count(`${root.path}/layers`), 1);
    assertEquals(count(`${root.path}/tmp`), 0);
  },
});

function count(path: string): number {
  try {
    return [...Deno.readDirSync(path)].length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
