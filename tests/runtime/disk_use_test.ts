/**
 * How much disk a tree takes: each file once, and nothing that lies outside.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { treeSize } from "../../runtime/disk_use.ts";

const KIB = 1024;

Deno.test("a file of two names counts once, and one whose name is no text counts", () => {
  const top = Deno.makeTempDirSync({ prefix: "tiffin-test-" });
  try {
    const empty = treeSize(top);
    Deno.writeFileSync(`${top}/file`, new Uint8Array(64 * KIB));
    Deno.linkSync(`${top}/file`, `${top}/again`);
    Deno.symlinkSync("/usr", `${top}/link`);
    const { success } = new Deno.Command("sh", {
      args: ["-c", `cp file "$(printf '\\377')"`],
      cwd: top,
    }).outputSync();
    assertEquals(success, true);
    assertEquals(treeSize(top), { bytes: empty.bytes + 128 * KIB, whole: true });
    assertEquals(treeSize(`${top}/missing`), { bytes: 0, whole: true });
  } finally {
    Deno.removeSync(top, { recursive: true });
  }
});

/** Puts a link in a directory's place, and the directory back, again and again for a second. */
const EXCHANGE = `
  self.onmessage = ({ data: top }) => {
    self.postMessage("begun");
    for (const end = Date.now() + 1000; Date.now() < end;) {
      Deno.renameSync(top + "/tree/it", top + "/away");
      Deno.renameSync(top + "/link", top + "/tree/it");
      Deno.renameSync(top + "/tree/it", top + "/link");
      Deno.renameSync(top + "/away", top + "/tree/it");
    }
    self.postMessage("ended");
  };`;

Deno.test({
  name: "a link that takes a directory's place while it is counted leads nowhere",
  async fn() {
    const top = Deno.makeTempDirSync({ prefix: "tiffin-test-" });
    const worker = new Worker(`data:application/javascript,${encodeURIComponent(EXCHANGE)}`, {
      type: "module",
    });
    try {
      Deno.mkdirSync(`${top}/tree/it`, { recursive: true });
      Deno.mkdirSync(`${top}/outside`);
      Deno.writeFileSync(`${top}/outside/file`, new Uint8Array(256 * KIB));
      Deno.symlinkSync(`${top}/outside`, `${top}/link`);
      const message = () => new Promise((resolve) => worker.onmessage = resolve);
      const begun = message();
      worker.postMessage(top);
      await begun;
      const ended = message();
      let largest = 0;
      for (const end = Date.now() + 900; Date.now() < end;) {
        largest = Math.max(largest, treeSize(`${top}/tree`).bytes);
      }
      await ended;
      assertEquals(largest < 256 * KIB, true, `${largest} bytes`);
    } finally {
      worker.terminate();
      Deno.removeSync(top, { recursive: true });
    }
  },
});
