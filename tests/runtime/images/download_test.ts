/**
 * Downloads that are cut, stalled, lied to: what comes is whole, or nothing of it is kept.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { downloadBlob } from "../../../runtime/images/download.ts";
import type { HttpReply } from "../../../runtime/images/http.ts";
import { RegistryError } from "../../../runtime/images/registry_error.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { cut, endless, type Fault, stall } from "../../helpers/faulty_registry.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { assertWhole, names, noise, start } from "./pull_fixture.ts";
import { fails, hasty } from "./registry_client.ts";

Deno.test("a download that is cut goes on where it was", async () => {
  await using it = await start();
  it.registry.fault(it.blob(0), (_, honest) => cut(honest, 50_000), 2);
  await it.pull();
  await assertWhole(it.store, it.image);
  const asked = it.registry.asked.filter(({ line }) => line === it.blob(0));
  assertEquals(asked.map(({ headers }) => headers.get("range")), [
    null,
    "bytes=50000-",
    "bytes=100000-",
  ]);
  const retries = it.events.filter((event) => event.kind === "retry");
  assertEquals(retries.map(({ pause }) => pause), [5, 10]);
});

Deno.test("a stall is a cut", async () => {
  await using it = await start();
  it.registry.fault(it.blob(0), (_, honest) => stall(honest, 70_000), 1);
  await it.pull(":1", { patience: hasty });
  await assertWhole(it.store, it.image);
  const asked = it.registry.asked.filter(({ line }) => line === it.blob(0));
  assertEquals(asked[1].headers.get("range"), "bytes=70000-");
});

Deno.test("a registry that knows no ranges sends all of it again", async () => {
  await using it = await start();
  const bytes = it.registry.blobs.get(it.image.layers[0].digest)!;
  const ignorant: Fault[] = [
    (_, honest) => cut(honest, 50_000),
    () => new Response("no", { status: 416 }),
    () => cut(new Response(bytes), 60_000),
    () => new Response(bytes),
  ];
  for (const fault of ignorant) it.registry.fault(it.blob(0), fault, 1);
  await it.pull();
  await assertWhole(it.store, it.image);
  assertEquals(it.registry.count(it.blob(0)), 4);
});

Deno.test("a connection that always breaks is given up, and what came is kept for the next pull", async () => {
  await using it = await start();
  it.registry.fault(it.blob(0), (_, honest) => cut(honest, 1000), 3);
  await fails(() => it.pull(), "unreachable", "the connection broke");
  assertEquals(await it.store.list(), []);
  const { size } = Deno.statSync(it.store.downloadPath(it.image.layers[0].digest));
  assertEquals(size, 3000);
  await it.pull();
  await assertWhole(it.store, it.image);
  assertEquals(
    it.registry.asked.findLast(({ line }) => line === it.blob(0))?.headers.get("range"),
    "bytes=3000-",
  );
});

Deno.test("what was left half fetched and is wrong is fetched again from the first byte", async () => {
  await using it = await start();
  await it.store.prepare();
  const path = it.store.downloadPath(it.image.layers[0].digest);
  for (const length of [1000, 200_000, 300_000]) {
    Deno.writeFileSync(path, noise(length, 77));
    await it.pull();
    await assertWhole(it.store, it.image);
    Deno.removeSync(it.store.blobPath(it.image.layers[0].digest));
  }
  const right = it.registry.blobs.get(it.image.layers[0].digest)!;
  Deno.writeFileSync(path, right);
  it.registry.asked.length = 0;
  await it.pull();
  assertEquals(it.registry.count(it.blob(0)), 0, "all of it was there already");
});

Deno.test("bytes that are not what their digest says are thrown away", async () => {
  const wrong: [fault: Fault, word: string][] = [
    [() => new Response(noise(200_000, 5)), "the bytes hash to"],
    [() => new Response(noise(199_999, 0)), "199999 bytes were sent where 200000 are due"],
    [() => new Response(noise(200_001, 0)), "200001 bytes were sent where 200000 are due"],
  ];
  for (const [fault, word] of wrong) {
    await using it = await start();
    it.registry.fault(it.blob(0), fault);
    await fails(() => it.pull(), "corrupt", "nothing of it was kept", word);
    assertEquals(await it.store.hasBlob(it.image.layers[0].digest), false);
    assertEquals(
      names(`${it.store.root}/cache/downloads`).includes(it.image.layers[0].digest.slice(7)),
      false,
    );
    assertEquals(await it.store.list(), []);
  }
});

Deno.test("a blob that never ends is read as far as it may go", async () => {
  await using it = await start();
  let sent = 0;
  it.registry.fault(it.blob(0), () => endless((bytes) => sent = bytes));
  await fails(() => it.pull(), "corrupt", "more than the 200000 bytes");
  assert(sent < 32 * 1024 * 1024, `${sent} bytes were taken`);
});

Deno.test("a server that begins anew each time and breaks off each time is given up", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  await store.prepare();
  let asked = 0;
  const source = {
    url: new URL("http://box.example/"),
    blob: () => {
      if (++asked > 20) throw new Error("it is asked without end");
      return Promise.resolve({ offset: 0, reply: brokenOff(2 * 1024 * 1024) });
    },
  };
  const blob = { mediaType: "", digest: `sha256:${"0".repeat(64)}`, size: 1 << 30 };
  const broken = () => downloadBlob(store, source, blob, { patience: hasty });
  await fails(broken, "unreachable", "it broke");
  // the first try is progress
  assertEquals(asked, hasty.attempts);
});

/** An answer that ends after so many bytes, although more were to come. */
function brokenOff(length: number): HttpReply {
  const pieces = async function* () {
    yield await Promise.resolve(new Uint8Array(length));
    throw new RegistryError("unreachable", "box.example", "a blob", "it broke", { passing: true });
  };
  return { header: () => undefined, pieces } as unknown as HttpReply;
}
