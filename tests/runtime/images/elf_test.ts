/**
 * ELF: what programs need, as the machine's own loader says; where it is looked for; damaged files.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import {
  DynamicLoader,
  MissingLibraryError,
  neededFiles,
} from "../../../runtime/images/dynamic_loader.ts";
import { ElfError, machineName, readElf } from "../../../runtime/images/elf.ts";
import { readLoaderCache, readLoaderConfig } from "../../../runtime/images/loader_cache.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { bytes } from "./tarballs.ts";

/** What {@linkcode elfFile} puts in. */
interface Parts {
  bits?: 32 | 64;
  little?: boolean;
  machine?: number;
  interpreter?: string;
  needed?: string[];
  rpath?: string;
  runpath?: string;
}

/** Machine number of what the tests run on. */
const HERE = Deno.build.arch === "aarch64" ? 183 : 62;

/** A file with nothing in it but what a loader reads; its segments are mapped at 0x10000. */
function elfFile(parts: Parts = {}): Uint8Array<ArrayBuffer> {
  const { bits = 64, little = true, machine = HERE, interpreter, needed = [] } = parts;
  const file = new Uint8Array(4096);
  const view = new DataView(file.buffer);
  const size = bits / 8;
  const word = (at: number, value: number) => {
    if (bits === 64) view.setBigUint64(at, BigInt(value), little);
    else view.setUint32(at, value, little);
  };
  const BASE = 0x10000, DYNAMIC = 1024, STRINGS = 2048;
  let end = STRINGS + 1;
  const string = (text: string) => {
    file.set(bytes(text), end);
    end += text.length + 1;
    return end - text.length - 1;
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, size / 4, little ? 1 : 2, 1]);
  view.setUint16(18, machine, little);
  word(bits === 64 ? 32 : 28, 64);
  const each = bits === 64 ? 56 : 32;
  view.setUint16(bits === 64 ? 54 : 42, each, little);

  const dynamic: [number, number][] = [
    ...needed.map((name): [number, number] => [1, string(name) - STRINGS]),
    ...(parts.rpath ? [[15, string(parts.rpath) - STRINGS] as [number, number]] : []),
    ...(parts.runpath ? [[29, string(parts.runpath) - STRINGS] as [number, number]] : []),
    [5, BASE + STRINGS],
    [0, 0],
  ];
  dynamic.forEach(([tag, value], i) => {
    word(DYNAMIC + i * 2 * size, tag);
    word(DYNAMIC + i * 2 * size + size, value);
  });
  const segments = [[1, 0, 4096], [2, DYNAMIC, dynamic.length * 2 * size]];
  if (interpreter) segments.push([3, string(interpreter), interpreter.length + 1]);
  view.setUint16(bits === 64 ? 56 : 44, segments.length, little);
  segments.forEach(([type, offset, length], i) => {
    const at = 64 + i * each;
    const [toOffset, toAddress, toSize] = bits === 64 ? [8, 16, 32] : [4, 8, 16];
    view.setUint32(at, type, little);
    word(at + toOffset, offset);
    word(at + toAddress, BASE + offset);
    word(at + toSize, length);
  });
  return file;
}

Deno.test("a file says what it needs, in both classes and byte orders, from bytes and from disk", async () => {
  await using root = await tempRoot();
  const parts = {
    machine: 21,
    interpreter: "/lib/ld.so.1",
    needed: ["libc.so.6", "libm.so.6"],
    rpath: "/a:/b",
    runpath: "$ORIGIN/../lib",
  };
  for (const bits of [32, 64] as const) {
    for (const little of [true, false]) {
      const file = elfFile({ ...parts, bits, little });
      Deno.writeFileSync(`${root.path}/elf`, file);
      const expected = {
        class: bits,
        littleEndian: little,
        machine: 21,
        interpreter: "/lib/ld.so.1",
        needed: ["libc.so.6", "libm.so.6"],
        rpath: ["/a", "/b"],
        runpath: ["$ORIGIN/../lib"],
      };
      assertEquals(readElf(file), expected);
      assertEquals(readElf(`${root.path}/elf`), expected);
    }
  }
  assertEquals([machineName(62), machineName(183), machineName(9999)], [
    "x86-64",
    "aarch64",
    "machine 9999",
  ]);
});

Deno.test("no damage makes the reader throw anything but an ElfError", () => {
  const whole = elfFile({ interpreter: "/lib/ld.so", needed: ["a", "b"], rpath: "/x" });
  for (let length = 0; length < whole.length; length += 13) {
    try {
      readElf(whole.subarray(0, length));
    } catch (error) {
      assert(error instanceof ElfError, String(error));
    }
  }
  let refused = 0;
  for (let at = 0; at < 2200; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const damaged = whole.slice();
      damaged[at] = value;
      try {
        readElf(damaged);
      } catch (error) {
        assert(error instanceof ElfError, String(error));
        refused++;
      }
    }
  }
  assert(refused > 50, `only ${refused} refused: the test has gone blind`);
  assertThrows(() => readElf(bytes("#!/bin/sh\nexit")), ElfError);
  assertThrows(() => readElf(bytes("#!/bin/sh and then some more")), ElfError, "not an ELF file");
});

