/**
 * The store's fsck: it finds what was broken on purpose, and what it takes away comes again.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { type CheckReport, checkStore } from "../../../runtime/images/check.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { pull } from "../../../runtime/images/pull.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { unpackLayer } from "../../../runtime/images/unpack.ts";
import { type AddedImage, FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { isRoot, needs } from "../../helpers/needs.ts";
import { names, noise } from "./pull_fixture.ts";
import { nobody } from "./registry_client.ts";
import { type Content, layerRoot, tarball } from "./tarballs.ts";

const LOWER: Content[] = [
  { name: "etc/", type: "directory", mode: 0o755 },
  { name: "etc/passwd", type: "file", content: "root", mode: 0o640 },
  { name: "link", type: "symlink", linkname: "etc" },
  { name: "gone", type: "file", content: "g" },
  ...(isRoot ? [{ name: "null", type: "chardev", major: 1, minor: 3 } as const] : []),
];
const UPPER: Content[] = [
  { name: ".wh.gone", type: "file" },
  { name: "etc/.wh..wh..opq", type: "file" },
  { name: "etc/hosts", type: "file", content: "h" },
  { name: "etc/also", type: "hardlink", linkname: "etc/hosts" },
];

/** A store with one image, unpacked, that can be pulled again. */
async function filled() {
  const root = await layerRoot();
  const registry = new FaultyRegistry();
  const tars = [LOWER, UPPER].map((entries) => tarball(...entries));
  const image = await registry.addImage("box", "1", tars, hostPlatform());
  const store = new ImageStore(root.path);
  const name = `${registry.host}/box:1`;
  const fetch = async () => {
    await pull(store, parseReference(name), { credentials: nobody });
    // An ordinary user's trees are made and read in a user namespace, which tests/cli has.
    if (!isRoot) return;
    for (const layer of (await store.image(name))!.layers) await unpackLayer(store, layer);
  };
  await fetch();
  return {
    root,
    store,
    image,
    name,
    fetch,
    directory: store.layerDirectory(image.diffIds[0]),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

const lines = ({ problems }: CheckReport) =>
  problems.map(({ subject, problem }) => `${subject}: ${problem}`);

Deno.test("a store that is right is said to be, and nothing is changed", async () => {
  await using it = await filled();
  const before = names(`${it.store.layout}/blobs/sha256`);
  const report = await checkStore(it.store);
  assertEquals(lines(report), []);
  assertEquals([report.images, report.blobs.count, report.layers], [1, 4, isRoot ? 2 : 0]);
  assertEquals(names(`${it.store.layout}/blobs/sha256`), before);
  assertEquals(names(`${it.store.root}/tmp`), []);
  const empty = await checkStore(new ImageStore(`${it.root.path}/none`));
  assertEquals([empty.images, empty.problems.length], [0, 0]);
});

/** Ways to break a store: what is done, and what the check says of it. */
const BREAKS: [
  string,
  (it: { store: ImageStore; image: AddedImage; directory: string }) => void,
  RegExp,
][] = [
  [
    "a bit of a layer has turned",
    ({ store, image }) => turnBit(store.blobPath(image.layers[0].digest), 600),
    /^blob sha256:[0-9a-f]{64}: its bytes hash to sha256:[0-9a-f]{64}$/,
  ],
  [
    "a layer is cut short",
    ({ store, image }) => Deno.truncateSync(store.blobPath(image.layers[1].digest), 700),
    /its bytes hash to/,
  ],
  [
    "a layer is missing",
    ({ store, image }) => Deno.removeSync(store.blobPath(image.layers[1].digest)),
    /^127\.0\.0\.1:\d+\/box:1: its layer, blob sha256:[0-9a-f]{64}, is missing$/,
  ],
  [
    "the manifest is damaged",
    ({ store, image }) => turnBit(store.blobPath(image.descriptor.digest), 5),
    /its bytes hash to[^]*its manifest, blob sha256:[0-9a-f]{64}, is damaged$/,
  ],
  [
    "the manifest is missing",
    ({ store, image }) => Deno.removeSync(store.blobPath(image.descriptor.digest)),
    /^127\.0\.0\.1:\d+\/box:1: blob sha256:[0-9a-f]{64} is not in the store/,
  ],
  [
    "the config is damaged",
    ({ store, image }) => turnBit(store.blobPath(image.config.digest), 5),
    /its config, blob sha256:[0-9a-f]{64}, is damaged$/,
  ],
  [
    "the list of names is damaged",
    ({ store }) => Deno.writeTextFileSync(`${store.layout}/index.json`, "{"),
    /index\.json: .* is not JSON/,
  ],
  [
    "there is a stranger among the blobs",
    ({ store }) => Deno.mkdirSync(`${store.layout}/blobs/sha256/strange/deep`, { recursive: true }),
    /strange: it is no blob$/,
  ],
];

/** What only root can compare, and everybody's files can be told by. */
const TREE_BREAKS: [string, (directory: string) => void, string][] = [
  ["content", (path) => Deno.writeTextFileSync(`${path}/etc/passwd`, "evil"), "etc/passwd"],
  ["mode", (path) => Deno.chmodSync(`${path}/etc/passwd`, 0o666), "etc/passwd"],
  ["a new file", (path) => Deno.writeTextFileSync(`${path}/etc/new`, ""), "etc/new"],
  ["a file less", (path) => Deno.removeSync(`${path}/gone`), "gone"],
  ["a link", (path) => {
    Deno.removeSync(`${path}/link`);
    Deno.symlinkSync("/elsewhere", `${path}/link`);
  }, "link"],
];

function turnBit(path: string, at: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[at] ^= 1;
  Deno.chmodSync(path, 0o644);
  Deno.writeFileSync(path, bytes);
}

for (const [what, breakIt, said] of BREAKS) {
  Deno.test(`check: ${what}; after the repair a pull makes it right`, async () => {
    await using it = await filled();
    breakIt(it);
    const report = await checkStore(it.store);
    assertMatch(lines(report).join("\n"), said);
    for (const { repair } of report.problems) await repair?.();
    await it.fetch();
    assertEquals(lines(await checkStore(it.store)), []);
  });
}

for (const [what, breakIt, path] of TREE_BREAKS) {
  Deno.test({
    ...needs(`check: an unpacked layer has changed: ${what}`, { root: true }),
    async fn() {
      await using it = await filled();
      breakIt(it.directory);
      const { problems } = await checkStore(it.store);
      assertEquals(problems.map(({ subject }) => subject), [it.directory]);
      assertEquals(
        problems[0].problem,
        `what it was unpacked to is not the same any more: ${path}`,
      );
      assertEquals(lines(await checkStore(it.store, { quick: true })), []);
      // What a container uses is not taken from it.
      const container = `${it.store.root}/containers/${"c".repeat(64)}`;
      Deno.mkdirSync(container, { recursive: true });
      const record = { imageDigest: it.image.descriptor.digest };
      Deno.writeTextFileSync(`${container}/record.json`, JSON.stringify(record));
      assertEquals((await checkStore(it.store)).problems[0].repair, undefined);
      Deno.removeSync(container, { recursive: true });

      await problems[0].repair!();
      assertEquals(names(`${it.store.root}/tmp`), []);
      await it.fetch();
      assertEquals(lines(await checkStore(it.store)), []);
    },
  });
}

Deno.test("a layer that never was what the image says is found without a directory too", async () => {
  await using it = await filled();
  await using registry = new FaultyRegistry();
  const more = { rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] } };
  await registry.addImage("liar", "1", [tarball(...LOWER)], hostPlatform(), more);
  await registry.addImage("rubbish", "1", [noise(2000, 5)], hostPlatform());
  for (const name of ["liar", "rubbish"]) {
    await pull(it.store, parseReference(`${registry.host}/${name}:1`), { credentials: nobody });
  }
  const problems = lines(await checkStore(it.store)).sort();
  assertEquals(problems.length, 2);
  assertMatch(problems.join("\n"), /its tar hashes to sha256:\w+, and the image's config says/);
  assertMatch(problems.join("\n"), /its first header has a wrong checksum/);
});
