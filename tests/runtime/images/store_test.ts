/**
 * The image store: whole blobs, names that stand for checked images, safe between processes.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertThrows } from "@std/assert/throws";
import { DigestMismatch, digestOf } from "../../../runtime/images/digest.ts";
import { lockFile } from "../../../runtime/images/file_lock.ts";
import { type Descriptor, ManifestError, MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import {
  type ImageLayer,
  ImageStore,
  lowerDirectories,
  StoreError,
} from "../../../runtime/images/store.ts";
import { skopeo } from "../../helpers/docker_registry.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { layerRoot, tarball, unpack } from "./tarballs.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

/** Puts an image of these layers into the store, not yet named. @param diffIds what it says they are */
async function addImage(
  store: ImageStore,
  tars: string[],
  diffIds?: string[],
): Promise<Descriptor> {
  const layers: Descriptor[] = [];
  for (const tar of tars) {
    layers.push({ mediaType: MEDIA_TYPE.OCI_LAYER, ...await store.writeBlob(bytes(tar)) });
  }
  const rootfs = { type: "layers", diff_ids: diffIds ?? layers.map(({ digest }) => digest) };
  const config = { os: "linux", architecture: "amd64", config: { Cmd: ["sh"] }, rootfs };
  const manifest = {
    schemaVersion: 2,
    config: {
      mediaType: MEDIA_TYPE.OCI_CONFIG,
      ...await store.writeBlob(bytes(JSON.stringify(config))),
    },
    layers,
  };
  const written = await store.writeBlob(bytes(JSON.stringify(manifest)));
  return { mediaType: MEDIA_TYPE.OCI_MANIFEST, ...written };
}

Deno.test("a store that was never used is empty, and asking it makes nothing", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(`${root.path}/new`);
  assertEquals(await store.list(), []);
  assertEquals(await store.image("docker.io/library/a:latest"), undefined);
  assertEquals(await store.hasBlob(`sha256:${"0".repeat(64)}`), false);
  assertThrows(() => Deno.statSync(store.root), Deno.errors.NotFound);
});

Deno.test("a blob goes in from memory or a stream, and is read back", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const digest = await digestOf(bytes("hello"));
  assertEquals(await store.writeBlob(bytes("hello")), { digest, size: 5 });
  assertEquals(await store.hasBlob(digest), true);
  const stream = ReadableStream.from([bytes("hel"), bytes("lo")]);
  assertEquals(await store.writeBlob(stream, { digest, size: 5 }), { digest, size: 5 });
  assertEquals(await store.readBlob(digest, 5), bytes("hello"));
  using file = await store.openBlob(digest);
  assertEquals(await new Response(file.readable).text(), "hello");
  assertEquals(names(`${root.path}/tmp`), []);
});

Deno.test("a blob that is not what was expected leaves nothing", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const digest = await digestOf(bytes("hello"));
  const cases: [text: string, size: number, rule: string][] = [
    ["hullo", 5, "hash to"],
    ["hell", 5, "4 bytes instead of the 5"],
    ["hello, world", 5, "more than the 5 bytes"],
  ];
  for (const [text, size, rule] of cases) {
    const write = () => store.writeBlob(bytes(text), { digest, size });
    await assertRejects(write, DigestMismatch, rule);
  }
  const broken = ReadableStream.from((async function* () {
    yield bytes("hel");
    await Promise.resolve();
    throw new Error("the source broke");
  })());
  await assertRejects(() => store.writeBlob(broken, { digest }), Error, "the source broke");
  assertEquals(names(`${root.path}/tmp`), []);
  assertEquals(names(`${store.layout}/blobs/sha256`), []);
});

Deno.test("a blob that was damaged, grew or went is noticed where it is read", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const { digest } = await store.writeBlob(bytes("hello"));
  await assertRejects(() => store.readBlob(digest, 4), StoreError, "more than the 4 allowed");
  Deno.writeTextFileSync(store.blobPath(digest), "hullo");
  await assertRejects(() => store.readBlob(digest, 100), StoreError, "is damaged");
  Deno.removeSync(store.blobPath(digest));
  await assertRejects(() => store.readBlob(digest, 100), StoreError, "is not in the store");
  await assertRejects(() => store.openBlob(digest), StoreError, "is not in the store");
});

