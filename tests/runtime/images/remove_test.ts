/**
 * Removing and pruning: what nobody needs goes, what somebody needs stays, whoever comes between.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { importRootfs, loadArchive } from "../../../runtime/images/archive.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { pull } from "../../../runtime/images/pull.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { prune, removeImage } from "../../../runtime/images/remove.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { unpackLayer } from "../../../runtime/images/unpack.ts";
import { FaultyRegistry, slowly } from "../../helpers/faulty_registry.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { names, noise } from "./pull_fixture.ts";
import { nobody } from "./registry_client.ts";
import { layerRoot, tarball } from "./tarballs.ts";

const COMMON = tarball({ name: "common", type: "file", content: "c" });
const OWN = tarball({ name: "own", type: "file", content: "o" });

/** A store with two images that share a layer, unpacked, and one without a name. */
async function filled() {
  const root = await layerRoot();
  await using registry = new FaultyRegistry();
  const first = await registry.addImage("a", "1", [COMMON, OWN], hostPlatform());
  const second = await registry.addImage("b", "1", [COMMON], hostPlatform());
  const store = new ImageStore(root.path);
  const [a, b] = ["a", "b"].map((name) => `${registry.host}/${name}:1`);
  for (const name of [a, b]) {
    await pull(store, parseReference(name), { credentials: nobody });
    for (const layer of (await store.image(name))!.layers) await unpackLayer(store, layer);
  }
  return { root, store, first, second, a, b, [Symbol.asyncDispose]: root[Symbol.asyncDispose] };
}

const hex = (digest: string) => digest.slice("sha256:".length);
const blobs = (store: ImageStore) => names(`${store.layout}/blobs/sha256`);
const layers = (store: ImageStore) => names(`${store.root}/layers`);

/** Writes the record of a container that was made from the image with this manifest. */
function addContainer(store: ImageStore, id: string, imageDigest: string): void {
  Deno.mkdirSync(`${store.root}/containers/${id}`, { recursive: true });
  Deno.writeTextFileSync(
    `${store.root}/containers/${id}/record.json`,
    JSON.stringify({ imageDigest }),
  );
}

Deno.test("prune takes what no name leads to, and cut downloads, and says how much that was", async () => {
  await using it = await filled();
  await it.store.untag(it.a);
  Deno.writeFileSync(it.store.downloadPath(`sha256:${"0".repeat(64)}`), noise(8192, 1));
  using fetched = Deno.openSync(it.store.downloadPath(`sha256:${"1".repeat(64)}`), {
    create: true,
    write: true,
  });
  fetched.lockSync(true);
  const removal = await prune(it.store);
  const { descriptor, config, layers: [, own], diffIds } = it.first;
  assertEquals(removal.blobs.sort(), [descriptor, config, own].map(({ digest }) => digest).sort());
  assertEquals(removal.layers, [hex(diffIds[1]).slice(0, 24)]);
  assertEquals(removal.names, []);
  assertEquals(removal.bytes >= 8192 + 3 * 512, true);
  assertEquals(names(`${it.store.root}/cache/downloads`), ["1".repeat(64)], "it is being fetched");
  assertEquals(blobs(it.store).length, 3);
  assertEquals((await prune(it.store)).blobs, []);
  assertEquals((await it.store.image(it.b))?.layers.length, 1);
});

Deno.test("what a container uses stays, also without a name, and after its name has moved on", async () => {
  await using it = await filled();
  addContainer(it.store, "c".repeat(64), it.first.descriptor.digest);
  const before = [blobs(it.store), layers(it.store)];
  // A name that only a container's image has is not taken, whatever is asked for.
  assertEquals((await prune(it.store, (name) => name === it.a)).names, []);
  await removeImage(it.store, it.a);
  assertEquals((await prune(it.store)).blobs, []);
  assertEquals([blobs(it.store), layers(it.store)], before);
  Deno.removeSync(`${it.store.root}/containers`, { recursive: true });
  assertEquals((await prune(it.store, () => true)).names, [it.b]);
  assertEquals([blobs(it.store), layers(it.store)], [[], []]);
  assertEquals(names(`${it.store.root}/tmp`), []);
});

