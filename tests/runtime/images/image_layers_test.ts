/**
 * What layers add, change and remove, and how images differ, as their blobs tell it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import zlib from "node:zlib";
import { digestOf } from "../../../runtime/images/digest.ts";
import { describeLayers, diffImages } from "../../../runtime/images/image_layers.ts";
import { listTar } from "../../../runtime/images/layer_listing.ts";
import { MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { type Image, ImageStore, StoreError } from "../../../runtime/images/store.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { bytes, type Content, tarball } from "./tarballs.ts";

const file = (name: string, content = "x", more: Partial<Content> = {}): Content => {
  return { name, type: "file", content, ...more };
};
const directory = (name: string, more: Partial<Content> = {}): Content => {
  return { name, type: "directory", ...more };
};

/** Puts an image of these layers into the store. */
async function addImage(
  store: ImageStore,
  name: string,
  layers: Content[][],
  history: unknown[] = [],
): Promise<Image> {
  const tars = layers.map((entries) => tarball(...entries));
  const json = (value: unknown) => store.writeBlob(bytes(JSON.stringify(value)));
  const descriptors = [];
  for (const tar of tars) {
    const blob = await store.writeBlob(new Uint8Array(zlib.gzipSync(tar)));
    descriptors.push({ mediaType: MEDIA_TYPE.OCI_LAYER_GZIP, ...blob });
  }
  const rootfs = { type: "layers", diff_ids: await Promise.all(tars.map(digestOf)) };
  const config = await json({ os: "linux", architecture: "amd64", history, rootfs });
  const manifest = await json({
    schemaVersion: 2,
    config: { mediaType: MEDIA_TYPE.OCI_CONFIG, ...config },
    layers: descriptors,
  });
  await store.tag(name, { mediaType: MEDIA_TYPE.OCI_MANIFEST, ...manifest });
  return (await store.image(name))!;
}

/** Each change as `A path size before`. */
async function changesOf(store: ImageStore, image: Image): Promise<string[][]> {
  return (await describeLayers(store, image)).map(({ changes }) =>
    changes.map(({ kind, path, size, before }) => `${kind} ${path} ${size} ${before}`)
  );
}

Deno.test("what each layer adds, changes and removes", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const image = await addImage(store, "a", [
    [
      directory("etc/"),
      file("etc/kept", "12345"),
      file("etc/gone", "123"),
      file("etc/changed", "1"),
      directory("tree/"),
      directory("tree/deep/"),
      file("tree/deep/file", "1234567"),
      file("tree/other", "12"),
      directory("was/"),
      file("was/inner", "1234"),
      file("hard/one", "123456"),
      { name: "hard/two", type: "hardlink", linkname: "hard/one" },
    ],
    [
      directory("etc/"),
      file("etc/.wh.gone", ""),
      file("etc/changed", "22"),
      file("tree/.wh..wh..opq", ""),
      file("tree/other", "333"),
      file("was", "now a file"),
      file(".wh.nothing", ""),
      directory("etc/new/", { mode: 0o700 }),
    ],
    [directory("etc/", { mode: 0o700 }), file(".wh.hard", ""), file("etc/gone", "back")],
    [file(".wh..wh..opq", ""), file("etc/kept", "again")],
  ], [
    { created_by: "ADD a" },
    { created_by: "ENV", empty_layer: true },
    { created_by: "RUN b" },
  ]);
  assertEquals(await changesOf(store, image), [
    [
      "A etc 0 0",
      "A etc/changed 1 0",
      "A etc/gone 3 0",
      "A etc/kept 5 0",
      "A hard 0 0",
      "A hard/one 6 0",
      "A hard/two 0 0",
      "A tree 0 0",
      "A tree/deep 0 0",
      "A tree/deep/file 7 0",
      "A tree/other 2 0",
      "A was 0 0",
      "A was/inner 4 0",
    ],
    [
      "C etc/changed 2 1",
      "D etc/gone 0 3",
      "A etc/new 0 0",
      "D tree/deep 0 0",
      "D tree/deep/file 0 7",
      "C tree/other 3 2",
      "C was 10 0",
      "D was/inner 0 4",
    ],
    ["C etc 0 0", "A etc/gone 4 0", "D hard 0 0", "D hard/one 0 6", "D hard/two 0 0"],
    [
      "C etc 0 0",
      "D etc/changed 0 2",
      "D etc/gone 0 4",
      "C etc/kept 5 5",
      "D etc/new 0 0",
      "D tree 0 0",
      "D tree/other 0 3",
      "D was 0 10",
    ],
  ]);
  const steps = (await describeLayers(store, image)).map(({ createdBy }) => createdBy);
  assertEquals(steps, ["ADD a", "RUN b", "", ""]);
});