Deno.test("no path leaves the store", () => {
  const store = new ImageStore("/root/of/it");
  const digest = `sha256:${"ab".repeat(32)}`;
  assertEquals(store.blobPath(digest), `/root/of/it/images/blobs/sha256/${"ab".repeat(32)}`);
  assertEquals(store.layerDirectory(digest), `/root/of/it/layers/${"ab".repeat(12)}`);
  for (
    const wrong of ["", "sha256:../../../etc/passwd", `sha512:${"ab".repeat(64)}`, `${digest}/..`]
  ) {
    assertThrows(() => store.blobPath(wrong), TypeError, "is not a digest");
    assertThrows(() => store.layerDirectory(wrong), TypeError, "is not a digest");
    assertThrows(() => store.downloadPath(wrong), TypeError, "is not a digest");
  }
});

Deno.test("a name stands for an image until it is given to another or taken away", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const [first, second] = [await addImage(store, ["a", "b", "a"]), await addImage(store, ["c"])];
  await store.tag("h.io/a:1", { ...first, annotations: { kept: "yes" } });
  await store.tag("h.io/b:1", first);
  await store.tag("h.io/b:1", second);

  assertEquals((await store.list()).map(({ name, descriptor }) => [name, descriptor.digest]), [
    ["h.io/a:1", first.digest],
    ["h.io/b:1", second.digest],
  ]);
  const image = await store.image("h.io/a:1");
  assert(image);
  assertEquals(image.name, "h.io/a:1");
  assertEquals(image.digest, first.digest);
  assertEquals(image.id, image.manifest.config.digest);
  assertEquals(image.manifest.mediaType, MEDIA_TYPE.OCI_MANIFEST);
  assertEquals(image.config.config?.Cmd, ["sh"]);
  const [a, b] = [await digestOf(bytes("a")), await digestOf(bytes("b"))];
  assertEquals(image.layers.map(({ diffId }) => diffId), [a, b, a]);
  assertEquals(lowerDirectories(image), [a, b].map((each) => store.layerDirectory(each)));
  assertEquals((await store.find("h.io/a:1"))?.annotations?.kept, "yes");

  assertEquals(await store.untag("h.io/a:1"), true);
  assertEquals(await store.untag("h.io/a:1"), false);
  assertEquals(await store.image("h.io/a:1"), undefined);
  assertEquals((await store.image("h.io/b:1"))?.digest, second.digest);
});

Deno.test("a layer that hides everything below it is the last that is stacked", async () => {
  await using root = await layerRoot();
  const directories = [];
  for (const [i, mark] of ["x", ".wh..wh..opq", "y"].entries()) {
    const tar = tarball({ name: mark, type: "file" }, { name: `${i}`, type: "file" });
    directories.push((await unpack(root.path, tar)).directory);
  }
  const layers = directories.map((directory) => ({ directory })) as ImageLayer[];
  const [lowest, opaque, highest] = directories;
  assertEquals(lowerDirectories({ layers }), [highest, opaque]);
  assertEquals(lowerDirectories({ layers: layers.toReversed() }), [lowest, opaque]);
});

Deno.test("only an image that is there and whole is given a name", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const image = await addImage(store, ["a"]);
  const missing = { ...image, digest: `sha256:${"0".repeat(64)}` };
  await assertRejects(() => store.tag("h.io/a:1", missing), StoreError, "is not in the store");

  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.OCI_INDEX, manifests: [] };
  const written = await store.writeBlob(bytes(JSON.stringify(index)));
  const named = { mediaType: MEDIA_TYPE.OCI_INDEX, ...written };
  await assertRejects(() => store.tag("h.io/a:1", named), ManifestError, "is an index");

  const { config } = JSON.parse(Deno.readTextFileSync(store.blobPath(image.digest)));
  Deno.writeTextFileSync(store.blobPath(config.digest), "{}");
  await assertRejects(() => store.tag("h.io/a:1", image), StoreError, "is damaged");
  assertEquals(await store.list(), []);
});

Deno.test("an image whose blobs were removed says what to do", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const image = await addImage(store, ["a"]);
  await store.tag("h.io/a:1", image);
  Deno.removeSync(store.blobPath(image.digest));
  await assertRejects(() => store.image("h.io/a:1"), StoreError, "pull the image again");
  Deno.writeTextFileSync(`${store.layout}/index.json`, '{"manif');
  await assertRejects(() => store.image("h.io/a:1"), StoreError, "index.json is not JSON");
});