Deno.test({
  ...needs("every program of /usr/bin needs what ldd says", {
    programs: ["ldd"],
    files: ["/usr/bin"],
  }),
  fn() {
    const loader = new DynamicLoader();
    const real = (path: string) => Deno.realPathSync(path);
    let compared = 0;
    for (const { name, isFile } of Deno.readDirSync("/usr/bin")) {
      const path = `/usr/bin/${name}`;
      if (!isFile || !isReadableElf(path) || compared === 150) continue;
      const { stdout } = new Deno.Command("ldd", { args: [path] }).outputSync();
      const text = new TextDecoder().decode(stdout);
      if (/not found|not a dynamic|statically/.test(text)) continue;
      const theirs = [...text.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => real(file));
      const ours = loader.neededFiles(path).map(real);
      assertEquals([...new Set(ours)].sort(), [...new Set(theirs)].sort(), path);
      compared++;
    }
    assert(compared > 10, `only ${compared} programs compared`);
  },
});

Deno.test("libraries are looked for where ld.so(8) looks, in its order", async () => {
  await using root = await tempRoot();
  const at = (path: string, parts: Parts | Uint8Array) => {
    const whole = `${root.path}/${path}`;
    Deno.mkdirSync(whole.slice(0, whole.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(whole, parts instanceof Uint8Array ? parts : elfFile(parts));
    return whole;
  };
  const loader = at("ld.so", {});
  const program = (parts: Parts) => at("bin/program", { interpreter: loader, ...parts });
  const found = (file: string) => neededFiles(file).map((path) => path.replace(root.path, ""));

  at("lib/one.so", { needed: ["two.so", "ld.so"] });
  at("lib/two.so", {});
  // DT_RPATH holds for what is loaded in turn, DT_RUNPATH does not.
  assertEquals(found(program({ needed: ["one.so"], rpath: "$ORIGIN/../lib" })), [
    "/ld.so",
    "/bin/../lib/one.so",
    "/bin/../lib/two.so",
  ]);
  const short = program({ needed: ["one.so"], runpath: "${ORIGIN}/../lib" });
  assertThrows(() => neededFiles(short), MissingLibraryError, "lib/one.so needs two.so");
  // A file that has both counts with its DT_RUNPATH alone.
  at("runpath/one.so", {});
  const both = { rpath: `${root.path}/lib`, runpath: `${root.path}/runpath` };
  assertEquals(found(program({ needed: ["one.so"], ...both })), ["/ld.so", "/runpath/one.so"]);
  // What is for another machine, or is no library, is passed over.
  at("wrong/one.so", { machine: 9999 });
  at("small/one.so", { bits: 32 });
  at("text/one.so", bytes("INPUT(other.so)"));
  const rpath = ["wrong", "small", "text", "runpath"].map((name) => `${root.path}/${name}`).join(
    ":",
  );
  assertEquals(found(program({ needed: ["one.so"], rpath })), ["/ld.so", "/runpath/one.so"]);
  // A name with a slash is a path.
  const direct = `${root.path}/runpath/one.so`;
  assertEquals(found(program({ needed: [direct] })), ["/ld.so", "/runpath/one.so"]);

  assertEquals(found(at("bin/static", {})), []);
  const lost = at("bin/lost", { interpreter: "/nowhere/ld.so" });
  assertThrows(() => neededFiles(lost), MissingLibraryError, "needs /nowhere/ld.so");
  // musl's C library is its loader.
  const musl = at("ld-musl-x86_64.so.1", {});
  const needed = ["libc.so", "libc.musl-x86_64.so.1", "libpthread.so.0"];
  assertEquals(found(at("bin/musl", { interpreter: musl, needed })), ["/ld-musl-x86_64.so.1"]);

  const script = at("bin/script", bytes(`#! ${program({ needed: [direct] })} -x\n`));
  assertEquals(found(script), ["/bin/program", "/ld.so", "/runpath/one.so"]);
  assertEquals(neededFiles(at("bin/env", bytes("#!/usr/bin/env sh\n"))).slice(0, 1), [
    "/usr/bin/env",
  ]);
  assertThrows(() => neededFiles(at("bin/text", bytes("text"))), ElfError, "nor a script");
});

Deno.test("ld.so.conf includes files, and a cache that is none is empty", async () => {
  await using root = await tempRoot();
  Deno.mkdirSync(`${root.path}/d`);
  Deno.writeTextFileSync(`${root.path}/d/b.conf`, "/b # why\n");
  Deno.writeTextFileSync(`${root.path}/d/a.conf`, "/a\n\nnot-a-path\n");
  Deno.writeTextFileSync(`${root.path}/d/c.other`, "/c\n");
  Deno.writeTextFileSync(`${root.path}/conf`, `include ${root.path}/d/*.conf\n/last\n`);
  assertEquals(readLoaderConfig(`${root.path}/conf`), ["/a", "/b", "/last"]);
  assertEquals(readLoaderConfig(`${root.path}/nothing`), []);
  for (
    const text of [
      "",
      "garbage",
      "glibc-ld.so.cache1.1",
      `glibc-ld.so.cache1.1${"\xff".repeat(300)}`,
    ]
  ) {
    Deno.writeTextFileSync(`${root.path}/cache`, text);
    readLoaderCache(`${root.path}/cache`);
  }
  assertEquals(readLoaderCache(`${root.path}/nothing`).size, 0);
});

function isReadableElf(path: string): boolean {
  try {
    return readElf(path).needed.length > 0;
  } catch {
    return false;
  }
}