Deno.test("what a pull has found is not taken from it before it has named its image", async () => {
  await using it = await filled();
  await using registry = new FaultyRegistry();
  const image = await registry.addImage("c", "1", [COMMON, OWN, noise(200_000, 7)], hostPlatform());
  const last = image.layers[2].digest;
  registry.fault(`GET /v2/c/blobs/${last}`, (_, honest) => slowly(honest, 10_000, 10));
  const name = `${registry.host}/c:1`;
  const pulled = pull(it.store, parseReference(name), { credentials: nobody });
  while (registry.count(`GET /v2/c/blobs/${last}`) === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Another process's store: what this one is told of is told by the files alone.
  const other = new ImageStore(it.store.root);
  await removeImage(other, it.a);
  await removeImage(other, it.b);
  await prune(other);
  await pulled;
  for (const { descriptor: { digest, size } } of (await it.store.image(name))!.layers) {
    assertEquals((await it.store.readBlob(digest, size)).length, size);
  }
  assertEquals(names(`${it.store.root}/tmp`), []);
});

Deno.test("a lease ends with its holder, however that ends", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  await store.prepare();
  const { digest } = await store.writeBlob(new TextEncoder().encode("orphan"));
  const script = `
    import { ImageStore } from "${new URL("../../../runtime/images/store.ts", import.meta.url)}";
    const store = new ImageStore(Deno.args[0]);
    await store.lease();
    await store.hasBlob(Deno.args[1]);
    console.log("held");
    await new Promise(() => setInterval(() => {}, 1000));`;
  await Deno.writeTextFile(`${root.path}/hold.ts`, script);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${root.path}/hold.ts`, root.path, digest],
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  await output.read();
  assertEquals((await prune(store)).blobs, []);
  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
  assertEquals((await prune(store)).blobs, [digest]);
  assertEquals(names(`${root.path}/tmp`), []);
});

Deno.test("what a refused archive has brought goes again, and nothing else does", async () => {
  await using it = await filled();
  const before = blobs(it.store);
  const rootfs = { type: "layers", diff_ids: [it.first.diffIds[0], `sha256:${"0".repeat(64)}`] };
  const image = { Config: "c", RepoTags: ["x:1"], Layers: ["1", "2"] };
  const archive = tarball(
    { name: "1", type: "file", content: COMMON },
    { name: "2", type: "file", content: noise(5000, 3) },
    { name: "c", type: "file", content: JSON.stringify({ ...hostPlatform(), rootfs }) },
    { name: "manifest.json", type: "file", content: JSON.stringify([image]) },
  );
  await assertRejects(() => loadArchive(it.store, ReadableStream.from([archive])), Error);
  assertEquals(blobs(it.store), before);
  const options = { name: "x:1" };
  await assertRejects(() => importRootfs(it.store, ReadableStream.from([noise(5000, 4)]), options));
  assertEquals(blobs(it.store), before);
  assertEquals(names(`${it.store.root}/tmp`), []);
});

Deno.test("images come and go at once, and every name that is left leads to a whole image", async () => {
  await using root = await tempRoot();
  const script = `
    const base = "${new URL("../../../runtime/images/", import.meta.url)}";
    const { ImageStore } = await import(base + "store.ts");
    const { importRootfs } = await import(base + "archive.ts");
    const { prune, removeImage } = await import(base + "remove.ts");
    const [root, name, tar] = Deno.args;
    const store = new ImageStore(root);
    for (let i = 0; i < 15; i++) {
      const { name: whole } = await importRootfs(store, tar, { name });
      const image = await store.image(whole);
      for (const { descriptor } of image?.layers ?? []) {
        if (!await store.hasBlob(descriptor.digest)) throw new Error("a layer is gone");
      }
      if (i % 3 === 0) await prune(store);
      if (i % 4 === 3) await removeImage(store, whole);
    }`;
  await Deno.writeTextFile(`${root.path}/turn.ts`, script);
  await Deno.writeFile(`${root.path}/tar`, COMMON);
  const data = `${root.path}/data`;
  // All bring the same layer, under names of their own.
  const runs = ["a", "b", "c"].map((name) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `${root.path}/turn.ts`, data, name, `${root.path}/tar`],
      stderr: "piped",
    }).output()
  );
  for (const { success, stderr } of await Promise.all(runs)) {
    assertEquals(success, true, new TextDecoder().decode(stderr));
  }
  assertEquals(names(`${data}/tmp`), []);
});
