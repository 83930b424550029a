/**
 * Archives: what skopeo and docker write is loaded, what is damaged or hostile is not.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertThrows } from "@std/assert/throws";
import zlib from "node:zlib";
import { ArchiveError, importRootfs, loadArchive } from "../../../runtime/images/archive.ts";
import { DecompressError } from "../../../runtime/images/compression.ts";
import { DigestMismatch, digestOf } from "../../../runtime/images/digest.ts";
import { applyChanges, ChangeError } from "../../../runtime/images/image_changes.ts";
import { ManifestError } from "../../../runtime/images/manifest.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { TarError } from "../../../runtime/images/tar.ts";
import { unpackLayer } from "../../../runtime/images/unpack.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { bytes, type Content, layerRoot, run, tarball } from "./tarballs.ts";

const json = (value: unknown) => JSON.stringify(value);
const file = (name: string, content: string | Uint8Array): Content => {
  return { name, type: "file", content };
};
const LAYER = tarball(file("etc/hello", "from the layer"));
const UPPER = tarball(file("etc/upper", "from the upper layer"));

/** An image's config for these layers. */
async function configOf(...layers: Uint8Array[]): Promise<Record<string, unknown>> {
  const diff_ids = await Promise.all(layers.map(digestOf));
  return { ...hostPlatform(), config: { Cmd: ["sh"] }, rootfs: { type: "layers", diff_ids } };
}

/** The files that `docker save` of before 2024 writes for one image. */
async function saved(
  changes: Record<string, unknown> = {},
  ...more: Content[]
): Promise<Uint8Array> {
  const image = {
    Config: "c.json",
    RepoTags: ["hello:1", "example.org/x/y:2"],
    Layers: ["1/layer.tar", "2/layer.tar"],
  };
  return tarball(
    { name: "1/", type: "directory" },
    file("1/layer.tar", LAYER),
    { name: "2/", type: "directory" },
    file("2/layer.tar", UPPER),
    file("c.json", json(await configOf(LAYER, UPPER))),
    ...more,
    file("manifest.json", json([{ ...image, ...changes }])),
  );
}

/** The files of an OCI layout with one image. */
async function layout(
  annotations?: Record<string, string>,
  layer: Uint8Array = LAYER,
): Promise<{ files: Content[]; digest: string }> {
  const files: Content[] = [];
  const blob = async (content: Uint8Array) => {
    const digest = await digestOf(content);
    files.push(file(`blobs/sha256/${digest.slice(7)}`, content));
    return { digest, size: content.length };
  };
  const type = "application/vnd.oci.image";
  const config = await blob(bytes(json(await configOf(LAYER))));
  const manifest = await blob(bytes(json({
    schemaVersion: 2,
    mediaType: `${type}.manifest.v1+json`,
    config: { mediaType: `${type}.config.v1+json`, ...config },
    layers: [{ mediaType: `${type}.layer.v1.tar+gzip`, ...await blob(zlib.gzipSync(layer)) }],
  })));
  const descriptor = { mediaType: `${type}.manifest.v1+json`, ...manifest, annotations };
  files.push(file("index.json", json({ schemaVersion: 2, manifests: [descriptor] })));
  files.push(file("oci-layout", json({ imageLayoutVersion: "1.0.0" })));
  return { files, digest: manifest.digest };
}

/** The text of a file of an image, from the layer that has it. */
async function contentOf(store: ImageStore, name: string, path: string): Promise<string> {
  const image = await store.image(name);
  assert(image, name);
  for (const layer of image.layers.toReversed()) {
    const { directory } = await unpackLayer(store, layer);
    try {
      return await Deno.readTextFile(`${directory}/${path}`);
    } catch {
      // It is in a layer below.
    }
  }
  throw new Error(`${name} has no ${path}`);
}

function streamed(whole: Uint8Array): AsyncIterable<Uint8Array> {
  return ReadableStream.from([whole.subarray(0, 1000), whole.subarray(1000)]);
}

