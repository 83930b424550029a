/**
 * The tar reader: every form of archive that GNU tar and bsdtar write, every field, every limit, and
 * archives that were damaged at random.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { concatenate } from "../../../ffi/structs.ts";
import { decodeName, encodeName, showName } from "../../../runtime/images/names.ts";
import { encodePax } from "../../../runtime/images/pax.ts";
import { TarError, TarReader } from "../../../runtime/images/tar.ts";
import { encodeHeader, END_OF_ARCHIVE, padding } from "../../../runtime/images/tar_writer.ts";
import { chance } from "../../helpers/chance.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { bytes, readTar, run, tarball } from "./tarballs.ts";

const LONG = "directory-with-a-name-of-its-own/".repeat(9);
const NOT_UTF8 = decodeName(Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0x7a));

/** One block with fields put at their offsets, and a right checksum. */
function header(fields: Record<number, string | Uint8Array>): Uint8Array<ArrayBuffer> {
  const block = encodeHeader({ name: "", type: "file" });
  for (const [at, value] of Object.entries(fields)) {
    block.set(typeof value === "string" ? bytes(value) : value, Number(at));
  }
  return sign(block);
}

function sign(block: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(bytes(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return block;
}

/** An entry that describes the next one. */
function extended(typeflag: string, content: Uint8Array): Uint8Array {
  const block = encodeHeader({ name: "about the next", type: "file", size: content.length });
  block[156] = typeflag.charCodeAt(0);
  return concatenate([sign(block), content, padding(content.length)]);
}

function pax(typeflag: "x" | "g", records: Record<string, string>): Uint8Array {
  return extended(
    typeflag,
    encodePax(Object.entries(records).map(([key, value]) => [key, bytes(value)])),
  );
}

const archive = (...parts: Uint8Array[]) => concatenate([...parts, END_OF_ARCHIVE]);

Deno.test("what the writer writes, the reader reads, in chunks of any size", () => {
  const entries = [
    { name: "a", type: "file", content: "x".repeat(1500), mode: 0o4755, uid: 1, gid: 2, mtime: 5 },
    { name: "empty", type: "file", mtime: -1 },
    { name: `${LONG}file`, type: "file", content: "y" },
    { name: NOT_UTF8, type: "file", content: "z" },
    { name: `${LONG}${NOT_UTF8}`, type: "symlink", linkname: `${LONG}${NOT_UTF8}` },
    { name: "grüße/", type: "directory", mode: 0o1777, mtime: 7, mtimeNanoseconds: 123456789 },
    { name: "link", type: "hardlink", linkname: "a" },
    { name: "c", type: "chardev", major: 4, minor: 300, uid: 3_000_000 },
    { name: "b", type: "blockdev", major: 8, minor: 1, gid: 2 ** 31 },
    { name: "f", type: "fifo", mtime: -3, mtimeNanoseconds: 500_000_000 },
    {
      name: "x",
      type: "file",
      xattrs: new Map([["user.a", bytes("1\n=")], ["user.b", bytes("")]]),
    },
  ] as const;
  const whole = tarball(...entries);
  const read = readTar(whole);
  assertEquals(read.length, entries.length);
  read.forEach((entry, i) => {
    const { content = "", ...wanted } = { content: undefined, ...entries[i] };
    for (const [key, value] of Object.entries(wanted)) {
      assertEquals(entry[key as "name"], value as string, `${entry.name}: ${key}`);
    }
    assertEquals(entry.content, content);
    assertEquals(entry.size, content.length);
  });
  for (const chunk of [1, 7, 511, 512, 513, 4096]) assertEquals(readTar(whole, chunk), read);
});

Deno.test("names are bytes, and shown without harm", () => {
  for (let lead = 0; lead < 256; lead++) {
    for (const rest of [[], [0x80], [0xbf, 0x41], [0xa0, 0x80], [0x90, 0x80, 0x80]]) {
      const name = Uint8Array.of(lead, ...rest);
      assertEquals(encodeName(decodeName(name)), name);
    }
  }
  assertEquals(decodeName(bytes("grüße 🚢")), "grüße 🚢");
  assertEquals(decodeName(Uint8Array.of(0xed, 0xb2, 0x80)).length, 3, "a surrogate in UTF-8");
  assertEquals(
    showName(`${NOT_UTF8}"\\\x1b[2J\u202e`),
    `"a\\xff\\xc3(z\\"\\\\\\u{1b}[2J\\u{202e}"`,
  );
});

Deno.test({
  ...needs("every format of GNU tar and bsdtar is read alike", { programs: ["tar", "bsdtar"] }),
  async fn() {
    await using root = await tempRoot();
    const source = `${root.path}/source`;
    const deep = `${source}/${"d".repeat(90)}`;
    Deno.mkdirSync(deep, { recursive: true });
    Deno.writeTextFileSync(`${deep}/${"f".repeat(60)}`, "long, but short enough for ustar");
    Deno.writeTextFileSync(`${source}/file`, "content\n".repeat(100));
    Deno.linkSync(`${source}/file`, `${source}/link`);
    Deno.symlinkSync("file", `${source}/symlink`);
    await run("mkfifo", `${source}/fifo`);
    for (const { name } of Deno.readDirSync(source)) {
      if (name !== "symlink") Deno.utimeSync(`${source}/${name}`, 1e9, 1e9);
    }
    const formats = [
      ...["v7", "oldgnu", "gnu", "ustar", "posix"].map((format) => ["tar", `--format=${format}`]),
      ...["v7tar", "gnutar", "ustar", "pax", "bsdtar"].map((format) => [
        "bsdtar",
        `--format=${format}`,
      ]),
    ];
    for (const [program, format] of formats) {
      const names = ["fifo", "file", "link", "symlink"];
      const notInV7 = format.includes("v7") ? [] : ["d".repeat(90)];
      if (format.includes("v7")) names.shift();
      const whole = await run(program, format, "-cf", "-", "-C", source, ...names, ...notInV7);
      const entries = new Map(readTar(whole).map((entry) => [entry.name, entry]));
      assertEquals(entries.get("file")?.content, "content\n".repeat(100), format);
      assertEquals(entries.get("file")?.mtime, 1e9);
      assertEquals(entries.get("link")?.type, "hardlink");
      assertEquals(entries.get("link")?.linkname, "file");
      assertEquals(entries.get("symlink")?.type, "symlink");
      assertEquals(entries.get("symlink")?.linkname, "file");
      if (format.includes("v7")) continue;
      assertEquals(entries.get("fifo")?.type, "fifo");
      assertEquals(entries.get(`${"d".repeat(90)}/`)?.type, "directory");
      assert(entries.has(`${"d".repeat(90)}/${"f".repeat(60)}`), format);
    }
  },
});

Deno.test({
  ...needs("GNU tar's numbers, long names and sub-second times are read", { programs: ["tar"] }),
  async fn() {
    await using root = await tempRoot();
    const long = `${"n".repeat(200)}/${"m".repeat(200)}`;
    Deno.mkdirSync(`${root.path}/${"n".repeat(200)}`);
    Deno.writeTextFileSync(`${root.path}/${long}`, "!");
    Deno.symlinkSync(long, `${root.path}/s`);
    Deno.writeTextFileSync(`${root.path}/old`, "");
    await run("touch", "-d", "@-86400.25", `${root.path}/old`);
    for (const format of ["gnu", "posix"]) {
      const options = [`--format=${format}`, "--owner=:3000000", "--group=:2097152"];
      const read = readTar(
        await run("tar", ...options, "-cf", "-", "-C", root.path, long, "s", "old"),
      );
      assertEquals(read.map(({ name }) => name), [long, "s", "old"]);
      assertEquals([read[0].uid, read[0].gid], [3000000, 2097152]);
      assertEquals(read[1].linkname, long);
      // GNU's own format has no parts of a second.
      const time = format === "gnu" ? [-86401, 0] : [-86401, 750_000_000];
      assertEquals([read[2].mtime, read[2].mtimeNanoseconds], time);
    }
  },
});

Deno.test("a PAX record holds for the next entry, a global one until it is taken back", () => {
  const file = (name: string) => header({ 0: name });
  const read = readTar(archive(
    pax("g", { uid: "7", "SCHILY.xattr.user.g": "all" }),
    pax("x", { path: "renamed", mtime: "1.5", uid: "8" }),
    file("a"),
    file("b"),
    pax("g", { uid: "" }),
    file("c"),
    pax("x", { "LIBARCHIVE.xattr.user.%C3%bc%20": "aGk" }),
    file("d"),
  ));
  assertEquals(read.map(({ name, uid }) => [name, uid]), [
    ["renamed", 8],
    ["b", 7],
    ["c", 0],
    ["d", 0],
  ]);
  assertEquals([read[0].mtime, read[0].mtimeNanoseconds], [1, 500_000_000]);
  assertEquals(new TextDecoder().decode(read[1].xattrs?.get("user.g")), "all");
  assertEquals(new TextDecoder().decode(read[3].xattrs?.get("user.ü ")), "hi");
});

Deno.test("a hard link may have content, say a size and have none, or have none", () => {
  const next = header({ 0: "next" });
  const link = (size: string) => header({ 0: "link", 124: size, 156: "1", 157: "target" });
  const content = concatenate([bytes("data"), padding(4)]);
  const names = (whole: Uint8Array) =>
    readTar(whole, 100).map(({ name, content }) => [name, content]);
  assertEquals(names(archive(link("00000000004"), content, next)), [["link", "data"], [
    "next",
    "",
  ]]);
  assertEquals(names(archive(link("00000000004"), next)), [["link", ""], ["next", ""]]);
  assertEquals(names(archive(link("00000000004"))), [["link", ""]]);
  assertEquals(names(link("00000000004")), [["link", ""]]);
  // What PAX says of the size is believed, also where the content looks like a header.
  const sure = pax("x", { size: "512" });
  assertEquals(readTar(archive(sure, link("00000000000"), next, next)).length, 2);
});

Deno.test("numbers in binary, with spaces, with none at all; old checksums; old directories", () => {
  const one = (fields: Record<number, string | Uint8Array>) => {
    return readTar(archive(header({ 0: "a", ...fields })))[0];
  };
  assertEquals(one({ 108: Uint8Array.of(0x80, 0, 0, 0, 0x12, 0x34, 0x56, 0x78) }).uid, 0x12345678);
  assertEquals(one({ 136: new Uint8Array(12).fill(0xff) }).mtime, -1);
  assertEquals(one({ 108: "   17 \0 " }).uid, 0o17);
  assertEquals(one({ 108: new Uint8Array(8) }).uid, 0);
  assertEquals(one({ 0: "old/" }).type, "directory");
  assertEquals(one({ 345: "prefix" }).name, "prefix/a");
  assertEquals(one({ 257: "ustar  \0", 345: "notprefix" }).name, "a");
  assertEquals(one({ 257: new Uint8Array(8), 345: "notprefix" }).name, "a");
  assertEquals(one({ 124: "00000001000", 156: "5" }).size, 0, "a directory has no content");

  const signed = header({ 0: Uint8Array.of(0xe4, 0xf6) });
  const sum = signed.reduce((total, byte, i) => {
    return total + (i >= 148 && i < 156 ? 0x20 : byte > 127 ? byte - 256 : byte);
  }, 0);
  signed.set(bytes(sum.toString(8).padStart(6, "0")), 148);
  assertEquals(readTar(archive(signed)).length, 1);
});

Deno.test("what is wrong is refused, with the entry's name", () => {
  const refused: [Uint8Array, string][] = [
    [bytes("no tar at all".repeat(50)), "first header has a wrong checksum"],
    [concatenate([header({ 0: "a" }), new Uint8Array(512).fill(1)]), "after 1 others"],
    [concatenate([header({ 0: "a" }), new Uint8Array(512), header({ 0: "b" })]), "the end"],
    [archive(header({ 0: "a", 108: "12x" })), `"a": its uid`],
    [archive(header({ 0: "a", 108: new Uint8Array(8).fill(0xff) })), `"a": its uid`],
    [archive(header({ 0: "a", 124: Uint8Array.of(0xff) })), `"a": its size`],
    [archive(header({ 0: "a", 124: new Uint8Array(12).fill(0xbf) })), `"a": its size`],
    [archive(header({ 0: "s", 156: "S" })), `"s": it is a sparse file`],
    [archive(pax("x", { "GNU.sparse.major": "1" }), header({ 0: "s" })), `"s": it is a sparse`],
    [archive(header({ 0: "m", 156: "M" })), `"m": its type "M"`],
    [archive(header({})), "no name"],
    [archive(pax("x", { path: "a\0b" }), header({ 0: "n" })), `"n": its PAX path`],
    [archive(pax("x", { path: "p".repeat(4097) }), header({ 0: "n" })), `"n": its PAX path`],
    [archive(pax("x", { linkpath: "p".repeat(4097) }), header({ 0: "n" })), "PAX linkpath"],
    [archive(pax("x", { size: "-1" }), header({ 0: "n" })), "PAX size"],
    [archive(pax("x", { uid: "1e3" }), header({ 0: "n" })), "PAX uid"],
    [archive(pax("x", { mtime: "yesterday" }), header({ 0: "n" })), "PAX mtime"],
    [archive(pax("x", { "LIBARCHIVE.xattr.user.a": "!" }), header({ 0: "n" })), "not base64"],
    [archive(pax("x", { "LIBARCHIVE.xattr.user.%00": "aGk" }), header({ 0: "n" })), "NUL"],
    [archive(extended("L", bytes("l".repeat(4098))), header({ 0: "n" })), "header of type L"],
    [header({ 0: "big", 156: "x", 124: "00010000000" }), "header of type x"],
    [archive(extended("x", bytes("5 a=b\n"))), "not as long as it says"],
    [archive(extended("x", bytes("99 a=b\n"))), "not as long as it says"],
    [archive(extended("x", bytes("a=b\n"))), "no length"],
    [archive(extended("x", bytes("5 =b\n"))), "no key"],
    [concatenate([pax("x", { path: "a" })]), "cut short"],
  ];
  for (const [whole, problem] of refused) {
    for (const chunk of [100, whole.length]) {
      assertThrows(() => readTar(whole, chunk), TarError, problem);
    }
  }
});

Deno.test("an archive that is cut anywhere but between entries is refused", () => {
  const whole = tarball({ name: "a", type: "file", content: "x".repeat(700) });
  const end = whole.length - END_OF_ARCHIVE.length;
  for (let length = 1; length < end; length++) {
    assertThrows(() => readTar(whole.subarray(0, length)), TarError, "cut short");
  }
  const reader = (length: number) => {
    const it = new TarReader({ entry() {}, data() {}, close() {} });
    it.write(whole.subarray(0, length));
    return it.finish();
  };
  assertEquals([reader(0), reader(end), reader(whole.length)], [false, false, true]);
  assertEquals(readTar(concatenate([whole, bytes("what a tape has behind the end")])).length, 1);
});

Deno.test("there is an end to entries", () => {
  const whole = tarball(...["a", "b", "c"].map((name) => ({ name, type: "file" } as const)));
  const reader = new TarReader({ entry() {}, data() {}, close() {} }, { maxEntries: 2 });
  assertThrows(() => reader.write(whole), TarError, `"c": the archive has 2 entries already`);
});

Deno.test("20,000 damaged archives give entries or a TarError, and come to an end", () => {
  const seeds = [
    tarball(
      { name: `${LONG}x`, type: "file", content: "abc", xattrs: new Map([["user.a", bytes("b")]]) },
      { name: "l", type: "hardlink", linkname: "x", size: 0 },
      { name: "d/", type: "directory" },
    ),
    archive(
      extended("L", bytes(`${LONG}\0`)),
      extended("K", bytes("target\0")),
      header({ 0: "n", 156: "2" }),
      pax("g", { mtime: "1" }),
      header({ 0: "o", 124: "00000000003" }),
      concatenate([bytes("abc"), padding(3)]),
    ),
  ];
  const random = chance(20260101);
  const pick = (below: number) => Math.floor(random() * below);
  let read = 0, refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const damaged = seeds[i % seeds.length].slice();
    for (let n = 1 + pick(4); n > 0; n--) damaged[pick(damaged.length)] = pick(256);
    // A wrong checksum ends most archives at once; half of them get it right again.
    if (i % 4 < 2) { for (let at = 0; at < damaged.length; at += 512) resign(damaged, at); }
    const length = pick(8) === 0 ? pick(damaged.length) : damaged.length;
    try {
      const entries = readTar(damaged.subarray(0, length), [512, 100, 7777][i % 3]);
      const content = entries.reduce((sum, entry) => sum + entry.content.length, 0);
      assert(content <= length, "more content than archive");
      read++;
    } catch (error) {
      if (!(error instanceof TarError)) throw error;
      refused++;
    }
  }
  assert(read > 500 && refused > 500, `${read} read, ${refused} refused: the test has gone blind`);
});

function resign(whole: Uint8Array<ArrayBuffer>, at: number): void {
  const block = whole.subarray(at, at + 512);
  if (block[257] === 0x75) block.set(sign(block.slice()));
}
