/**
 * Unpacking layers: the same tree as other tools make, whiteouts as overlayfs wants them, and
 * nothing that a hostile layer asks for.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import zlib from "node:zlib";
import { concatenate } from "../../../ffi/structs.ts";
import { decodeName } from "../../../runtime/images/names.ts";
import { ImageStore, StoreError } from "../../../runtime/images/store.ts";
import { LayerError, unpackLayer } from "../../../runtime/images/unpack.ts";
import { needs } from "../../helpers/needs.ts";
import {
  bytes,
  type Content,
  layerRoot,
  run,
  snapshot,
  tarball,
  umociUnpack,
  unpack,
  xattr,
} from "./tarballs.ts";

const NOT_UTF8 = decodeName(Uint8Array.of(0x61, 0xff, 0x7a));
const LONG = `${"n".repeat(200)}/${"m".repeat(255)}`;

/** A file capability, `cap_net_raw=ep`: struct vfs_ns_cap_data, version 2. */
const CAPABILITY = Uint8Array.of(1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** Every kind of entry that any user may make. */
const ORDINARY: Content[] = [
  { name: "./", type: "directory", mode: 0o755, mtime: 1000 },
  {
    name: "./file",
    type: "file",
    content: "content",
    mode: 0o640,
    mtime: 1e9,
    mtimeNanoseconds: 5,
  },
  { name: "./large", type: "file", content: new Uint8Array(700_000).fill(7), mtime: 3 },
  { name: "./empty", type: "file", mode: 0o444, mtime: -5 },
  { name: "./suid", type: "file", content: "s", mode: 0o4755, mtime: 4 },
  { name: "./open", type: "file", content: "w", mode: 0o666, mtime: 4 },
  { name: "./link", type: "hardlink", linkname: "./file", mode: 0o640, mtime: 1e9 },
  { name: "./symlink", type: "symlink", linkname: "../../outside", mode: 0o777, mtime: 6 },
  { name: "./long-link", type: "symlink", linkname: "t/".repeat(1500), mode: 0o777, mtime: 6 },
  { name: "./link-to-link", type: "hardlink", linkname: "symlink", mode: 0o777, mtime: 6 },
  { name: "./fifo", type: "fifo", mode: 0o622, mtime: 7 },
  { name: "./sticky/", type: "directory", mode: 0o1777, mtime: 8 },
  { name: "./sticky/inner", type: "file", content: "i", mtime: 9 },
  { name: "./closed/", type: "directory", mode: 0o555, mtime: 10 },
  { name: "./closed/inner/", type: "directory", mode: 0o500, mtime: 11 },
  { name: "./closed/inner/file", type: "file", content: "c", mode: 0o400, mtime: 12 },
  { name: `./${"n".repeat(200)}/`, type: "directory", mode: 0o755, mtime: 13 },
  { name: `./${LONG}`, type: "file", content: "long", mtime: 14 },
  { name: `./${NOT_UTF8}`, type: "file", content: "bytes", mtime: 15 },
  { name: "./grüße", type: "symlink", linkname: NOT_UTF8, mode: 0o777, mtime: 15 },
  { name: "./user", type: "file", xattrs: new Map([["user.a", bytes("1\0\n=")]]), mtime: 16 },
];

/** What only root may make. */
const ROOTS: Content[] = [
  { name: "./nobody's", type: "file", content: "n", mode: 0o000, mtime: 17 },
  {
    name: "./theirs",
    type: "file",
    content: "t",
    mode: 0o6755,
    uid: 1000,
    gid: 3_000_000,
    mtime: 17,
  },
  { name: "./their-link", type: "symlink", linkname: "x", mode: 0o777, uid: 7, gid: 8, mtime: 18 },
  { name: "./their-directory/", type: "directory", mode: 0o2775, uid: 9, gid: 50, mtime: 19 },
  { name: "./their-directory/ours", type: "file", content: "not of their group", mtime: 19 },
  { name: "./console", type: "chardev", major: 5, minor: 1, mode: 0o620, gid: 5, mtime: 20 },
  { name: "./minor", type: "chardev", major: 195, minor: 70_000, mode: 0o666, mtime: 20 },
  { name: "./disk", type: "blockdev", major: 8, minor: 300, mode: 0o660, gid: 6, mtime: 21 },
  {
    name: "./capable",
    type: "file",
    uid: 0,
    gid: 12,
    xattrs: new Map([["security.capability", CAPABILITY], ["trusted.a", bytes("b")]]),
    mode: 0o755,
    mtime: 22,
  },
];

Deno.test({
  ...needs("an ordinary layer is the tree that GNU tar makes of it", { programs: ["tar", "find"] }),
  async fn() {
    await using root = await layerRoot();
    const tar = tarball(...ORDINARY);
    const { directory, unpacked, skippedCount } = await unpack(root.path, tar);
    assertEquals([unpacked, skippedCount], [true, 0]);
    Deno.writeFileSync(`${root.path}/layer.tar`, tar);
    await Deno.mkdir(`${root.path}/theirs`);
    await run("tar", "-xpf", `${root.path}/layer.tar`, "--xattrs", "-C", `${root.path}/theirs`);
    assertEquals(await snapshot(directory), await snapshot(`${root.path}/theirs`));
  },
});

Deno.test({
  ...needs("root's layer is the tree that umoci makes of it, whatever it is compressed with", {
    root: true,
    programs: ["umoci", "find"],
  }),
  async fn() {
    await using root = await layerRoot();
    const tar = tarball(...ORDINARY, ...ROOTS);
    // umoci fails at a name that is not UTF-8, and takes a hard link to a link for one to its target.
    const theirs = tarball(...[...ORDINARY, ...ROOTS].filter(({ name, linkname }) => {
      return name.isWellFormed() && (linkname ?? "").isWellFormed() && name !== "./link-to-link";
    }));
    const gzip = zlib.gzipSync(theirs);
    await umociUnpack(`${root.path}/umoci`, [{ blob: gzip, tar: theirs, packed: "gzip" }]);
    const expected = await snapshot(`${root.path}/umoci/bundle/rootfs`);
    const kinds = new Set(expected.map((line) => / \| (\w) /.exec(line)?.[1]));
    assertEquals([...kinds].filter(Boolean).sort().join(""), "bcdflp");
    // umoci itself knows no zstd; the tree is to be the same.
    for (const [name, blob] of [["gzip", gzip], ["zstd", zlib.zstdCompressSync(theirs)]] as const) {
      const ours = await unpack(`${root.path}/${name}`, blob, { tar: theirs });
      assertEquals(await snapshot(ours.directory), expected, name);
    }

    const whole = await snapshot(
      (await unpack(`${root.path}/b`, zlib.gzipSync(tar), { tar })).directory,
    );
    assert(whole.length > expected.length);
    for (const [name, blob] of [["c", zlib.zstdCompressSync(tar)], ["d", tar]] as const) {
      const { directory } = await unpack(`${root.path}/${name}`, blob, { tar });
      assertEquals(await snapshot(directory), whole);
    }
    assert(whole.some((line) => line.startsWith("console | c 620 0:5") && line.includes("5/1")));
    assert(whole.some((line) => line.startsWith("capable |") && line.includes("security.cap")));
  },
});

Deno.test("what an ordinary user cannot do is left out and told", async () => {
  await using root = await layerRoot();
  const options = { owners: "ignore", userxattr: true } as const;
  const entries: Content[] = [
    { name: "theirs", type: "file", content: "t", uid: 1000, gid: 1000 },
    { name: "labelled", type: "file", xattrs: new Map([["security.selinux", bytes("x")]]) },
    { name: "link", type: "symlink", linkname: "x", xattrs: new Map([["user.a", bytes("b")]]) },
    ...(Deno.uid() === 0 ? [] : [{ name: "null", type: "chardev", major: 1, minor: 3 } as const]),
  ];
  const result = await unpack(root.path, tarball(...entries), options);
  assertEquals(result.ownersIgnored, 1);
  assertEquals(Deno.statSync(`${result.directory}/theirs`).uid, Deno.uid());
  const reasons = result.skipped.map(({ entry, reason }) => `${entry}: ${reason}`);
  assertEquals(reasons.slice(0, 2), [
    "labelled: its SELinux label: this machine gives its own",
    `link: its attribute "user.a": not permitted`,
  ]);
  assertEquals(reasons.slice(2).join().includes("null"), Deno.uid() !== 0);
  assertEquals(result.skippedCount, reasons.length);
});

for (const prefix of ["trusted", "user"]) {
  Deno.test({
    ...needs(`whiteouts are devices 0/0 and ${prefix}.overlay.opaque`, {
      ...(prefix === "trusted" ? { root: true as const } : {}),
    }),
    async fn() {
      await using root = await layerRoot();
      const tar = tarball(
        { name: "a/", type: "directory" },
        { name: "a/.wh.gone", type: "file" },
        { name: "a/.wh.link", type: "hardlink", linkname: "nothing" },
        { name: "b/.wh..wh..opq", type: "file" },
        { name: "b/new", type: "file", content: "n" },
        { name: ".wh..wh.plnk/1.2", type: "file", content: "aufs" },
        { name: ".wh..wh.aufs", type: "file" },
        // The layer's own names win, before the whiteout and after it.
        { name: "before/", type: "directory" },
        { name: ".wh.before", type: "file" },
        { name: ".wh.after", type: "file" },
        { name: "after/", type: "directory" },
        { name: "kept", type: "file", content: "k" },
        { name: ".wh.kept", type: "file" },
        { name: ".wh.back", type: "file" },
        { name: "back", type: "file", content: "b" },
      );
      const options = { userxattr: prefix === "user" };
      const { directory } = await unpack(root.path, tar, options);
      const lines = (await snapshot(directory, { owners: false }))
        .map((line) => line.replace(/ \| \d+\.\d+| \| [0-9a-f]{64}/g, ""));
      const opaque = `${prefix}.overlay.opaque=y`;
      assertEquals(
        lines,
        [
          "a | d 755 ",
          "a/gone | c 0  1 0 | device 0/0",
          "a/link | c 0  1 0 | device 0/0",
          `after | d 755  | ${opaque}`,
          `b | d 755  | ${opaque}`,
          "b/new | f 644  1 1",
          "back | f 644  1 1",
          `before | d 755  | ${opaque}`,
          "kept | f 644  1 1",
          " | d 755 ".trimStart(),
        ].map((line) => line.replace(/^\| /, "")).sort(),
      );
    },
  });
}

Deno.test("a later entry replaces an earlier one, except directories, which are joined", async () => {
  await using root = await layerRoot();
  const { directory } = await unpack(
    root.path,
    tarball(
      { name: "file", type: "file", content: "1" },
      { name: "file", type: "file", content: "2" },
      { name: "was-file", type: "file", content: "1" },
      { name: "was-file/", type: "directory", mode: 0o755 },
      { name: "was-file/inner", type: "file", content: "i" },
      { name: "was-directory/deep/er", type: "file", content: "1" },
      { name: "was-directory", type: "symlink", linkname: "file" },
      { name: "joined/", type: "directory", mode: 0o700 },
      { name: "joined/a", type: "file", content: "a" },
      { name: "joined", type: "directory", mode: 0o751 },
      { name: "joined/b", type: "file", content: "b" },
      { name: "to-joined", type: "symlink", linkname: "joined" },
      { name: "to-joined/c", type: "file", content: "through the link" },
      { name: "to-joined", type: "directory", mode: 0o755 },
      { name: "to-joined/d", type: "file", content: "no link any more" },
      { name: "itself", type: "file", content: "s" },
      { name: "itself", type: "hardlink", linkname: "itself" },
      { name: "other", type: "hardlink", linkname: "itself" },
      { name: "other", type: "hardlink", linkname: "itself" },
      { name: "/absolute", type: "file", content: "inside" },
      { name: "joined/../dotted", type: "file", content: "inside" },
    ),
  );
  const read = (path: string) => Deno.readTextFileSync(`${directory}/${path}`);
  assertEquals(read("file"), "2");
  assertEquals(read("was-file/inner"), "i");
  assertEquals(Deno.readLinkSync(`${directory}/was-directory`), "file");
  assertEquals(Deno.statSync(`${directory}/joined`).mode! & 0o777, 0o751);
  const names = (path: string) => [...Deno.readDirSync(`${directory}/${path}`)].map((e) => e.name);
  assertEquals(names("joined").sort(), ["a", "b", "c"]);
  assertEquals(names("to-joined"), ["d"]);
  assertEquals(Deno.statSync(`${directory}/itself`).nlink, 2);
  assertEquals([read("absolute"), read("dotted")], ["inside", "inside"]);
});

Deno.test("more directories than are kept open, in no order", async () => {
  await using root = await layerRoot();
  const numbers = Array.from({ length: 1000 }, (_, i) => (i * 617) % 200);
  const { directory } = await unpack(
    root.path,
    tarball(
      { name: "source", type: "file", content: "s" },
      ...numbers.map((n, i) => ({ name: `d${n}/e/f${i}`, type: "file", content: `${i}` } as const)),
      ...numbers.map((n, i) => (
        { name: `d${n}/l${i}`, type: "hardlink", linkname: `d${n}/e/f${i}` } as const
      )),
      { name: "deep/".repeat(300) + "link", type: "hardlink", linkname: "source" },
    ),
  );
  numbers.forEach((n, i) => {
    assertEquals(Deno.readTextFileSync(`${directory}/d${n}/l${i}`), `${i}`);
  });
  assertEquals(Deno.statSync(`${directory}/source`).nlink, 2);
});

/** Layers that must be refused, each with the name of the entry that is wrong and a part of why. */
const HOSTILE: [Content[], string, string][] = [
  [[file("../canary")], "../canary", "climbs out"],
  [[file("a/../../canary")], "a/../../canary", "climbs out"],
  [[file("/../../canary")], "/../../canary", "climbs out"],
  [[link("l", "../canary")], "l", "climbs out"],
  [[link("l", "/../canary")], "l", "climbs out"],
  [[link("l", "nothing")], "l", "not in the layer"],
  [[link("l", ".")], "l", "not in the layer"],
  [[link("l", "CANARY")], "l", "not in the layer"],
  [[symlink("s", "CANARY"), link("l", "s/../CANARY")], "l", "not in the layer"],
  [[{ name: "d", type: "directory" }, link("l", "d")], "l", "is a directory"],
  [[symlink("s", "CANARY"), file("s/x")], "s/x", "is a link to nothing"],
  [[symlink("s", "../../../../../canary"), file("s/x")], "s/x", "is a link to nothing"],
  [[symlink("s", "/proc/self/root"), file("s/x")], "s/x", "is a link to nothing"],
  [[symlink("s", "s"), file("s/x")], "s/x", "not a directory"],
  [[symlink("s", "t"), symlink("t", "s"), file("s/x/y")], "s/x/y", "not a directory"],
  [[file("f"), file("f/x")], "f/x", "not a directory"],
  [[file("n".repeat(256))], "n".repeat(256), "longer than 255"],
  [[file(`d/${"ü".repeat(128)}`)], `d/${"ü".repeat(128)}`, "longer than 255"],
  [[{ name: "w", type: "chardev" }], "w", "whiteout"],
  [[{ name: "d", type: "blockdev", major: 5000 }], "d", "no device"],
  [[{ name: "d", type: "chardev", major: 1, minor: 2 ** 20 }], "d", "no device"],
  [[file(".wh.")], ".wh.", "no name"],
  [[file("d/.wh..")], "d/.wh..", "no name"],
  [[file(".wh...")], ".wh...", "no name"],
  [[file(".wh.d/x")], ".wh.d/x", "inside a whiteout"],
  [[file(".wh.gone"), link("l", "gone")], "l", "not in the layer"],
  [[{ ...file("f"), xattrs: new Map([["trusted.overlay.opaque", bytes("y")]]) }], "f", "overlayfs"],
  [[{ ...file("f"), xattrs: new Map([["user.overlay.redirect", bytes("/")]]) }], "f", "overlayfs"],
  [
    [{
      ...file("d/"),
      type: "directory",
      xattrs: new Map([["trusted.overlay.origin", bytes("")]]),
    }],
    "d/",
    "overlayfs",
  ],
  [[{ ...file("f"), uid: 2 ** 32 - 1 }], "f", "owner"],
  [[symlink("s", "")], "s", "empty name"],
  [[symlink(".", "CANARY")], ".", "root must be a directory"],
];

function file(name: string): Content {
  return { name, type: "file", content: "hostile" };
}

function link(name: string, linkname: string): Content {
  return { name, type: "hardlink", linkname };
}

function symlink(name: string, linkname: string): Content {
  return { name, type: "symlink", linkname };
}

Deno.test("a hostile layer is refused by its entry's name, and nothing is written outside", async () => {
  await using root = await layerRoot();
  const canary = `${root.path}/canary`;
  Deno.mkdirSync(canary);
  Deno.writeTextFileSync(`${canary}/secret`, "untouched");
  const before = await snapshot(canary);
  for (const [entries, name, reason] of HOSTILE) {
    const real = entries.map((entry) => {
      return entry.linkname
        ? { ...entry, linkname: entry.linkname.replace("CANARY", canary) }
        : entry;
    });
    const store = `${root.path}/store`;
    const error = await assertRejects(() => unpack(store, tarball(...real)), LayerError, reason);
    assertEquals(error.entry, name);
    assertStringIncludes(error.message, "layer sha256:");
    assertEquals([...Deno.readDirSync(`${store}/layers`)], []);
    assertEquals([...Deno.readDirSync(`${store}/tmp`)], []);
    assertEquals(await snapshot(canary), before);
  }
});

Deno.test("links that lead outside lead inside, and leave what is outside alone", async () => {
  await using root = await layerRoot();
  const outside = `${root.path}/outside`;
  Deno.mkdirSync(outside);
  Deno.writeTextFileSync(`${outside}/secret`, "untouched");
  const before = await snapshot(outside);
  const { directory } = await unpack(
    `${root.path}/store`,
    tarball(
      { name: `${outside}/`, type: "directory", mode: 0o755 },
      symlink("absolute", outside),
      file("absolute/secret"),
      symlink("up", "../../../../../../../../../.."),
      file("up/at-the-root"),
      file("file"),
      link("absolute/link", "/up/file"),
    ),
  );
  assertEquals(Deno.readTextFileSync(`${directory}${outside}/secret`), "hostile");
  assertEquals(Deno.readTextFileSync(`${directory}${outside}/link`), "hostile");
  assertEquals(Deno.readTextFileSync(`${directory}/at-the-root`), "hostile");
  assertEquals(await snapshot(outside), before);
});

Deno.test("a layer that is not what its digests say is refused, and leaves nothing", async () => {
  await using root = await layerRoot();
  const tar = tarball(file("a"));
  await assertRejects(
    () => unpack(root.path, zlib.gzipSync(tar), { tar: tarball(file("b")) }),
    LayerError,
    "its tar hashes to",
  );
  // A diff ID that is the digest of the compressed blob is wrong as well.
  const packed = zlib.gzipSync(tar);
  await assertRejects(() => unpack(root.path, packed, { tar: packed }), LayerError, "hashes to");

  const store = new ImageStore(root.path);
  const { digest, size } = await store.writeBlob(tar);
  const longer = concatenate([tar, bytes("behind the end")]);
  for (const damaged of [bytes("x".repeat(size)), tar.subarray(0, 700), bytes(""), longer]) {
    Deno.chmodSync(store.blobPath(digest), 0o644);
    Deno.writeFileSync(store.blobPath(digest), damaged);
    const layer = { descriptor: { mediaType: "", digest, size }, diffId: digest };
    await assertRejects(() => unpackLayer(store, layer), StoreError, "is damaged");
  }
  assertEquals([...Deno.readDirSync(`${root.path}/layers`)], []);
  assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);
});

