/**
 * A pull that is killed at one of its writes, whichever, leaves a store that the next pull finishes.
 *
 * strace(1) counts the calls that change something on the disk, in the threads that unpack as well,
 * and kills the pull as it makes the n-th. Which n are tried is drawn anew in each round from the
 * seed; `TIFFIN_CRASH_POINTS` says how many, 24 unless given.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { digestOf } from "../../../runtime/images/digest.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { pull } from "../../../runtime/images/pull.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { UnpackTeam } from "../../../runtime/images/unpack_team.ts";
import { chance } from "../../helpers/chance.ts";
import { type AddedImage, FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { names, namesIfThere, noise } from "./pull_fixture.ts";
import { nobody } from "./registry_client.ts";
import { snapshot, tarball } from "./tarballs.ts";

/** The calls that change something. strace counts those of each thread, and of each kind, by themselves. */
const CALLS = [
  // blobs, the index and the places of both
  ...["write", "pwrite64", "rename", "ftruncate", "fsync", "fdatasync", "chmod", "mkdir", "unlink"],
  // a layer's tree
  ...["mkdirat", "symlinkat", "linkat", "fchown", "fchmod", "utimensat", "renameat", "renameat2"],
  ...["unlinkat", "syncfs", "setxattr"],
];

const POINTS = Number(Deno.env.get("TIFFIN_CRASH_POINTS") ?? 24);

const module = (name: string) =>
  new URL(`../../../runtime/images/${name}.ts`, import.meta.url).href;

const script = `
  import { pull } from "${module("pull")}";
  import { parseReference } from "${module("reference")}";
  import { ImageStore } from "${module("store")}";
  import { UnpackTeam } from "${module("unpack_team")}";
  const [root, name] = Deno.args;
  using team = new UnpackTeam();
  const unpack = team.unpack.bind(team);
  const credentials = () => Promise.resolve(undefined);
  await pull(new ImageStore(root), parseReference(name), { credentials, unpack });`;

async function strace(args: string[]): Promise<Deno.CommandOutput> {
  const deno = [Deno.execPath(), "run", "-A", "--no-check", "--no-lock"];
  return await new Deno.Command("strace", {
    args: ["-f", "-qq", ...args.slice(0, -3), ...deno, ...args.slice(-3)],
    stdout: "null",
    stderr: "piped",
  }).output();
}

/** Every call that a pull makes which nobody disturbs: its name, and which of its kind it is. */
async function countCalls(directory: string, name: string): Promise<[call: string, n: number][]> {
  const [log, root] = [`${directory}/log`, `${directory}/counted-${crypto.randomUUID()}`];
  const trace = ["-o", log, "-e", `trace=${CALLS.join()}`];
  const { success, stderr } = await strace([...trace, `${directory}/pull.ts`, root, name]);
  assert(success, new TextDecoder().decode(stderr));
  const counts = new Map<string, number>();
  for (const line of (await Deno.readTextFile(log)).split("\n")) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (thread) counts.set(`${thread} ${call}`, (counts.get(`${thread} ${call}`) ?? 0) + 1);
  }
  return CALLS.flatMap((call) => {
    const most = Math.max(0, ...[...counts].map(([key, n]) => key.endsWith(` ${call}`) ? n : 0));
    return Array.from({ length: most }, (_, n) => [call, n + 1] as [string, number]);
  });
}

/** What is in the store is right: blobs are what their names say, layers whole, names' images there. */
async function assertRight(store: ImageStore, image: AddedImage, trees: string[][]): Promise<void> {
  for (const name of namesIfThere(`${store.layout}/blobs/sha256`)) {
    const bytes = await Deno.readFile(`${store.layout}/blobs/sha256/${name}`);
    assertEquals(await digestOf(bytes), `sha256:${name}`);
  }
  const layers = namesIfThere(`${store.root}/layers`);
  for (const [n, diffId] of image.diffIds.entries()) {
    const directory = store.layerDirectory(diffId);
    if (!layers.includes(directory.slice(directory.lastIndexOf("/") + 1))) continue;
    assertEquals(await snapshot(directory), trees[n]);
  }
  for (const { name } of await store.list()) {
    for (const { descriptor } of (await store.image(name))!.layers) {
      assert(await store.hasBlob(descriptor.digest));
    }
  }
}

const layer = (n: number) =>
  tarball(
    { name: "d/", type: "directory", mode: 0o751 },
    ...Array.from({ length: 12 }, (_, i) =>
      ({ name: `d/file-${n}-${i}`, type: "file", content: noise(3000, n + i), mtime: i }) as const),
    { name: "d/link", type: "symlink", linkname: "nowhere" },
    { name: "d/second", type: "hardlink", linkname: `d/file-${n}-1` },
  );

Deno.test({
  ...needs("a pull killed at any write leaves a store that the next pull finishes", {
    root: true,
    programs: ["strace", "find"],
  }),
  async fn() {
    await using root = await tempRoot();
    await using registry = new FaultyRegistry();
    const image = await registry.addImage("box", "1", [layer(1), layer(2)], hostPlatform());
    const name = `${registry.host}/box:1`;
    await Deno.writeTextFile(`${root.path}/pull.ts`, script);
    using team = new UnpackTeam();
    const options = { credentials: nobody, unpack: team.unpack.bind(team) };
    const whole = new ImageStore(`${root.path}/whole`);
    await pull(whole, parseReference(name), options);
    const trees = await Promise.all(
      image.diffIds.map((diffId) => snapshot(whole.layerDirectory(diffId))),
    );

    const draw = chance(20261121);
    const tried = new Set<string>();
    let killed = 0;
    // The first time it also writes what Deno keeps of the modules, as never again.
    await countCalls(root.path, name);
    const points = await countCalls(root.path, name);
    for (let round = 0; round < POINTS; round++) {
      const [call, n] = points[Math.floor(draw() * points.length)];
      const store = new ImageStore(`${root.path}/store-${round}`);
      const kill = `inject=${call}:signal=KILL:when=${n}`;
      const trace = ["-o", "/dev/null", "-e", `trace=${call}`, "-e", kill];
      const { success } = await strace([...trace, `${root.path}/pull.ts`, store.root, name]);
      // The threads share the work anew each time: the last calls are not always made by the same.
      if (!success) killed++;
      tried.add(`${call} ${n}`);
      await assertRight(store, image, trees);
      await pull(store, parseReference(name), options);
      await assertRight(store, image, trees);
      assertEquals(names(`${store.root}/layers`).length, 2);
      assertEquals(names(`${store.root}/cache/downloads`), []);
      assertEquals(names(`${store.root}/tmp`), []);
      await Deno.remove(store.root, { recursive: true });
    }
    console.log(`killed ${killed} of ${POINTS} pulls, at ${tried.size} of ${points.length} calls`);
    assert(killed > POINTS / 2, "most of them were killed");
  },
});
