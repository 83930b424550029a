/**
 * Saved images: what is written is read by our own `load`, by skopeo in both forms, and by podman.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import zlib from "node:zlib";
import { concatenate } from "../../../ffi/structs.ts";
import { loadArchive } from "../../../runtime/images/archive.ts";
import { digestOf } from "../../../runtime/images/digest.ts";
import { MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { type ImageToSave, saveImages } from "../../../runtime/images/save.ts";
import { ImageStore, StoreError } from "../../../runtime/images/store.ts";
import { skopeo } from "../../helpers/docker_registry.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { bytes, readTar, run, tarball } from "./tarballs.ts";

const LOWER = tarball({ name: "etc/hello", type: "file", content: "from the lower layer" });
const UPPER = tarball({ name: "etc/upper", type: "file", content: "from the upper layer" });

/** Puts an image into the store, by OCI's names or by Docker's. */
async function addImage(
  store: ImageStore,
  names: string[],
  isDockers = false,
): Promise<ImageToSave> {
  const packed = [zlib.gzipSync(LOWER), isDockers ? zlib.gzipSync(UPPER) : UPPER];
  const types = isDockers
    ? [MEDIA_TYPE.DOCKER_LAYER_GZIP, MEDIA_TYPE.DOCKER_LAYER_GZIP]
    : [MEDIA_TYPE.OCI_LAYER_GZIP, MEDIA_TYPE.OCI_LAYER];
  const layers = [];
  for (const [i, blob] of packed.entries()) {
    layers.push({ mediaType: types[i], ...await store.writeBlob(new Uint8Array(blob)) });
  }
  const json = (value: unknown) => store.writeBlob(bytes(JSON.stringify(value)));
  const config = await json({
    ...hostPlatform(),
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: [await digestOf(LOWER), await digestOf(UPPER)] },
  });
  const mediaType = isDockers ? MEDIA_TYPE.DOCKER_MANIFEST : MEDIA_TYPE.OCI_MANIFEST;
  const configType = isDockers ? MEDIA_TYPE.DOCKER_CONFIG : MEDIA_TYPE.OCI_CONFIG;
  const manifest = await json({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: configType, ...config },
    layers,
  });
  for (const name of names) await store.tag(name, { mediaType, ...manifest });
  return { image: (await store.image(names[0]))!, names };
}

async function archiveOf(
  store: ImageStore,
  ...images: ImageToSave[]
): Promise<Uint8Array<ArrayBuffer>> {
  return concatenate(await Array.fromAsync(saveImages(store, images), (piece) => piece.slice()));
}

Deno.test("what is saved is loaded again, with its names, its ID, and each blob once", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(`${root.path}/from`);
  const names = ["docker.io/library/hello:1", "example.org/x/y:2"];
  const first = await addImage(store, names);
  const second = await addImage(store, ["docker.io/library/dockers:1"], true);
  const archive = await archiveOf(store, first, second);
  const files = readTar(archive, 4096).map(({ name }) => name);
  assertEquals(files.length, new Set(files).size, "each blob is there once");
  assertEquals(files.slice(0, 2), ["blobs/", "blobs/sha256/"]);
  assertEquals(files.slice(-3), ["index.json", "manifest.json", "oci-layout"]);

  const other = new ImageStore(`${root.path}/to`);
  const loaded = await loadArchive(other, ReadableStream.from([archive]));
  assertEquals(loaded.map(({ name }) => name), [...names, "docker.io/library/dockers:1"]);
  for (const { name } of loaded) {
    const [before, after] = [await store.image(name), await other.image(name)];
    assertEquals([after?.id, after?.config], [before?.id, before?.config]);
    assertEquals(after?.manifest.mediaType, MEDIA_TYPE.OCI_MANIFEST);
  }
  assertEquals((await other.image(names[0]))?.digest, first.image.digest, "OCI's is not rewritten");
});

Deno.test("an image without a name is saved by what it is", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(`${root.path}/from`);
  const { image } = await addImage(store, ["docker.io/library/hello:1"]);
  const archive = await archiveOf(store, { image, names: [] });
  const manifest = readTar(archive, 4096).find(({ name }) => name === "manifest.json")!.content;
  assertEquals(JSON.parse(manifest)[0].RepoTags, []);
  const other = new ImageStore(`${root.path}/to`);
  const [{ name }] = await loadArchive(other, ReadableStream.from([archive]), { name: "given" });
  assertEquals((await other.image(name))?.id, image.id);
});

Deno.test("a damaged or missing blob ends in an error, not in an archive that is as bad", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const saved = await addImage(store, ["docker.io/library/hello:1"]);
  const path = store.blobPath(saved.image.layers[0].descriptor.digest);
  const whole = Deno.readFileSync(path);
  const turned = whole.slice();
  turned[20] ^= 1;
  for (const content of [turned, whole.subarray(1)]) {
    Deno.writeFileSync(path, content);
    await assertRejects(() => archiveOf(store, saved), StoreError, "is damaged");
  }
  Deno.removeSync(path);
  await assertRejects(() => archiveOf(store, saved), StoreError, "is not in the store");
  assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);
});

Deno.test({
  ...needs("skopeo reads it as docker-archive: and as oci-archive:", { programs: ["skopeo"] }),
  async fn() {
    await using root = await tempRoot();
    const store = new ImageStore(`${root.path}/store`);
    for (const isDockers of [false, true]) {
      const name = `docker.io/library/hello:${isDockers}`;
      const saved = await addImage(store, [name], isDockers);
      const path = `${root.path}/${isDockers}.tar`;
      await Deno.writeFile(path, await archiveOf(store, saved));
      const sources = [`docker-archive:${path}`, `docker-archive:${path}:hello:${isDockers}`];
      for (
        const source of [...sources, `oci-archive:${path}`, `oci-archive:${path}:${isDockers}`]
      ) {
        const copy = await Deno.makeTempDir({ dir: root.path });
        await skopeo("copy", source, `oci:${copy}:copied`);
        const config = JSON.parse(await skopeo("inspect", "--config", `oci:${copy}:copied`));
        assertEquals(config.rootfs.diff_ids, saved.image.config.rootfs.diff_ids, source);
        assertEquals(config.config.Cmd, ["sh"]);
      }
    }
  },
});

Deno.test({
  ...needs("podman loads several images of one archive", { root: true, programs: ["podman"] }),
  async fn() {
    await using root = await tempRoot();
    const store = new ImageStore(`${root.path}/store`);
    const first = await addImage(store, ["docker.io/library/hello:1", "example.org/x/y:2"]);
    const second = await addImage(store, ["docker.io/library/dockers:1"], true);
    const path = `${root.path}/saved.tar`;
    await Deno.writeFile(path, await archiveOf(store, first, second));
    const flags = ["--root", `${root.path}/podman`, "--runroot", `${root.path}/run`];
    const podman = async (...args: string[]) =>
      new TextDecoder().decode(await run("podman", ...flags, "--storage-driver=vfs", ...args));
    const loaded = await podman("load", "-q", "-i", path);
    for (const name of ["docker.io/library/hello:1", "example.org/x/y:2"]) {
      assert(loaded.includes(name), loaded);
      const id = (await podman("inspect", "--format", "{{.Id}}", name)).trim();
      assertEquals(`sha256:${id}`, first.image.id);
    }
    assert(loaded.includes("docker.io/library/dockers:1"), loaded);
  },
});