Deno.test("limits: bytes, entries, and somebody who has had enough", async () => {
  await using root = await layerRoot();
  const zeros = { name: "zeros", type: "file", content: new Uint8Array(3_000_000) } as const;
  const tar = tarball(file("a"), zeros);
  const bomb = zlib.gzipSync(tar);
  const options = { tar, maxBytes: 1_000_000 };
  await assertRejects(
    () => unpack(root.path, bomb, options),
    LayerError,
    "more than 1000000 bytes",
  );
  await assertRejects(
    () => unpack(root.path, tar, { maxEntries: 1 }),
    LayerError,
    "1 entries already",
  );
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => unpack(root.path, tar, { signal }), Error, "enough");
  assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);

  const progress: [number, number][] = [];
  await unpack(root.path, tar, { onProgress: (read, total) => void progress.push([read, total]) });
  assertEquals(progress.at(-1), [tar.length, tar.length]);
});

Deno.test("twice is once; at the same time one wins; the tree is whole in both", async () => {
  await using root = await layerRoot();
  const tar = tarball(...ORDINARY);
  const results = await Promise.all([1, 2, 3, 4].map(() => unpack(root.path, tar)));
  assertEquals(results.filter(({ unpacked }) => unpacked).length, 1);
  assertEquals((await unpack(root.path, tar)).unpacked, false);
  assertEquals([...Deno.readDirSync(`${root.path}/layers`)].length, 1);
  assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);
});