Deno.test("names given by many processes at the same time are all there", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const image = await addImage(store, ["a"]);
  const module = new URL("../../../runtime/images/store.ts", import.meta.url).href;
  const script = `
    const { ImageStore } = await import(${JSON.stringify(module)});
    const [root, image, who] = Deno.args;
    const store = new ImageStore(root);
    await Promise.all([1, 2, 3, 4, 5].map((n) => store.tag(\`h.io/\${who}:\${n}\`, JSON.parse(image))));
    await store.untag(\`h.io/\${who}:3\`);`;
  const file = `${root.path}/tag.ts`;
  await Deno.writeTextFile(file, script);
  const processes = ["a", "b", "c", "d"].map((who) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", file, root.path, JSON.stringify(image), who],
    }).output()
  );
  for (const { success, stderr } of await Promise.all(processes)) {
    assert(success, new TextDecoder().decode(stderr));
  }
  const expected = ["a", "b", "c", "d"].flatMap((who) =>
    [1, 2, 4, 5].map((n) => `h.io/${who}:${n}`)
  );
  assertEquals((await store.list()).map(({ name }) => name).sort(), expected);
});

Deno.test("what a dead writer left is swept, what a living one writes is not", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  await store.prepare();
  const [dead, alive, foreign] = ["blob-dead", "blob-alive", "other"].map((name) => {
    return `${root.path}/tmp/${name}`;
  });
  Deno.writeTextFileSync(dead, "x");
  Deno.writeTextFileSync(foreign, "x");
  const old = store.downloadPath(`sha256:${"1".repeat(64)}`);
  const recent = store.downloadPath(`sha256:${"2".repeat(64)}`);
  for (const path of [old, recent]) Deno.writeTextFileSync(path, "x");
  Deno.utimeSync(old, 0, Date.now() / 1000 - 30 * 24 * 3600);
  {
    using _writer = await lockFile(alive);
    await store.prepare();
    assertEquals(names(`${root.path}/tmp`), ["blob-alive", "other"]);
  }
  await store.prepare();
  assertEquals(names(`${root.path}/tmp`), ["other"]);
  assertEquals(names(`${root.path}/cache/downloads`), ["2".repeat(64)]);
});

Deno.test("a lock is had by one at a time, passes on, and is not waited for after an abort", async () => {
  await using root = await tempRoot();
  const path = `${root.path}/lock`;
  const first = await lockFile(path);
  let waited = 0;
  const second = lockFile(path, { onWait: () => waited++ });
  const abort = new AbortController();
  const third = assertRejects(() => lockFile(path, { signal: abort.signal }), Error, "no more");
  abort.abort(new Error("no more"));
  await third;
  Deno.removeSync(path);
  first.close();
  using held = await second;
  assertEquals(waited, 1);
  assertEquals(held.statSync().ino, Deno.statSync(path).ino, "the file that is there now");
});

Deno.test({
  ...needs("skopeo reads the store as an OCI layout", { programs: ["skopeo"] }),
  async fn() {
    await using root = await tempRoot();
    const store = new ImageStore(root.path);
    const image = await addImage(store, ["a", "b"]);
    await store.tag("docker.io/library/box:1", image);
    await store.tag(`docker.io/library/box@${image.digest}`, image);
    await store.tag("127.0.0.1:5000/a/b:1", await addImage(store, ["c"]));
    for (const name of ["docker.io/library/box:1", `docker.io/library/box@${image.digest}`]) {
      const seen = JSON.parse(await skopeo("inspect", "--raw", `oci:${store.layout}:${name}`));
      assertEquals(seen.layers.length, 2);
    }
    await skopeo("copy", `oci:${store.layout}:127.0.0.1:5000/a/b:1`, `dir:${root.path}/copy`);
    assert(names(`${root.path}/copy`).includes("manifest.json"));
  },
});

Deno.test("a layer that would be taken for another one's gives no image a name", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const like = (end: string) => `sha256:${"ab".repeat(12)}${end.repeat(40)}`;
  await store.tag("h.io/a:1", await addImage(store, ["a"], [like("1")]));
  const twin = await addImage(store, ["b"], [like("2")]);
  await assertRejects(() => store.tag("h.io/b:1", twin), StoreError, "begin alike");
  await store.tag("h.io/c:1", await addImage(store, ["c"], [like("1")]));
  const both = await addImage(store, ["d", "e"], [like("3").replace("ab", "cd"), like("3")]);
  await assertRejects(() => store.tag("h.io/d:1", both), StoreError, "begin alike");
  await store.untag("h.io/a:1");
  await store.untag("h.io/c:1");
  await store.tag("h.io/b:1", twin);
});
