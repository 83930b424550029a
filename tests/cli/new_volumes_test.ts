/**
 * What a new volume begins with: what the image has in its place, unless somebody was there before.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser, Talk, tiffin as command } from "./box.ts";

/** Makes the image `data:1`, which has things at /data and a link that leads there. */
const SETUP = `mkdir -p /data/sub; echo lower >/data/file; echo secret >/data/private
  chmod 600 /data/private; ln /data/file /data/sub/again; ln -s file /data/link; ln -s /data /way
  chown -Rh 5:6 /data; chmod 2750 /data`;

const LOOK = `cd /data; stat -c '%a %u:%g %n' . * sub/*; cat file link; stat -c %h file`;

const AS_IN_THE_IMAGE = `2750 5:6 .
644 5:6 file
777 5:6 link
600 5:6 private
755 5:6 sub
644 5:6 sub/again
lower
lower
2
`;

Deno.test({
  ...needs("a new volume begins with what the image has in its place, and keeps it", anyUser),
  async fn() {
    await using root = await tempRoot();
    const tiffin = async (...words: string[]) => {
      const { code, stdout, stderr } = await runTiffin(words, { root: root.path });
      assertEquals(code, 0, stderr);
      return stdout;
    };
    const at = (volume: string, script: string) =>
      tiffin("run", "--rm", volume, "data:1", "sh", "-c", script);
    await tiffin("run", "local", "true"); // makes the image, at its first use
    const script = `${SETUP}; echo done; read line`;
    await using maker = new Talk(command("run", "local", "sh", "-c", script), root.path);
    await maker.hear(/done/);
    const [{ name: id }] = Deno.readDirSync(`${root.path}/containers`);
    await tiffin("commit", id, "data:1");
    await maker.end();

    assertEquals(await at("-v=/data", LOOK), AS_IN_THE_IMAGE, "without a name");
    assertEquals(await at("-v=named:/data", LOOK), AS_IN_THE_IMAGE);
    assertEquals(await at("-v=over-a-link:/way", LOOK), AS_IN_THE_IMAGE);
    await at("-v=named:/data", "rm -r /data/*; echo x >/data/file");
    assertEquals(await at("-v=named:/data", "ls /data; cat /data/*"), "file\nx\n", "used before");
    assertEquals(await at("-v=bare:/data:nocopy", "ls -A /data"), "");
    const nocopy = "--mount=type=volume,source=bare,target=/data,volume-nocopy";
    assertEquals(await at(nocopy, "ls -A /data"), "");
    assertEquals(await at("-v=bare:/data", LOOK), AS_IN_THE_IMAGE, "empty is new");
    assertEquals(await at("-v=nothing:/nowhere", "ls -A /nowhere"), "");
    assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);
    await makeAsking(root.path, tiffin);
    const places = `cut -d' ' -f5 /proc/self/mountinfo | grep -e data -e made -e '^/$'`;
    const asked = (...flags: string[]) =>
      tiffin("run", "--rm", ...flags, "asks:1", "sh", "-c", `${LOOK}; cd /; ${places} | sort`);
    assertEquals(await asked(), `${AS_IN_THE_IMAGE}/\n/data\n/made/here\n`);
    await at("-v=kept:/data", "echo kept >/data/kept");
    const own = await asked("-v=kept:/data", "--tmpfs=/made/here");
    assertStringIncludes(own, "kept\n");
    assertEquals(own.split("\n").slice(-4), ["/", "/data", "/made/here", ""]);
  },
});

/** Makes the image `asks:1`, which asks for volumes, also where it has no say. */
async function makeAsking(
  root: string,
  tiffin: (...words: string[]) => Promise<string>,
): Promise<void> {
  await using talk = new Talk(command("run", "data:1", "sh", "-c", "echo up; read x"), root);
  await talk.hear(/up/);
  const [{ name }] = Deno.readDirSync(`${root}/containers`);
  const wishes = ["/data/", "made/here", "/proc", "/", "/a/../..", "/dev/shm"];
  await tiffin("commit", ...wishes.flatMap((path) => ["-c", `VOLUME ${path}`]), name, "asks:1");
  await talk.end();
}