Deno.test("a process that is killed leaves rubbish in tmp, which the next one sweeps", async () => {
  await using root = await layerRoot();
  const store = new ImageStore(root.path);
  const files = Array.from({ length: 20_000 }, (_, i) => file(`d${i % 50}/f${i}`));
  const { digest, size } = await store.writeBlob(tarball(...files));
  const layer = { descriptor: { mediaType: "", digest, size }, diffId: digest };
  const program = new URL("unpack_child.ts", import.meta.url).pathname;
  const args = ["run", "-A", "--no-lock", program, root.path, JSON.stringify(layer)];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const output = child.stdout.getReader();
  await output.read();
  child.kill("SIGKILL");
  await child.status;
  await output.cancel();
  assertEquals([...Deno.readDirSync(`${root.path}/layers`)], []);
  const rubbish = [...Deno.readDirSync(`${root.path}/tmp`)].map(({ name }) => name);
  assert(rubbish.some((name) => name.startsWith("layer-")), `nothing left: ${rubbish}`);
  const { directory } = await unpackLayer(store, layer);
  assertEquals([...Deno.readDirSync(`${root.path}/tmp`)], []);
  assertEquals([...Deno.readDirSync(directory)].length, 50);
});

Deno.test({
  ...needs("overlayfs takes the layers: what is whited out is gone", { root: true }),
  async fn() {
    await using root = await layerRoot();
    const lower = await unpack(root.path, tarball(file("gone"), file("d/hidden"), file("kept")));
    const upper = await unpack(
      root.path,
      tarball(file(".wh.gone"), file("d/.wh..wh..opq"), file("d/new")),
    );
    const merged = `${root.path}/merged`;
    Deno.mkdirSync(merged);
    const lowers = `lowerdir=${upper.directory}:${lower.directory}`;
    await run("mount", "-t", "overlay", "-o", lowers, "overlay", merged);
    try {
      const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
      assertEquals(names(merged), ["d", "kept"]);
      assertEquals(names(`${merged}/d`), ["new"]);
    } finally {
      await run("umount", merged);
    }
    assertEquals(xattr(`${upper.directory}/d`, "trusted.overlay.opaque"), "y");
  },
});
