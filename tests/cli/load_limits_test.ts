/**
 * Archives made to do harm, given to `load` and `import`: refused before anything has a name.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { digestOf } from "../../runtime/images/digest.ts";
import { hostPlatform } from "../../runtime/images/platform.ts";
import { needs } from "../helpers/needs.ts";
import { runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { type Content, tarball } from "../runtime/images/tarballs.ts";
import { anyUser } from "./box.ts";

const file = (name: string, content: string | Uint8Array = "x"): Content => {
  return { name, type: "file", content };
};

/** What `docker save` would write of an image with these layers. */
async function saved(...layers: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  const diff_ids = await Promise.all(layers.map((layer) => digestOf(layer)));
  const config = { ...hostPlatform(), config: {}, rootfs: { type: "layers", diff_ids } };
  const names = layers.map((_, n) => `${n}.tar`);
  return tarball(
    ...layers.map((layer, n) => file(names[n], layer)),
    file("c.json", JSON.stringify(config)),
    file("manifest.json", JSON.stringify([{ Config: "c.json", RepoTags: ["x:1"], Layers: names }])),
  );
}

Deno.test({
  ...needs(
    "load and import refuse hostile layers, and leave nothing; limits can be raised",
    anyUser,
  ),
  async fn() {
    await using root = await tempRoot();
    const tiffin = async (stdin: Uint8Array<ArrayBuffer>, ...words: string[]) => {
      const { code, stdout, stderr } = await runTiffin(words, { root: root.path, stdin });
      return `${code}: ${stdout}${stderr}`;
    };
    const leaves = (...directories: string[]) =>
      directories.flatMap((name) => Array.from(Deno.readDirSync(`${root.path}/${name}`)))
        .map(({ name }) => name);
    const assertNothing = () =>
      assertEquals(leaves("layers", "tmp", "images/blobs/sha256", "cache/downloads"), []);

    const good = tarball(file("good"));
    for (
      const [entry, words] of [
        [file("../escaped"), /climbs out of the layer/],
        [{ name: "link", type: "hardlink", linkname: "/etc/passwd" }, /is not in the layer/],
        [{ name: "node", type: "chardev", major: 0, minor: 0 }, /takes for a whiteout/],
      ] as const
    ) {
      assertMatch(await tiffin(await saved(good, tarball(entry)), "load"), words);
      assertNothing();
      assertMatch(await tiffin(tarball(entry), "import", "-", "x:1"), words);
      assertNothing();
    }

    const many = tarball(file("1"), file("2", new Uint8Array(100_000)), file("3"));
    for (
      const [words, archive] of [
        [["load"], await saved(many)],
        [["import", "-", "x:1"], many],
      ] as const
    ) {
      const few = await tiffin(archive, ...words, "--max-layer-entries=2");
      assertMatch(few, /^1: .*2 entries already/);
      assertMatch(few, new RegExp(`tiffin ${words[0]} --max-layer-entries raises the limit`));
      assertNothing();
      const small = await tiffin(archive, ...words, "--max-layer-size=50k");
      assertMatch(small, /^1: .*more than 51200 bytes/);
      assertMatch(small, new RegExp(`tiffin ${words[0]} --max-layer-size raises the limit`));
      assertNothing();
      assertMatch(await tiffin(archive, ...words, "--max-layer-size=1m"), /^0: /);
      assertEquals(leaves("layers").length, 1, "unpacked already");
      await tiffin(archive, "rmi", "x:1");
      assertNothing();
    }
    assertMatch(await tiffin(many, "load", "--max-layer-entries=0"), /^125: .*max-layer-entries/);
  },
});