Deno.test("docker save: from a file, through a pipe, compressed", async () => {
  const archive = await saved();
  for (const compress of [(it: Uint8Array) => it, zlib.gzipSync, zlib.zstdCompressSync]) {
    await using root = await layerRoot();
    const store = new ImageStore(root.path);
    const blob = new Uint8Array(compress(archive));
    await Deno.writeFile(`${root.path}/archive`, blob);
    const names = ["docker.io/library/hello:1", "example.org/x/y:2"];
    const fromFile = await loadArchive(store, `${root.path}/archive`);
    assertEquals(fromFile.map(({ name }) => name), names);
    assertEquals(await loadArchive(store, streamed(blob)), fromFile);
    assertEquals(await contentOf(store, names[0], "etc/upper"), "from the upper layer");
    assertEquals(await contentOf(store, names[1], "etc/hello"), "from the layer");
    // The image's ID, which is its config's digest, is what it was.
    const config = await digestOf(bytes(json(await configOf(LAYER, UPPER))));
    assertEquals((await store.image(names[0]))?.id, config);
    assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);
  }
});

Deno.test("docker save: a layer that occurs twice is a link, a compressed one is taken as it is", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const archive = tarball(
    file("a/layer.tar", LAYER),
    { name: "b/layer.tar", type: "symlink", linkname: "../a/layer.tar" },
    { name: "c/layer.tar", type: "hardlink", linkname: "a/layer.tar" },
    file("d.tar.gz", zlib.gzipSync(UPPER)),
    file("c.json", json(await configOf(LAYER, LAYER, LAYER, UPPER))),
    file(
      "manifest.json",
      json([{
        Config: "c.json",
        RepoTags: null,
        Layers: ["a/layer.tar", "b/layer.tar", "./c/layer.tar", "d.tar.gz"],
      }]),
    ),
  );
  const [{ name }] = await loadArchive(store, streamed(archive), { name: "given" });
  assertEquals(name, "docker.io/library/given:latest");
  const layers = (await store.image(name))!.layers;
  assertEquals(layers.map(({ descriptor }) => descriptor.digest === layers[0].descriptor.digest), [
    true,
    true,
    true,
    false,
  ]);
  assertEquals(await contentOf(store, name, "etc/upper"), "from the upper layer");
});

Deno.test("OCI layouts: as a directory and in a tar, named in every way", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const wanted: [Record<string, string> | undefined, string][] = [
    [{
      "io.containerd.image.name": "docker.io/library/a:1",
      "org.opencontainers.image.ref.name": "1",
    }, "docker.io/library/a:1"],
    [{ "org.opencontainers.image.ref.name": "example.org/b:2" }, "example.org/b:2"],
    [{ "org.opencontainers.image.ref.name": "3.20" }, "localhost/my-image:3.20"],
    [undefined, "localhost/my-image:latest"],
  ];
  for (const [annotations, expected] of wanted) {
    const { files, digest } = await layout(annotations);
    const directory = `${root.path}/My Image`;
    await Deno.mkdir(`${directory}/blobs/sha256`, { recursive: true });
    for (const { name, content } of files) {
      await Deno.writeFile(
        `${directory}/${name}`,
        typeof content === "string" ? bytes(content) : content!,
      );
    }
    await Deno.writeFile(`${root.path}/My Image.oci.tar`, tarball(...files));
    for (const source of [directory, `${directory}.oci.tar`]) {
      const [{ name, descriptor }] = await loadArchive(store, source);
      assertEquals([name, descriptor.digest], [expected, digest]);
      assertEquals(await contentOf(store, name, "etc/hello"), "from the layer");
    }
  }
  const { files } = await layout();
  await assertRejects(
    () => loadArchive(store, streamed(tarball(...files))),
    ArchiveError,
    "give it a name",
  );
});

Deno.test({
  ...needs("what skopeo writes is loaded", { programs: ["skopeo"] }),
  async fn() {
    await using root = await layerRoot();
    const store = new ImageStore(root.path);
    const { files } = await layout({ "org.opencontainers.image.ref.name": "1" });
    const source = `${root.path}/layout`;
    await Deno.mkdir(`${source}/blobs/sha256`, { recursive: true });
    for (const { name, content } of files) {
      await Deno.writeFile(
        `${source}/${name}`,
        typeof content === "string" ? bytes(content) : content!,
      );
    }
    const kinds: [string, string][] = [
      [`docker-archive:${root.path}/d.tar:hello:d`, "docker.io/library/hello:d"],
      [`oci-archive:${root.path}/o.tar:hello:o`, "docker.io/library/hello:o"],
      [`oci:${root.path}/directory:tag`, "localhost/directory:tag"],
    ];
    for (const [destination, expected] of kinds) {
      await run("skopeo", "--insecure-policy", "copy", `oci:${source}:1`, destination);
      const [{ name }] = await loadArchive(store, destination.split(":")[1]);
      assertEquals(name, expected);
      assertEquals(await contentOf(store, name, "etc/hello"), "from the layer");
    }
  },
});

