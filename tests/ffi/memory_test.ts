/**
 * The arena: what is put into it arrives, and what does not fit is an error.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertNotEquals } from "@std/assert/not-equals";
import { assertThrows } from "@std/assert/throws";
import { Arena, type Memory } from "../../ffi/memory.ts";

/** Memory as native code sees it: from the address, not through the arena. */
function view(address: number): Deno.UnsafePointerView {
  return new Deno.UnsafePointerView(Deno.UnsafePointer.create(BigInt(address))!);
}

/** Native code's bytes at an address. */
function bytesAt(address: number, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  view(address).copyInto(bytes);
  return bytes;
}

const utf8 = new TextEncoder();

Deno.test("a string is UTF-8 and ends with NUL", () => {
  const arena = new Arena(4096);
  for (const text of ["", "a", "/proc/self", "für", "漢字", "🥘", "a\u{10ffff}b"]) {
    const expected = [...utf8.encode(text), 0];
    assertEquals([...bytesAt(arena.string(text), expected.length)], expected, text);
  }
});

Deno.test("a text is copied once", () => {
  const arena = new Arena(4096);
  const first = arena.string("/proc");
  const { mark } = arena;
  assertEquals(arena.string("/" + "proc"), first);
  assertEquals(arena.mark, mark);
  assertNotEquals(arena.string("/pro"), first);
});

Deno.test("a text with NUL is refused: it would be cut short", () => {
  const arena = new Arena(4096);
  assertThrows(() => arena.string("a\0b"), RangeError, String.raw`cannot hold NUL: "a\u0000b"`);
  assertThrows(() => arena.strings(["a", "\0"]), RangeError, "cannot hold NUL");
  assertEquals(view(arena.string("ab")).getCString(), "ab");
});

Deno.test("a text fits when its bytes do, to the last one", () => {
  for (const letter of ["a", "ü", "漢", "🥘"]) {
    const { length } = utf8.encode(letter);
    const text = letter.repeat(16);
    const exact = new Arena(16 * length + 1);
    assertEquals(view(exact.string(text)).getCString(), text);
    assertEquals(exact.mark, exact.size);
    assertThrows(() => exact.string(""), RangeError, "is full");
    const short = new Arena(16 * length);
    const error = assertThrows(() => short.string(text), RangeError);
    assertEquals(
      error.message,
      `the arena of ${16 * length} bytes is full: ${
        16 * length + 1
      } more bytes were asked for after 0`,
    );
  }
});

Deno.test("a text that did not fit leaves nothing behind", () => {
  const arena = new Arena(64);
  assertThrows(() => arena.string("漢".repeat(40)), RangeError, "is full");
  assertThrows(() => arena.string("something ü\0"), RangeError, "cannot hold NUL");
  assertEquals(arena.mark, 0);
  assertEquals([...arena.allocate(64).bytes], Array(64).fill(0));
});

Deno.test("an array of strings ends with NULL", () => {
  const arena = new Arena(4096);
  const texts = ["sh", "-c", "", "sh"];
  const address = arena.strings(texts);
  const pointers = texts.map((_, i) => arena.word(address + i * 8));
  assertEquals(pointers.map((pointer) => view(pointer).getCString()), texts);
  assertEquals(pointers[0], pointers[3]);
  assertEquals(arena.word(address + texts.length * 8), 0);
  const none = arena.strings([]);
  assertEquals(view(none).getBigUint64(), 0n);
});

Deno.test("the same array is not copied again, an equal one is", () => {
  const arena = new Arena(4096);
  const environment = ["A=1", "B=2"];
  const address = arena.strings(environment);
  assertEquals(arena.strings(environment), address);
  const equal = arena.strings([...environment]);
  assertNotEquals(equal, address);
  assertEquals(arena.word(equal), arena.word(address));
});

Deno.test("memory is zeroed, at multiples of 8, and apart", () => {
  const arena = new Arena(4096);
  arena.string("abc");
  const pieces = [1, 8, 13, 0, 4].map((size) => arena.allocate(size, `${size}`));
  let end = arena.address + 4;
  for (const { address, bytes, name } of pieces) {
    assertEquals(address % 8, 0);
    assertEquals(address >= end, true, name);
    assertEquals([...bytes], Array(Number(name)).fill(0));
    end = address + bytes.length;
    bytes.fill(0xff);
  }
  assertEquals([...bytesAt(pieces[2].address, 13)], Array(13).fill(0xff));
});

Deno.test("memory that the arena does not have is refused", () => {
  const arena = new Arena(100);
  assertThrows(() => arena.allocate(101), RangeError, "the arena of 100 bytes is full: 101 more");
  arena.allocate(90);
  assertThrows(() => arena.allocate(5), RangeError, "5 more bytes were asked for after 96");
  assertThrows(() => arena.copy(new Uint8Array(5)), RangeError, "is full");
  assertThrows(() => arena.strings([]), RangeError, "is full");
  arena.allocate(4);
});

Deno.test("a copy is a copy", () => {
  const arena = new Arena(4096);
  const bytes = new Uint8Array([1, 2, 3]);
  const address = arena.copy(bytes);
  bytes.fill(9);
  assertEquals([...bytesAt(address, 3)], [1, 2, 3]);
});