Deno.test("how two images differ: files, not the layers that they come in, nor times", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const common = [file("same", "same"), file("link-target", "1")];
  const first = await addImage(store, "a", [
    [...common, file("content", "1"), file("mode"), file("owner"), file("type"), file("old")],
    [
      { name: "link", type: "symlink", linkname: "a" },
      file("attribute", "x", { xattrs: new Map([["user.a", bytes("1")]]) }),
      { name: "device", type: "chardev", major: 1, minor: 3 },
    ],
  ]);
  const second = await addImage(store, "b", [[
    file("same", "same", { mtime: 5 }),
    file("link-target", "1"),
    { name: "also", type: "hardlink", linkname: "link-target" },
    file("content", "2"),
    file("mode", "x", { mode: 0o600 }),
    file("owner", "x", { uid: 5 }),
    { name: "type", type: "fifo" },
    { name: "link", type: "symlink", linkname: "b" },
    file("attribute", "x", { xattrs: new Map([["user.a", bytes("2")]]) }),
    { name: "device", type: "chardev", major: 1, minor: 5 },
    file("new", "new"),
  ]]);
  const lines = (await diffImages(store, first, second)).map(({ kind, path, what }) => {
    return [kind, path, ...what].join(" ");
  });
  assertEquals(lines, [
    "A also",
    "C attribute attributes",
    "C content content",
    "C device device",
    "C link link",
    "C mode mode",
    "A new",
    "D old",
    "C owner owner",
    "C type type",
  ]);
  assertEquals(await diffImages(store, first, first), []);
});

Deno.test("a layer's own links are followed, and its later entries count, as when it is unpacked", async () => {
  const { files, whiteouts, opaque } = await listTar([tarball(
    directory("real/"),
    { name: "link", type: "symlink", linkname: "/real" },
    { name: "up", type: "symlink", linkname: "../../link" },
    file("link/inner"),
    file("up/second"),
    file("replaced/inner"),
    file("replaced", "now a file"),
    file(".wh.back"),
    directory("back/"),
    directory("before/"),
    file(".wh.before"),
    file(".wh..wh.aufs"),
    file(".wh..wh.plnk/1"),
  )]);
  assertEquals([...files.keys()].sort(), [
    "",
    "back",
    "before",
    "link",
    "real",
    "real/inner",
    "real/second",
    "replaced",
    "up",
  ]);
  assertEquals([...whiteouts], []);
  assertEquals([...opaque].sort(), ["back", "before"]);
});

Deno.test("a layer that is not what the image says is an error", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const image = await addImage(store, "a", [[file("a")], [file("b")]]);
  const wrong = { ...image, layers: image.layers.toReversed() };
  wrong.layers = wrong.layers.map((layer, i) => ({ ...layer, diffId: image.layers[i].diffId }));
  await assertRejects(() => describeLayers(store, wrong), StoreError, "its tar hashes to");
  Deno.removeSync(store.blobPath(image.layers[0].descriptor.digest));
  await assertRejects(() => describeLayers(store, image), StoreError, "is not in the store");
});
