/**
 * Pulls: what a name leads to, what is fetched, what is not, and what happens in between.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { ManifestError, MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { hostPlatform, parsePlatform } from "../../../runtime/images/platform.ts";
import { PULLED_DIGEST, type UnpackLayer } from "../../../runtime/images/pull.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { slowly } from "../../helpers/faulty_registry.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { assertWhole, noise, start } from "./pull_fixture.ts";
import { fails } from "./registry_client.ts";

Deno.test("a pull brings the image, names it, and says what it does", async () => {
  await using it = await start();
  const { image, store, events } = it;
  const unpacked: string[] = [];
  const unpack: UnpackLayer = async (_store, layer) => {
    unpacked.push(layer.diffId);
    await Deno.mkdir(layer.directory);
  };
  const result = await it.pull(":1", { unpack });
  const name = `${it.registry.host}/box:1`;
  assertEquals([result.name, result.digest, result.changed], [name, image.descriptor.digest, true]);
  await assertWhole(store, image);
  const found = await store.image(name);
  assertEquals(found?.layers.map(({ diffId }) => diffId), image.diffIds);
  assertEquals(found?.config.config?.Cmd, ["sh"]);
  const descriptor = await store.find(name);
  assertEquals(descriptor?.platform, hostPlatform());
  assertEquals(descriptor?.annotations?.[PULLED_DIGEST], image.descriptor.digest);
  assertEquals(unpacked.toSorted(), image.diffIds.toSorted());

  const [resolved] = events;
  assert(resolved.kind === "resolved");
  assertEquals(resolved.layers, image.layers.map(({ digest, size }) => ({ digest, size })));
  for (const { digest, size } of image.layers) {
    const mine = events.filter((event) => event.kind === "layer" && event.digest === digest);
    const states = mine.map((event) => event.kind === "layer" && event.state);
    assertEquals([...new Set(states)], ["downloading", "verifying", "unpacking", "done"]);
    const received = mine.map((event) => event.kind === "layer" ? event.received : -1);
    assertEquals(received, received.toSorted((a, b) => a - b), "only ever more");
    assert(mine.every((event) => event.kind === "layer" && event.total === size));
  }
});

Deno.test("a second pull fetches the manifest alone", async () => {
  await using it = await start();
  await it.pull();
  it.registry.asked.length = it.events.length = 0;
  const result = await it.pull();
  assertEquals(result.changed, false);
  assertEquals(it.registry.asked.map(({ line }) => line), ["GET /v2/box/manifests/1"]);
  const states = it.events.filter((event) => event.kind === "layer").map(({ state }) => state);
  assertEquals(states, ["exists", "exists", "exists"]);

  it.registry.asked.length = 0;
  await it.pull(`@${it.image.descriptor.digest}`);
  assertEquals(it.registry.asked, [], "a digest that is there needs nobody");
});

Deno.test("a layer that is missing is fetched again, one not unpacked is unpacked", async () => {
  await using it = await start();
  await it.pull();
  Deno.removeSync(it.store.blobPath(it.image.layers[1].digest));
  Deno.mkdirSync(it.store.layerDirectory(it.image.diffIds[0]));
  it.registry.asked.length = 0;
  const unpacked: string[] = [];
  await it.pull(":1", { unpack: (_, { diffId }) => Promise.resolve(unpacked.push(diffId)) });
  assertEquals(it.registry.asked.map(({ line }) => line), ["GET /v2/box/manifests/1", it.blob(1)]);
  assertEquals(unpacked.toSorted(), it.image.diffIds.slice(1).toSorted());
});

Deno.test("an index leads to this machine's manifest, or says which ones there are", async () => {
  await using it = await start();
  const other = await it.registry.addImage("box", undefined, [noise(50, 9)], {
    os: "linux",
    architecture: "s390x",
  });
  const manifests = [other.descriptor, it.image.descriptor];
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.OCI_INDEX, manifests };
  const { digest } = await it.registry.addManifest("box", "all", index, index.mediaType);
  const result = await it.pull(":all");
  assertEquals([result.digest, result.descriptor.digest], [digest, it.image.descriptor.digest]);
  assertEquals(it.registry.count("GET /v2/box/manifests/"), 2);

  const s390x = await it.pull(":all", { platform: parsePlatform("s390x") });
  assertEquals(s390x.descriptor.digest, other.descriptor.digest);
  const riscv = () => it.pull(":all", { platform: parsePlatform("riscv64") });
  const mine = hostPlatform().architecture;
  await fails(riscv, "not-found", "linux/riscv64", `there is only linux/s390x, linux/${mine}`);
  const single = () => it.pull(":1", { platform: parsePlatform("s390x") });
  await fails(single, "not-found", "linux/s390x", `there is only linux/${mine}`);

  const lying = { ...index, manifests: [{ ...other.descriptor, size: 5 }] };
  await it.registry.addManifest("box", "lying", lying, index.mediaType);
  const liar = () => it.pull(":lying", { platform: parsePlatform("s390x") });
  await assertRejects(liar, ManifestError, "manifests[…].size is 5");
});

Deno.test("an image for another kernel is refused before its layers are fetched", async () => {
  await using it = await start();
  const architecture = hostPlatform().architecture;
  await it.registry.addImage("box", "win", [noise(9, 3)], { os: "windows", architecture });
  await fails(() => it.pull(":win"), "not-found", `there is only windows/${architecture}`);
  assertEquals(it.registry.count("GET /v2/box/blobs/"), 1);
});

Deno.test("indexes that lead from one to the next end somewhere", async () => {
  await using it = await start();
  let { descriptor } = it.image;
  for (let depth = 1; depth <= 5; depth++) {
    const mediaType = MEDIA_TYPE.OCI_INDEX;
    const manifests = [{ ...descriptor, platform: hostPlatform() }];
    const index = { schemaVersion: 2, mediaType, manifests };
    descriptor = await it.registry.addManifest("box", `deep${depth}`, index, mediaType);
  }
  assertEquals((await it.pull(":deep4")).descriptor.digest, it.image.descriptor.digest);
  await assertRejects(() => it.pull(":deep5"), ManifestError, "from index to index");
});

Deno.test("a failure stops the other layers, and is the one that is told", async () => {
  await using it = await start();
  it.registry.fault(it.blob(0), (_, honest) => slowly(honest, 1000, 20));
  it.registry.fault(it.blob(1), () => new Response("gone", { status: 404 }));
  const before = performance.now();
  await fails(() => it.pull(), "not-found", it.image.layers[1].digest);
  assert(performance.now() - before < 2000, "the slow layer was not waited for");

  await using other = await start();
  const unpack: UnpackLayer = () => Promise.reject(new Error("layer: entry ../x leads outside"));
  await assertRejects(() => other.pull(":1", { unpack }), Error, "entry ../x");
  assertEquals(await other.store.list(), []);
});

Deno.test("an abort ends a pull with its reason", async () => {
  await using it = await start();
  const abort = new AbortController();
  it.registry.fault(it.blob(0), (_, honest) => {
    setTimeout(() => abort.abort(new Error("Ctrl-C")), 30);
    return slowly(honest, 1000, 20);
  });
  await assertRejects(() => it.pull(":1", { signal: abort.signal }), Error, "Ctrl-C");
  assertEquals(await it.store.list(), []);
});

Deno.test("the same blob wanted twice is fetched once", async () => {
  await using it = await start();
  await using root = await tempRoot();
  const [layer] = [noise(100_000, 4)];
  const twice = await it.registry.addImage(
    "box",
    "twice",
    [layer, noise(10, 1), layer],
    hostPlatform(),
  );
  const path = `GET /v2/box/blobs/${twice.layers[0].digest}`;
  it.registry.fault(path, (_, honest) => slowly(honest, 10_000, 10));
  const [a, b] = await Promise.all([it.pull(":twice"), it.pull(":twice")]);
  assertEquals(a.digest, b.digest);
  assertEquals(it.registry.count(path), 1);
  assert(it.events.some((event) => event.kind === "layer" && event.state === "waiting"));
  await assertWhole(it.store, twice);

  it.registry.asked.length = 0;
  const module = (name: string) =>
    new URL(`../../../runtime/images/${name}.ts`, import.meta.url).href;
  const script = `
    import { pull } from "${module("pull")}";
    import { parseReference } from "${module("reference")}";
    import { ImageStore } from "${module("store")}";
    await pull(new ImageStore(Deno.args[0]), parseReference(Deno.args[1]));`;
  await Deno.writeTextFile(`${root.path}/pull.ts`, script);
  const args = ["run", "-A", "--no-check", `${root.path}/pull.ts`, `${root.path}/store`];
  const run = () =>
    new Deno.Command(Deno.execPath(), { args: [...args, `${it.registry.host}/box:twice`] })
      .output();
  for (const { success, stderr } of await Promise.all([run(), run(), run()])) {
    assert(success, new TextDecoder().decode(stderr));
  }
  assertEquals(it.registry.count(path), 1);
  await assertWhole(new ImageStore(`${root.path}/store`), twice);
});