Deno.test("words: numbers up to 2^53 on both sides of 0, and every bigint", () => {
  const arena = new Arena(4096);
  const { address } = arena.allocate(8);
  const numbers = [
    ...[0, 1, -1, -100, 0x7fffffff, 0x80000000, -0x80000000, 0xffffffff, -0xffffffff],
    ...[2 ** 32, -(2 ** 32), 0x200000000, 0x1ffffffff, -0x1ffffffff, 2 ** 47 + 3],
    ...[Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ];
  for (const number of numbers) {
    arena.setWord(address, number);
    assertEquals(view(address).getBigInt64(), BigInt(number));
    assertEquals(arena.word(address), number);
    arena.setWord(address, 0);
    arena.setWord(address, BigInt(number));
    assertEquals(view(address).getBigInt64(), BigInt(number), "as a bigint");
  }
  for (const big of [2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    arena.setWord(address, big);
    assertEquals(view(address).getBigUint64(), big);
  }
});

Deno.test("a word may begin at a multiple of 4, and its neighbours stay as they are", () => {
  const arena = new Arena(4096);
  const { address, bytes } = arena.allocate(16);
  bytes.fill(0xee);
  arena.setWord(address + 4, -2);
  assertEquals([...bytes], [
    ...[0xee, 0xee, 0xee, 0xee],
    ...[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ...[0xee, 0xee, 0xee, 0xee],
  ]);
  assertEquals(arena.word(address + 4), -2);
});

Deno.test("an int is 32 bits, signed, whatever stands above it", () => {
  const arena = new Arena(4096);
  const memory = arena.allocate(8);
  arena.setWord(memory.address, 0x7_ffff_fff6);
  assertEquals(arena.int(memory.address), -10);
  assertEquals(memory.at(0).value, -10);
  assertEquals(memory.at(4).value, 7);
});

Deno.test("bits are set one by one", () => {
  const arena = new Arena(4096);
  const { address } = arena.allocate(24);
  const bits = [0, 5, 31, 32, 63, 64, 95, 127, 128, 191];
  for (const bit of bits) arena.setBit(address, bit);
  const expected = bits.reduce((sum, bit) => sum | 1n << BigInt(bit), 0n);
  const actual = [0, 8, 16].reduce(
    (sum, offset) => sum | view(address).getBigUint64(offset) << BigInt(offset * 8),
    0n,
  );
  assertEquals(actual, expected);
});

Deno.test("a place in memory has a name, and must be in it", () => {
  const arena = new Arena(4096);
  const memory = arena.allocate(8, "line");
  assertEquals(memory.at(4).name, "line[4]");
  assertEquals(memory.at(0, "our end").name, "our end");
  assertEquals(memory.at(4).address, memory.address + 4);
  assertThrows(() => memory.at(5), RangeError, "line has 8 bytes: none at 5");
  assertThrows(() => memory.at(8), RangeError);
});

Deno.test("the machine may read 64 bits where the arena's last int is", () => {
  const page = 4096;
  const arena = new Arena(page);
  const memory: Memory = arena.allocate(page);
  const last = memory.at(page - 4).address;
  const [, end] = Deno.readTextFileSync("/proc/self/maps").split("\n")
    .map((line) => line.split(/[- ]/, 2).map((text) => parseInt(text, 16)))
    .find(([from, to]) => from <= last && last < to)!;
  assertEquals(end - last >= 8, true);
});

Deno.test("a reset takes back what came after the mark, and only that", () => {
  const arena = new Arena(4096);
  const kept = arena.allocate(8);
  kept.bytes.fill(1);
  const { mark } = arena;
  const address = arena.string("text");
  const list = ["text"];
  const strings = arena.strings(list);
  arena.reset(mark);
  assertEquals([...kept.bytes], Array(8).fill(1));
  const room = arena.allocate(64);
  assertEquals(room.address, address);
  assertEquals([...room.bytes], Array(64).fill(0));
  // what was there is not taken to be there still
  assertNotEquals(arena.string("text"), address);
  assertNotEquals(arena.strings(list), strings);
  assertEquals(view(arena.word(arena.strings(list))).getCString(), "text");
});

Deno.test("an arena that is full can be reset and filled again", () => {
  const arena = new Arena(1000);
  for (let round = 0; round < 100; round++) {
    arena.reset(0);
    for (let i = 0; i < 10; i++) assertEquals(arena.string(`${round} ${i}`) >= arena.address, true);
    assertThrows(() => arena.allocate(1000), RangeError);
  }
});

Deno.test("memory that the system does not have is an error that says how much", () => {
  assertThrows(() => new Arena(2 ** 50), Error, "no memory for 1125899906846720 bytes");
});

Deno.test("pages of an arena that nobody knows any more are given back; those in sight stay", async () => {
  const memory = new URL("../../ffi/memory.ts", import.meta.url).href;
  const script = `
    import { Arena } from "${memory}";
    const shared = () => Deno.readTextFileSync("/proc/self/maps").match(/ rw-s /g).length;
    const seen = [];
    const make = () => {
      for (let i = 0; i < 100; i++) {
        const arena = new Arena(4096);
        const piece = arena.allocate(8).bytes.fill(i);
        if (i % 10 === 0) seen.push(piece);
      }
    };
    make();
    const before = shared();
    for (let i = 0; i < 5; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(before - shared(), seen.map((piece) => piece[7]).join(" "));
  `;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--v8-flags=--expose-gc", script],
    stderr: "inherit",
  });
  const { stdout } = await command.output();
  assertEquals(new TextDecoder().decode(stdout), "90 0 10 20 30 40 50 60 70 80 90\n");
});
