/**
 * A pull that is killed at any moment leaves a store that is right, and the next one carries on.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { digestOf } from "../../../runtime/images/digest.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { FaultyRegistry, slowly } from "../../helpers/faulty_registry.ts";
import { tempRoot } from "../../helpers/temp_root.ts";

const module = (name: string) =>
  new URL(`../../../runtime/images/${name}.ts`, import.meta.url).href;

/** Pulls an image again and again under new names, so that every part of a pull is there to be hit. */
const script = `
  import { pull } from "${module("pull")}";
  import { parseReference } from "${module("reference")}";
  import { ImageStore } from "${module("store")}";
  const [root, name, times] = Deno.args;
  const store = new ImageStore(root);
  for (let i = 1; i <= Number(times); i++) {
    await pull(store, parseReference(name + i), { credentials: () => Promise.resolve(undefined) });
    await store.untag(name + (i - 3));
  }`;

/** Every blob hashes to its name, and every name stands for an image with all of its blobs. */
async function assertRight(store: ImageStore): Promise<number> {
  const blobs = [...Deno.readDirSync(`${store.layout}/blobs/sha256`)];
  for (const { name } of blobs) {
    const bytes = await Deno.readFile(`${store.layout}/blobs/sha256/${name}`);
    assertEquals(await digestOf(bytes), `sha256:${name}`);
  }
  const names = await store.list();
  for (const { name } of names) {
    const image = await store.image(name);
    assert(image);
    for (const { descriptor } of image.layers) assert(await store.hasBlob(descriptor.digest));
  }
  return names.length;
}

Deno.test("a pull killed at any moment leaves a right store", async () => {
  await using root = await tempRoot();
  await using registry = new FaultyRegistry();
  const layers = [1, 2, 3, 4].map((n) => {
    return crypto.getRandomValues(new Uint8Array(60_000)).fill(n, 0, 10);
  });
  const pulls = 8;
  for (let i = 1; i <= pulls; i++) {
    await registry.addImage("box", `${i}`, layers.slice(i % 3), hostPlatform(), {
      created: `${i}`,
    });
  }
  registry.fault("GET /v2/box/blobs/", (_, honest) => slowly(honest, 6000, 2));
  await Deno.writeTextFile(`${root.path}/pull.ts`, script);
  const store = new ImageStore(`${root.path}/data`);
  const args = [store.root, `${registry.host}/box:`, `${pulls}`];
  const start = () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `${root.path}/pull.ts`, ...args],
      stderr: "piped",
    }).spawn();

  // Each pull asks for a manifest and a config at least; so every round lives to be killed.
  for (let round = 0; round < 2 * pulls; round++) {
    const child = start();
    const before = registry.asked.length;
    let ended = false;
    child.status.then(() => ended = true);
    while (registry.asked.length <= before + round) {
      assert(!ended, "the pull ended before it could be killed");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, (round * 7) % 10));
    child.kill("SIGKILL");
    await child.stderr.cancel();
    await child.status;
    await assertRight(store);
    // Without names and blobs the next round has as much to do; the half-fetched blobs stay.
    await Deno.remove(store.layout, { recursive: true });
  }

  const { success, stderr } = await start().output();
  assert(success, new TextDecoder().decode(stderr));
  assertEquals(await assertRight(store), 3, "the names that were not taken away again");
  assertEquals([...Deno.readDirSync(`${store.root}/tmp`)], []);
  assertEquals([...Deno.readDirSync(`${store.root}/cache/downloads`)], []);
  const resumed = registry.asked.filter(({ headers }) => headers.has("range"));
  assert(resumed.length > 0, "no pull carried on where a killed one had stopped");
});