Deno.test("of several platforms the machine's own is loaded", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const { files, digest } = await layout();
  const manifest = files.find(({ name }) => name.includes(digest.slice(7)))!;
  const size = (manifest.content as Uint8Array).length;
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const other = { mediaType, digest: `sha256:${"0".repeat(64)}`, size: 1 };
  const index = (platform: unknown) => ({
    schemaVersion: 2,
    manifests: [
      { ...other, platform: { os: "linux", architecture: "s390x" } },
      { mediaType, digest, size, platform },
    ],
  });
  const blobs = files.filter(({ name }) => name.startsWith("blobs/"));
  const load = (platform: unknown) => {
    return loadArchive(
      store,
      streamed(tarball(...blobs, file("index.json", json(index(platform))))),
      {
        name: "multi",
      },
    );
  };
  assertEquals((await load(hostPlatform()))[0].descriptor.digest, digest);
  await assertRejects(
    () => load({ os: "linux", architecture: "mips" }),
    ArchiveError,
    "linux/s390x",
  );
});

Deno.test("what is damaged, incomplete or hostile is refused, and nothing is named", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const { files } = await layout();
  const whole = tarball(...files);
  const withOther = (name: string, content: string) => {
    return tarball(...files.map((each) => each.name === name ? file(name, content) : each));
  };
  // deno-lint-ignore no-explicit-any -- as assertRejects takes its classes
  const refused: [Uint8Array, new (...args: any[]) => Error, string][] = [
    [tarball(file("hello", "")), ArchiveError, "no image archive"],
    [tarball(file("repositories", "{}")), ArchiveError, "2016"],
    [bytes("x".repeat(2000)), TarError, "first header"],
    [whole.subarray(0, 5000), TarError, "cut short"],
    [whole.subarray(0, whole.length - 1024), TarError, "end mark"],
    [zlib.gzipSync(whole).subarray(0, -20), DecompressError, "cut short"],
    [tarball(file("../manifest.json", "[]")), TarError, "climbs out"],
    [tarball(file("manifest.json", "[")), ArchiveError, "not JSON"],
    [tarball(file("manifest.json", "[]")), ArchiveError, "not a list of images"],
    [await saved({ Config: 1 }), ArchiveError, "lacks its Config"],
    [await saved({ Layers: ["/etc/passwd", "2/layer.tar"] }), ArchiveError, "no file"],
    [await saved({ Layers: ["../../etc/passwd", "2/layer.tar"] }), TarError, "climbs out"],
    [await saved({ Layers: ["1/layer.tar"] }), ManifestError, "diff_ids"],
    [await saved({ Layers: ["2/layer.tar", "1/layer.tar"] }), DigestMismatch, "instead of"],
    [await saved({ RepoTags: ["UPPER/Case"] }), Error, "capital"],
    [
      await saved({ Config: "loop" }, { name: "loop", type: "symlink", linkname: "loop" }),
      ArchiveError,
      "no file",
    ],
    [
      await saved({ Config: "huge" }, file("huge", new Uint8Array(5_000_000))),
      ArchiveError,
      "more than",
    ],
    [withOther("index.json", "{}"), ManifestError, "schemaVersion"],
    [withOther("index.json", json({ schemaVersion: 2, manifests: [] })), ArchiveError, "no image"],
    [tarball(...files.filter((_, i) => i !== 0)), ArchiveError, "no file"],
    [withOther(files[1].name, "other bytes"), DigestMismatch, ""],
  ];
  for (const [archive, kind, problem] of refused) {
    const load = () => loadArchive(store, streamed(archive), { name: "x" });
    await assertRejects(load, kind, problem, problem);
    await Deno.writeFile(`${root.path}/archive`, archive);
    const path = `${root.path}/archive`;
    await assertRejects(() => loadArchive(store, path, { name: "x" }), kind, problem);
  }
  assertEquals(await store.list(), []);
  assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(
    () => loadArchive(store, streamed(whole), { name: "x", signal }),
    Error,
    "enough",
  );
});

