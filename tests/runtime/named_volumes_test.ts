/**
 * Named volumes: made, found, removed, and not removed while a container was made with them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertThrows } from "@std/assert/throws";
import { StateError } from "../../runtime/lifecycle/state_error.ts";
import {
  createVolume,
  findVolume,
  listVolumes,
  NoSuchVolumeError,
  pruneVolumes,
  removeVolume,
} from "../../runtime/named_volumes.ts";
import { tempRoot } from "../helpers/temp_root.ts";

/** A record of a container that was made with a volume. */
function makeRecord(root: string, id: string, volume: string): void {
  Deno.mkdirSync(`${root}/containers/${id}`, { recursive: true });
  const record = {
    id,
    request: { volumes: [{ name: volume, destination: "/data", options: [] }] },
  };
  Deno.writeTextFileSync(`${root}/containers/${id}/record.json`, JSON.stringify(record));
}

/** What is left of a removal that failed, or of one that went well: nothing. */
function scratch(root: string): string[] {
  return Array.from(Deno.readDirSync(`${root}/tmp`), ({ name }) => name);
}

Deno.test("a volume is made, found, and removed with what is in it", async () => {
  await using root = await tempRoot();
  assertEquals(listVolumes(root.path), []);
  assertEquals(createVolume(root.path, { name: "data", labels: { of: "me" } }), "data");
  const { created, ...volume } = findVolume(root.path, "data");
  assertEquals(volume, {
    name: "data",
    mountpoint: `${root.path}/volumes/data/_data`,
    labels: { of: "me" },
    isNameless: false,
    users: [],
  });
  assertEquals(Math.abs(Date.now() - created.getTime()) < 60_000, true);
  Deno.writeTextFileSync(`${volume.mountpoint}/file`, "kept");
  assertEquals(createVolume(root.path, { name: "data", labels: { of: "you" } }), "data");
  assertEquals(findVolume(root.path, "data").labels, { of: "me" });
  assertEquals(Deno.readTextFileSync(`${volume.mountpoint}/file`), "kept");
  await removeVolume(root.path, "data");
  assertEquals([listVolumes(root.path), scratch(root.path)], [[], []]);
  await assertRejects(() => removeVolume(root.path, "data"), NoSuchVolumeError, "volume: data:");
});

Deno.test("what a start has made is a volume, and a path is none", async () => {
  await using root = await tempRoot();
  Deno.mkdirSync(`${root.path}/volumes/made/_data`, { recursive: true });
  Deno.mkdirSync(`${root.path}/containers`);
  assertEquals(listVolumes(root.path).map(({ name, labels }) => [name, labels]), [["made", {}]]);
  for (const name of ["../containers", ".", "..", "", "made/_data"]) {
    assertThrows(() => findVolume(root.path, name), NoSuchVolumeError);
  }
});

Deno.test("a volume that a container was made with stays", async () => {
  await using root = await tempRoot();
  createVolume(root.path, { name: "data" });
  makeRecord(root.path, "a".repeat(64), "data");
  await assertRejects(
    () => removeVolume(root.path, "data"),
    StateError,
    "volume data is in use by the container aaaaaaaaaaaa: tiffin rm removes it",
  );
  assertEquals(await pruneVolumes(root.path, () => true), []);
  assertEquals(findVolume(root.path, "data").users, ["a".repeat(64)]);
});

Deno.test("a container that turns up while a volume is moved away gets it back", async () => {
  await using root = await tempRoot();
  createVolume(root.path, { name: "data" });
  Deno.writeTextFileSync(`${root.path}/volumes/data/_data/file`, "kept");
  const { renameSync } = Deno;
  Deno.renameSync = (from, to) => {
    renameSync(from, to);
    makeRecord(root.path, "b".repeat(64), "data");
  };
  try {
    await assertRejects(() => removeVolume(root.path, "data"), StateError, "bbbbbbbbbbbb");
  } finally {
    Deno.renameSync = renameSync;
  }
  assertEquals(Deno.readTextFileSync(`${root.path}/volumes/data/_data/file`), "kept");
  assertEquals(scratch(root.path), []);
});

Deno.test("prune: which volumes nobody has named is known", async () => {
  await using root = await tempRoot();
  createVolume(root.path, { name: "named" });
  const nameless = createVolume(root.path);
  assertEquals(/^[0-9a-f]{64}$/.test(nameless), true);
  assertEquals(await pruneVolumes(root.path, ({ isNameless }) => isNameless), [nameless]);
  assertEquals(listVolumes(root.path).map(({ name }) => name), ["named"]);
});
