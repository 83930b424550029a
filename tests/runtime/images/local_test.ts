/**
 * The image `local`: it runs, it is the same each time, and it is an image like others.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { concatenate } from "../../../ffi/structs.ts";
import { HostFiles } from "../../../runtime/images/host_files.ts";
import { ensureLocalImage, remakeLocalImage } from "../../../runtime/images/local.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { layerRoot, readTar, run, unpack } from "./tarballs.ts";

Deno.test("local is made once, is the same wherever it is made, and has what it names", async () => {
  await using root = await layerRoot();
  await using other = await layerRoot();
  const store = new ImageStore(root.path);
  const image = await ensureLocalImage(store);
  assertEquals(image.name, "local");
  assertEquals(image.config.config?.Cmd, ["sh"]);
  const { directory } = image.layers[0];
  const made = Deno.statSync(directory).ctime?.getTime();
  assertEquals((await ensureLocalImage(store)).digest, image.digest);
  assertEquals(Deno.statSync(directory).ctime?.getTime(), made);
  assertEquals((await remakeLocalImage(new ImageStore(other.path))).digest, image.digest);

  for (const path of ["bin/sh", "usr/bin/env", "etc/passwd", "etc/os-release"]) {
    Deno.lstatSync(`${directory}/${path}`);
  }
  assertEquals(Deno.statSync(`${directory}/tmp`).mode! & 0o7777, 0o1777);
  for (const path of ["proc", "sys", "dev", "run"]) {
    assertEquals([...Deno.readDirSync(`${directory}/${path}`)], []);
  }
  const setuid = await run("find", directory, "-perm", "/6000", "-type", "f");
  assertEquals(setuid.length, 0, "set-uid is left behind");
});

Deno.test("a layer that somebody removed is unpacked again", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const { layers: [{ directory }] } = await ensureLocalImage(store);
  await Deno.remove(directory, { recursive: true });
  await ensureLocalImage(store);
  assert(Deno.statSync(directory).isDirectory);
});

Deno.test({
  ...needs("every program of local starts in it", { root: true, programs: ["chroot"] }),
  async fn() {
    await using root = await layerRoot();
    const { layers: [{ directory }] } = await ensureLocalImage(new ImageStore(root.path));
    const inside = (...command: string[]) => run("chroot", directory, ...command);
    const text = async (...command: string[]) => new TextDecoder().decode(await inside(...command));
    assertEquals(
      await text("sh", "-c", "id -un; getent hosts localhost >&2; cd /tmp && pwd"),
      "root\n/tmp\n",
    );
    assert((await text("cat", "/etc/os-release")).includes("ID=tiffin-local"));
    assertEquals(await text("awk", "BEGIN { print 6 * 7 }"), "42\n");
    // Whatever else they do, none may stop for want of a library.
    const script = `for f in /usr/bin/* /usr/sbin/* /bin/*; do
      [ -f "$f" ] || continue
      case "$f" in *yes|*tee|*cat|*sh|*nohup|*script|*watch|*top|*vi*|*reset|*tset) continue;; esac
      echo | timeout 5 "$f" --version >/tmp/out 2>&1
      status=$?
      count=$((count + 1))
      [ $status = 127 ] && grep -l 'shared librar\\|not found' /tmp/out && echo "$f: $(cat /tmp/out)"
    done; [ $count -gt 50 ] || echo "only $count programs"`;
    assertEquals(await text("sh", "-c", script), "");
  },
});

Deno.test("files come with their links and directories, and hard links stay together", async () => {
  await using root = await tempRoot();
  const at = (path: string) => `${root.path}/${path}`;
  Deno.mkdirSync(at("usr/lib/deep"), { recursive: true });
  Deno.symlinkSync("usr/lib", at("lib"));
  Deno.writeTextFileSync(at("usr/lib/deep/file-1"), "content");
  Deno.linkSync(at("usr/lib/deep/file-1"), at("usr/lib/deep/file-2"));
  Deno.symlinkSync("../lib/./deep/../deep/file-2", at("usr/link"));
  Deno.symlinkSync(at("lib/deep/file-1"), at("absolute"));
  Deno.symlinkSync("loop", at("loop"));
  Deno.chmodSync(at("usr/lib/deep/file-1"), 0o4755);
  Deno.utimeSync(at("usr/lib/deep/file-1"), 1e9, 1e9);

  const files = new HostFiles();
  assertEquals(files.add(at("absolute")), at("usr/lib/deep/file-1"));
  assertEquals(files.add(at("usr/link")), at("usr/lib/deep/file-2"));
  await assertRejects(async () => void await files.add(at("loop")), Deno.errors.FilesystemLoop);
  await assertRejects(async () => void await files.add(at("nothing")), Deno.errors.NotFound);
  const archive = concatenate([...files.archive()]);
  const entries = new Map(readTar(archive).map((entry) => [`/${entry.name}`, entry]));
  assertEquals(entries.get(at("lib"))?.linkname, "usr/lib");
  assertEquals(entries.get(at("usr/link"))?.linkname, "../lib/./deep/../deep/file-2");
  assertEquals(entries.get(at("usr/lib/deep/file-1"))?.content, "content");
  assertEquals(entries.get(at("usr/lib/deep/file-1"))?.mode, 0o755);
  assertEquals(entries.get(at("usr/lib/deep/file-2"))?.type, "hardlink");
  assertEquals(entries.get(at("usr/lib/deep/file-1"))?.mtime, 1e9);

  const { directory } = await unpack(at("store"), archive);
  assertEquals(Deno.readTextFileSync(`${directory}${at("lib/deep/file-2")}`), "content");
});