Deno.test("a layer that is not what the config says is found out when it is unpacked", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const { files } = await layout(undefined, UPPER);
  const [{ name }] = await loadArchive(store, streamed(tarball(...files)), { name: "liar" });
  await assertRejects(() => contentOf(store, name, "etc/upper"), Error, "its tar hashes to");
});

Deno.test("import: a root file system in a tar becomes an image", async () => {
  for (const compress of [(it: Uint8Array) => it, zlib.gzipSync, zlib.zstdCompressSync]) {
    await using root = await layerRoot();
    const store = new ImageStore(root.path);
    const blob = new Uint8Array(compress(LAYER));
    await Deno.writeFile(`${root.path}/rootfs`, blob);
    const options = { name: "imported:1", changes: ['CMD ["sh", "-l"]', "env A=1"] };
    const { name } = await importRootfs(store, `${root.path}/rootfs`, options);
    assertEquals(name, "docker.io/library/imported:1");
    assertEquals((await store.image(name))?.config.config, { Cmd: ["sh", "-l"], Env: ["A=1"] });
    assertEquals(await contentOf(store, name, "etc/hello"), "from the layer");
    await importRootfs(store, streamed(blob), { name: "again" });
    assertEquals(
      await contentOf(store, "docker.io/library/again:latest", "etc/hello"),
      "from the layer",
    );
  }
});

Deno.test("import refuses what is no root file system", async () => {
  await using root = await tempRoot();
  const store = new ImageStore(root.path);
  const load = (archive: Uint8Array) => importRootfs(store, streamed(archive), { name: "x" });
  await assertRejects(() => load(bytes("text".repeat(500))), TarError, "first header");
  await assertRejects(() => load(LAYER.subarray(0, LAYER.length - 1024)), TarError, "end mark");
  await assertRejects(() => load(tarball(file("../x", ""))), TarError, "climbs out");
  await assertRejects(() => load(bytes("BZh91AY".repeat(300))), DecompressError, "bunzip2");
  await assertRejects(
    () => importRootfs(store, streamed(LAYER), { name: "X/Y" }),
    Error,
    "capital",
  );
  await assertRejects(
    () => importRootfs(store, streamed(LAYER), { name: "x", changes: ["RUN ls"] }),
    ChangeError,
    "RUN",
  );
  assertEquals(await store.list(), []);
});

Deno.test("changes are lines of a Dockerfile", () => {
  const change = (...lines: string[]) => applyChanges({ Env: ["A=0", "B=0"] }, lines);
  assertEquals(change('CMD ["a", "b"]').Cmd, ["a", "b"]);
  assertEquals(change("ENTRYPOINT exec a").Entrypoint, ["/bin/sh", "-c", "exec a"]);
  assertEquals(change(`ENV A=1 C="2 3" D=4\\ 5 E='6 7'`).Env, [
    "B=0",
    "A=1",
    "C=2 3",
    "D=4 5",
    "E=6 7",
  ]);
  assertEquals(change("ENV A the rest = all").Env, ["B=0", "A=the rest = all"]);
  assertEquals(change(`LABEL a.b=c d="e \\"f\\""`).Labels, { "a.b": "c", d: 'e "f"' });
  assertEquals(change("EXPOSE 80 53/udp").ExposedPorts, { "80/tcp": {}, "53/udp": {} });
  assertEquals(change('VOLUME ["/a b"]', "VOLUME /c /d").Volumes, {
    "/a b": {},
    "/c": {},
    "/d": {},
  });
  assertEquals(change("WORKDIR /a", "WORKDIR b", "user 1:2", "STOPSIGNAL SIGQUIT"), {
    Env: ["A=0", "B=0"],
    WorkingDir: "/a/b",
    User: "1:2",
    StopSignal: "SIGQUIT",
  });
  for (
    const line of [
      "",
      "CMD",
      "RUN ls",
      "EXPOSE http",
      "ENV =1",
      "ENV A",
      "CMD [1]",
      "CMD [",
      "constructor x",
    ]
  ) {
    assertThrows(() => change(line), ChangeError);
  }
});
