/**
 * Images made to do harm, pulled: each is refused with its reason, or held where it can do none.
 *
 * What a layer's entries can try by themselves is in unpack_test.ts; what a registry can, in
 * registry_test.ts and download_test.ts.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import zlib from "node:zlib";
import { concatenate } from "../../../ffi/structs.ts";
import { digestOf } from "../../../runtime/images/digest.ts";
import { LayerWriter } from "../../../runtime/images/layer_writer.ts";
import { ManifestError, MEDIA_TYPE } from "../../../runtime/images/manifest.ts";
import { encodePax } from "../../../runtime/images/pax.ts";
import { hostPlatform } from "../../../runtime/images/platform.ts";
import { pull } from "../../../runtime/images/pull.ts";
import { parseReference } from "../../../runtime/images/reference.ts";
import { ImageStore } from "../../../runtime/images/store.ts";
import { TarError, TarReader } from "../../../runtime/images/tar.ts";
import { encodeHeader, padding } from "../../../runtime/images/tar_writer.ts";
import { UnpackTeam } from "../../../runtime/images/unpack_team.ts";
import { FaultyRegistry } from "../../helpers/faulty_registry.ts";
import { names } from "./pull_fixture.ts";
import { nobody, patience } from "./registry_client.ts";
import { bytes, type Content, layerRoot, tarball } from "./tarballs.ts";

/** A registry, an empty store, a team with limits, and a file outside that nobody may touch. */
async function start(limits: ConstructorParameters<typeof UnpackTeam>[0] = {}) {
  const root = await layerRoot();
  const registry = new FaultyRegistry();
  const store = new ImageStore(`${root.path}/store`);
  const team = new UnpackTeam(limits);
  const canary = `${root.path}/canary`;
  Deno.mkdirSync(canary);
  Deno.writeTextFileSync(`${canary}/secret`, "untouched");
  const reference = parseReference(`${registry.host}/box:1`);
  const options = { unpack: team.unpack.bind(team), credentials: nobody, patience };
  return {
    registry,
    store,
    canary,
    pull: () => pull(store, reference, options),
    /** Expects a refusal with these words, after which nothing is named, unpacked or left. */
    async refuses(...words: string[]) {
      const error = await assertRejects(() => pull(store, reference, options), Error);
      for (const word of words) assertStringIncludes(error.message, word);
      assertEquals(await store.list(), []);
      assertEquals(names(`${store.root}/layers`), []);
      assertEquals(names(`${store.root}/tmp`), []);
      assertEquals(names(`${store.root}/cache/downloads`), []);
      this.isUntouched();
    },
    isUntouched() {
      assertEquals(names(canary), ["secret"]);
      assertEquals(Deno.readTextFileSync(`${canary}/secret`), "untouched");
    },
    async [Symbol.asyncDispose]() {
      team[Symbol.dispose]();
      await registry[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

type Fixture = Awaited<ReturnType<typeof start>>;

/** An image of one layer whose blob is not the tar itself. */
async function addPacked(
  { registry }: Fixture,
  blob: Uint8Array<ArrayBuffer>,
  diffId: string,
): Promise<void> {
  const layer = await registry.addBlob(blob, MEDIA_TYPE.OCI_LAYER_GZIP);
  const rootfs = { type: "layers", diff_ids: [diffId] };
  const text = JSON.stringify({ ...hostPlatform(), config: {}, rootfs });
  const config = await registry.addBlob(bytes(text), MEDIA_TYPE.OCI_CONFIG);
  const mediaType = MEDIA_TYPE.OCI_MANIFEST;
  await registry.addManifest("box", "1", {
    schemaVersion: 2,
    mediaType,
    config,
    layers: [layer],
  }, mediaType);
}

const zeros = (size: number): Content => ({
  name: "zeros",
  type: "file",
  content: new Uint8Array(size),
});

const file = (name: string): Content => ({ name, type: "file", content: "hostile" });

Deno.test("a small blob that is a large layer is refused at the limit", async () => {
  const tar = tarball(zeros(40_000_000));
  const half = tar.length / 2;
  const packed: [string, Uint8Array][] = [
    ["gzip", zlib.gzipSync(tar)],
    ["gzip in members", concatenate([tar.subarray(0, half), tar.subarray(half)].map(gzip))],
    ["zstd", zlib.zstdCompressSync(tar)],
    ["zstd in frames", concatenate([tar.subarray(0, half), tar.subarray(half)].map(zstd))],
  ];
  for (const [kind, blob] of packed) {
    assert(blob.length < 100_000, kind);
    await using it = await start({ maxBytes: 1_000_000 });
    await addPacked(it, new Uint8Array(blob), await digestOf(tar));
    await it.refuses("more than 1000000 bytes when decompressed");
  }
});

const gzip = (part: Uint8Array) => zlib.gzipSync(part);
const zstd = (part: Uint8Array) => zlib.zstdCompressSync(part);

Deno.test("a layer of a layer is not unpacked twice: an archive inside is a file", async () => {
  await using it = await start();
  const inner = zlib.gzipSync(tarball(file("inner")));
  const image = await it.registry.addImage("box", "1", [
    tarball({ name: "inner.tar.gz", type: "file", content: inner }),
  ], hostPlatform());
  await it.pull();
  assertEquals(names(it.store.layerDirectory(image.diffIds[0])), ["inner.tar.gz"]);
});

Deno.test("more entries than the limit are refused; unless told otherwise it is a million", async () => {
  await using it = await start({ maxEntries: 100 });
  const many = Array.from({ length: 101 }, (_, n) => file(`f${n}`));
  await it.registry.addImage("box", "1", [tarball(...many)], hostPlatform());
  await it.refuses("has 100 entries already", `"f100"`);

  let entries = 0;
  const reader = new TarReader({ entry: () => void entries++, data() {}, close() {} });
  const header = encodeHeader({ name: "f", type: "file" });
  const thousand = concatenate(Array.from({ length: 1000 }, () => header));
  for (let n = 0; n < 1000; n++) reader.write(thousand);
  assertThrows(() => reader.write(header), TarError, "1000000 entries already");
  assertEquals(entries, 1_000_000);
});

Deno.test("headers that only describe count as entries, and do not add up without end", () => {
  const pax = (records: [string, Uint8Array][], typeflag: "g" | "x") => {
    const content = encodePax(records);
    const header = encodeHeader({ name: "pax", type: "file", size: content.length });
    header[156] = typeflag.charCodeAt(0);
    header.fill(0x20, 148, 156);
    const sum = header.reduce((all, byte) => all + byte, 0);
    header.set(bytes(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return concatenate([header, content, padding(content.length)]);
  };
  const sink = { entry() {}, data() {}, close() {} };
  for (const typeflag of ["g", "x"] as const) {
    const large = new TarReader(sink);
    assertThrows(
      () => {
        for (let n = 0; n < 100; n++) {
          large.write(pax([[`SCHILY.xattr.user.${n}`, new Uint8Array(500_000)]], typeflag));
        }
      },
      TarError,
      "1048576 are allowed",
    );
    const many = new TarReader(sink);
    const records = Array.from({ length: 1001 }, (_, n) =>
      [`k${n}`, bytes("v")] as [
        string,
        Uint8Array,
      ]);
    assertThrows(() => many.write(pax(records, typeflag)), TarError, "more than 1000 records");
    const counted = new TarReader(sink, { maxEntries: 10 });
    assertThrows(
      () => {
        for (let n = 0; n < 11; n++) counted.write(pax([["comment", bytes("c")]], typeflag));
      },
      TarError,
      "10 entries already",
    );
  }
});

Deno.test("directories that would fill the memory with their names and attributes are refused", async () => {
  await using root = await layerRoot();
  Deno.mkdirSync(`${root.path}/tree`);
  Deno.mkdirSync(`${root.path}/trash`);
  using writer = new LayerWriter(`${root.path}/tree`, `${root.path}/trash`, {
    userxattr: true,
    owners: "ignore",
  });
  const xattrs = new Map([["user.large", new Uint8Array(1_000_000)]]);
  const directory = {
    type: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0,
    mtimeNanoseconds: 0,
    linkname: "",
    major: 0,
    minor: 0,
    xattrs,
  } as const;
  assertThrows(
    () => {
      for (let n = 0; n < 300; n++) writer.entry({ ...directory, name: `d${n}` });
    },
    TarError,
    "directories, with names and attributes that take more than",
  );
});

Deno.test("names that lead outside are refused, through the whole of a pull", async () => {
  const cases: [Content[], string][] = [
    [[file("../../../../escaped")], "climbs out of the layer"],
    [[file("a/../../escaped")], "climbs out of the layer"],
    [[{ name: "l", type: "hardlink", linkname: "../../../etc/passwd" }], "climbs out of the layer"],
    [[{ name: "l", type: "hardlink", linkname: "/etc/passwd" }], "is not in the layer"],
    [[{ name: "w", type: "chardev", major: 0, minor: 0 }], "takes for a whiteout"],
    [[{ name: "d", type: "blockdev", major: 9999, minor: 0 }], "no device"],
    [[file("n".repeat(5000))], "its PAX path is too long"],
    [[file(`${"n".repeat(256)}`)], "longer than 255 bytes"],
  ];
  for (const [entries, words] of cases) {
    await using it = await start();
    await it.registry.addImage("box", "1", [tarball(...entries)], hostPlatform());
    await it.refuses(words, "layer sha256:");
  }
});

Deno.test("links that one layer sets lead no other layer outside", async () => {
  await using it = await start();
  const link = (name: string): Content => ({ name, type: "symlink", linkname: it.canary });
  const layers: Content[][] = [
    [link("dir"), link("up")],
    [file("dir/secret"), file("dir/planted"), { name: "up/", type: "directory", mode: 0o777 }],
    [file("dir/.wh.secret"), file("up/.wh..wh..opq")],
    [{ name: `${it.canary}/`, type: "directory" }, link("again"), file("again/secret")],
  ];
  const image = await it.registry.addImage(
    "box",
    "1",
    layers.map((entries) => tarball(...entries)),
    hostPlatform(),
  );
  await it.pull();
  it.isUntouched();
  const [first, second, , last] = image.diffIds.map((diffId) => it.store.layerDirectory(diffId));
  assertEquals(Deno.readLinkSync(`${first}/dir`), it.canary);
  assertEquals(names(`${second}/dir`), ["planted", "secret"]);
  // Through its own link a layer comes to its own copy of the path.
  assertEquals(Deno.readTextFileSync(`${last}${it.canary}/secret`), "hostile");
});

Deno.test("a refused layer is cleared away however deep it is", async () => {
  await using it = await start();
  const deep = "d/".repeat(1500);
  const layer = tarball(
    file(`${deep}f`),
    { name: "one", type: "symlink", linkname: deep },
    file(`one/${deep}f`),
    { name: "two", type: "symlink", linkname: `one/${deep.slice(0, 2000)}` },
    file(`two/${deep}f`),
    file("../refused"),
  );
  await it.registry.addImage("box", "1", [layer], hostPlatform());
  await it.refuses("climbs out of the layer");
});

Deno.test("names that are not UTF-8 are files like others", async () => {
  await using it = await start();
  const layer = tarball(file("\udcff\udcfe"), file("bell\x07"), file("new\nline"));
  const image = await it.registry.addImage("box", "1", [layer], hostPlatform());
  await it.pull();
  const directory = it.store.layerDirectory(image.diffIds[0]);
  assertEquals([...Deno.readDirSync(directory)].length, 3);
});

Deno.test("a name in an error message does nothing to a terminal", async () => {
  await using it = await start();
  await it.registry.addImage("box", "1", [tarball(file("../\x1b]0;owned\x07"))], hostPlatform());
  const error = await assertRejects(() => it.pull(), Error);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x1f]/.test(error.message), error.message);
});

Deno.test("documents that are huge, deep, broken or not UTF-8 are refused before they are used", async () => {
  const deep = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const index = { mediaType: MEDIA_TYPE.OCI_INDEX, schemaVersion: 2 };
  const descriptor = { mediaType: "a", digest: `sha256:${"0".repeat(64)}`, size: 1 };
  const cases: [string, string][] = [
    [`{"schemaVersion":2,"x":"${"x".repeat(5_000_000)}"}`, "4194304 bytes came"],
    [`{"schemaVersion":${deep(100_000)}}`, "nested more than 64 deep"],
    [`{"schemaVersion":2,"x":"\\"${"[".repeat(100)}"}`, "layers is missing"],
    [`{"schemaVersion":2,"x":${deep(63)}}`, "layers is missing"],
    [`{"a":`.repeat(70_000), "nested more than 64 deep"],
    [`{"schemaVersion":2`, "is not JSON"],
    [`{"\x1b]0;owned\x07`, "is not JSON"],
    [JSON.stringify({ ...index, manifests: Array(2001).fill(descriptor) }), "2001 entries"],
    [JSON.stringify({ ...index, manifests: [], layers: [] }), "stands beside"],
    [JSON.stringify({ ...index, manifests: [{ ...descriptor, size: -1 }] }), "size is -1"],
    [JSON.stringify({ ...index, manifests: [{ ...descriptor, size: 1e300 }] }), "size is 1e+300"],
    [JSON.stringify({ ...index, manifests: [{ ...descriptor, digest: "sha256:../../x" }] }), "hex"],
    ["null", "is null, not an object"],
    ["", "is not JSON"],
  ];
  for (const [text, words] of cases) {
    await using it = await start();
    await it.registry.addManifest("box", "1", text, "application/json");
    const error = await assertRejects(() => it.pull(), Error, words);
    assert(error.message.length < 1000, "the message is not the document");
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f]/.test(error.message), error.message);
    assertEquals(names(`${it.store.layout}/blobs/sha256`), []);
  }
  await using it = await start();
  const invalid = Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d);
  it.registry.fault("GET /v2/box/manifests/1", () => new Response(invalid));
  await assertRejects(() => it.pull(), ManifestError, "is not JSON");
});

Deno.test("a config that is deep, or lies about its layers, is refused", async () => {
  const deep = `{"os":"linux","architecture":"amd64","x":${"[".repeat(99)}${"]".repeat(99)}}`;
  const lying = JSON.stringify({ ...hostPlatform(), rootfs: { diff_ids: [] } });
  for (const [text, words] of [[deep, "nested more than 64"], [lying, "0 entries for 1 layers"]]) {
    await using it = await start();
    const layer = await it.registry.addBlob(tarball(file("f")));
    const config = await it.registry.addBlob(bytes(text), MEDIA_TYPE.OCI_CONFIG);
    const mediaType = MEDIA_TYPE.OCI_MANIFEST;
    const manifest = { schemaVersion: 2, mediaType, config, layers: [layer] };
    await it.registry.addManifest("box", "1", manifest, mediaType);
    await assertRejects(() => it.pull(), ManifestError, words);
    assertEquals(await it.store.list(), []);
  }
});

Deno.test("digests that lie are found out: of a layer, of its tar, of a config, of a manifest", async () => {
  const tar = tarball(file("f"));
  {
    await using it = await start();
    await addPacked(it, new Uint8Array(zlib.gzipSync(tar)), `sha256:${"0".repeat(64)}`);
    await it.refuses("its tar hashes to sha256:", "the image's config says sha256:000");
  }
  for (const which of ["config", "layer", "manifest"] as const) {
    await using it = await start();
    const image = await it.registry.addImage("box", "1", [tar], hostPlatform());
    const { digest, size } =
      { config: image.config, layer: image.layers[0], manifest: image.descriptor }[
        which
      ];
    const path = which === "manifest" ? "GET /v2/box/manifests/1" : `GET /v2/box/blobs/${digest}`;
    it.registry.fault(path, async (_, honest) => {
      const lie = (await honest.bytes()).with(size - 1, 0x20);
      const headers = { "docker-content-digest": digest, "content-length": String(size) };
      return new Response(lie, { headers });
    });
    const error = await assertRejects(() => it.pull(), Error);
    assertStringIncludes(error.message, digest);
    assertEquals(await it.store.list(), []);
    assertEquals(names(`${it.store.root}/layers`), []);
    assertEquals(names(`${it.store.root}/tmp`), []);
  }
});
