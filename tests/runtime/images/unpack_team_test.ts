/**
 * Layers unpacked by several at once, while they are still being fetched.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { pull, type PullOptions } from "../../../runtime/images/pull.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { LayerError } from "../../../runtime/images/unpack.ts";
import { UnpackTeam } from "../../../runtime/images/unpack_team.ts";
import { cut, FaultyRegistry, slowly } from "../../helpers/faulty_registry.ts";
import { names, namesIfThere, noise } from "./pull_fixture.ts";
import { fails, nobody, patience } from "./registry_client.ts";
import { layerRoot, tarball } from "./tarballs.ts";

/** A registry with an image of these layers, an empty store, and a team. */
async function start(...layers: Uint8Array<ArrayBuffer>[]) {
  const root = await layerRoot();
  const registry = new FaultyRegistry();
  const image = await registry.addImage("box", "1", layers, hostPlatform());
  const store = new ImageStore(root.path);
  const team = new UnpackTeam();
  const reference = parseReference(`${registry.host}/box:1`);
  const usual = { unpack: team.unpack.bind(team), credentials: nobody, patience };
  return {
    image,
    registry,
    store,
    team,
    blob: (n: number) => `GET /v2/box/blobs/${image.layers[n].digest}`,
    directory: (n: number) => store.layerDirectory(image.diffIds[n]),
    pull: (options: PullOptions = {}) => pull(store, reference, { ...usual, ...options }),
    async [Symbol.asyncDispose]() {
      team[Symbol.dispose]();
      await registry[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

const file = (name: string, content: Uint8Array | string = name) =>
  ({ name, type: "file", content }) as const;

/** How many of the layers that are being made have a file of this name. */
function begun(store: ImageStore, name: string): number {
  const inTmp = namesIfThere(`${store.root}/tmp`).filter((each) => each.startsWith("layer-"));
  const trees = inTmp.map((each) => namesIfThere(`${store.root}/tmp/${each}/tree`));
  return trees.filter((files) => files.includes(name)).length;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 10_000) throw new Error(`in ten seconds it did not happen that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test("layers are unpacked side by side, and before they have come whole", async () => {
  const layer = (n: number) => tarball(file("first"), file("rest", noise(400_000, n)));
  await using it = await start(layer(1), layer(2));
  const more = [0, 1].map(() => Promise.withResolvers<void>());
  for (const n of [0, 1]) {
    it.registry.fault(it.blob(n), async (_, honest) => {
      const { status, headers } = honest;
      const whole = await honest.bytes();
      const body = async function* () {
        yield whole.subarray(0, 200_000);
        await more[n].promise;
        yield whole.subarray(200_000);
      };
      return new Response(ReadableStream.from(body()), { status, headers });
    });
  }
  const pulled = it.pull();
  const both = () => begun(it.store, "first") === Math.min(2, navigator.hardwareConcurrency);
  await until(both, "the first files of both layers were there");
  assertEquals(names(`${it.store.root}/layers`), [], "nothing is in place before it was checked");
  more.forEach(({ resolve }) => resolve());
  await pulled;
  for (const n of [0, 1]) {
    assertEquals(Deno.readFileSync(`${it.directory(n)}/rest`), noise(400_000, n + 1));
  }
  assertEquals(names(`${it.store.root}/tmp`), []);
});

Deno.test("a blob that breaks and is taken up again is one layer all the same", async () => {
  await using it = await start(tarball(file("a", noise(300_000, 1))));
  it.registry.fault(it.blob(0), (_, honest) => cut(honest, 100_000), 2);
  await it.pull();
  assertEquals(Deno.readFileSync(`${it.directory(0)}/a`), noise(300_000, 1));
});

Deno.test("what a killed pull left and is not the blob does not spoil the layer", async () => {
  const tar = tarball(file("a", noise(300_000, 1)));
  await using it = await start(tar);
  await it.store.prepare();
  const wrong = tar.slice(0, 200_000);
  wrong[100_000] ^= 1;
  Deno.writeFileSync(it.store.downloadPath(it.image.layers[0].digest), wrong);
  await it.pull();
  assertEquals(it.registry.count(it.blob(0)), 2, "the rest was fetched, and then the whole");
  assertEquals(Deno.readFileSync(`${it.directory(0)}/a`), noise(300_000, 1));
  assertEquals(names(`${it.store.root}/tmp`), []);
});

Deno.test("bytes that lie are the registry's fault, also when the unpacking was first to see", async () => {
  await using it = await start(tarball(file("a", noise(300_000, 1))), tarball(file("b")));
  it.registry.fault(it.blob(0), async (_, honest) => {
    const wrong = (await honest.bytes()).fill(1, 0, 512);
    return new Response(wrong, { headers: honest.headers });
  });
  await fails(() => it.pull(), "corrupt", it.image.layers[0].digest);
  assertEquals(await it.store.list(), []);
  assertEquals(names(`${it.store.root}/tmp`), []);
  assertEquals(names(`${it.store.root}/cache/downloads`), []);
});

Deno.test("an error keeps its kind and its parts on the way from the thread", async () => {
  await using it = await start(tarball(file("../../etc/passwd")));
  const error = await assertRejects(() => it.pull(), LayerError, "climbs out of the layer");
  assertEquals([error.entry, error.digest], ["../../etc/passwd", it.image.layers[0].digest]);
  assertEquals(names(`${it.store.root}/layers`), []);
  assertEquals(names(`${it.store.root}/tmp`), []);
  // The thread is as good as before.
  const { descriptor, diffId } = await addLayer(it.store, tarball(file("fine")));
  const { directory } = await it.team.unpack(it.store, { descriptor, diffId });
  assertEquals(names(directory), ["fine"]);
});

Deno.test("limits reach the threads, and say which of them it was", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const layer = await addLayer(store, tarball(file("a"), file("b", noise(5000, 1))));
  for (const [limits, limit] of [[{ maxBytes: 3000 }, "bytes"], [{ maxEntries: 1 }, "entries"]]) {
    using team = new UnpackTeam(limits as { maxBytes?: number; maxEntries?: number });
    const error = await assertRejects(() => team.unpack(store, layer), LayerError);
    assertEquals(error.limit, limit);
  }
});

Deno.test("a pull that is stopped leaves no layer half made, and waits for nobody", async () => {
  await using it = await start(tarball(file("a", noise(300_000, 1))), tarball(file("b")));
  it.registry.fault(it.blob(0), (_, honest) => slowly(honest, 50_000, 1000));
  const stop = new AbortController();
  const pulled = it.pull({ signal: stop.signal });
  const failed = assertRejects(() => pulled, Error, "Ctrl-C");
  await until(() => begun(it.store, "a") === 1, "the first layer was begun");
  const before = performance.now();
  stop.abort(new Error("Ctrl-C"));
  await failed;
  assert(performance.now() - before < 1000);
  assertEquals(names(`${it.store.root}/tmp`), []);
  assert(Deno.statSync(it.store.downloadPath(it.image.layers[0].digest)).size > 0, "for the next");
});

Deno.test("many layers at once, more than there are threads", async () => {
  const layers = Array.from({ length: 40 }, (_, n) => tarball(file(`file-${n}`)));
  await using it = await start(...layers);
  await it.pull();
  layers.forEach((_, n) => assertEquals(names(it.directory(n)), [`file-${n}`]));
  const threads = names("/proc/self/task").length;
  assert(threads < 60, `${threads} threads for 40 layers`);
});

async function addLayer(store: ImageStore, tar: Uint8Array<ArrayBuffer>) {
  const { digest, size } = await store.writeBlob(tar);
  return { descriptor: { mediaType: "", digest, size }, diffId: digest };
}
