/**
 * Decompression: what ends well, what was cut or damaged, and what never ends.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertThrows } from "@std/assert/throws";
import zlib from "node:zlib";
import { concatenate } from "../../../ffi/structs.ts";
import { compressionOf, DecompressError } from "../../../runtime/images/compression.ts";
import { decompress, type DecompressOptions } from "../../../runtime/images/decompress.ts";
import { bytes } from "./tarballs.ts";

/** Not compressible, so that a compressed half is half of it; and zeros, which become RLE blocks. */
const noise = new Uint8Array(300_000).map((_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff);
const data = concatenate([noise, new Uint8Array(500_000)]);
const gzip = (input: Uint8Array): Uint8Array => zlib.gzipSync(input);
const zstd = (input: Uint8Array, params = {}): Uint8Array =>
  zlib.zstdCompressSync(input, { params });
const CHECKSUM = { [zlib.constants.ZSTD_c_checksumFlag]: 1 };
/** A skippable frame of three bytes, RFC 8878, section 3.1.2. */
const NOTE = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);

function* pieces(whole: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < whole.length; at += length) yield whole.subarray(at, at + length);
}

async function all(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options?: DecompressOptions,
): Promise<Uint8Array> {
  return concatenate(await Array.fromAsync(decompress(source, options)));
}

Deno.test("gzip, zstd and nothing are told apart by their bytes", async () => {
  assertEquals(compressionOf(gzip(data)), "gzip");
  assertEquals(compressionOf(zstd(data)), "zstd");
  assertEquals(compressionOf(NOTE), "zstd");
  assertEquals(compressionOf(bytes("etc/")), "none");
  assertEquals(compressionOf(new Uint8Array()), "none");
  assertThrows(() => compressionOf(bytes("BZh91AY")), DecompressError, "bunzip2");
  const xz = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a);
  assertThrows(() => compressionOf(xz), DecompressError, "unxz");
  assertEquals(await all([]), new Uint8Array());
});

Deno.test("every kind comes out whole, from chunks of any size", async () => {
  const streams: [Uint8Array, Uint8Array][] = [
    [data, data],
    [gzip(data), data],
    [concatenate([gzip(noise), gzip(bytes("tail"))]), concatenate([noise, bytes("tail")])],
    [concatenate([gzip(noise), new Uint8Array(600)]), noise],
    [zstd(data), data],
    [zstd(data, CHECKSUM), data],
    [zstd(new Uint8Array()), new Uint8Array()],
    [
      concatenate([NOTE, zstd(noise), NOTE, zstd(bytes("tail"), CHECKSUM), NOTE]),
      concatenate([
        noise,
        bytes("tail"),
      ]),
    ],
  ];
  for (const [stream, wanted] of streams) {
    for (const length of [stream.length || 1, 65_536, 1009]) {
      assertEquals((await all(pieces(stream, length))).length, wanted.length);
      assertEquals(await all(pieces(stream, length)) + "", wanted + "");
    }
  }
  assertEquals(
    await all(pieces(zstd(noise.subarray(0, 3000)), 1)) + "",
    noise.subarray(0, 3000) + "",
  );
});

Deno.test("what is cut short is refused, wherever", async () => {
  const small = noise.subarray(0, 2000);
  const streams = [
    gzip(small),
    zstd(small, CHECKSUM),
    concatenate([zstd(small), NOTE]),
    concatenate([zstd(small), zstd(small)]),
  ];
  const ends = new Set(streams.map((stream) => stream.length));
  ends.add(zstd(small).length);
  for (const stream of streams) {
    for (let length = 5; length < stream.length; length += 7) {
      if (ends.has(length)) continue;
      await assertRejects(() => all([stream.subarray(0, length)]), DecompressError, "cut short");
    }
  }
});

Deno.test("damage is refused", async () => {
  const broken = (stream: Uint8Array, at: number) => {
    const copy = stream.slice();
    copy[at < 0 ? copy.length + at : at] ^= 0x55;
    return all([copy]);
  };
  await assertRejects(() => broken(gzip(data), -6), DecompressError, "gzip data is damaged");
  await assertRejects(() => broken(gzip(data), 2), DecompressError, "gzip data is damaged");
  await assertRejects(() => broken(zstd(data, CHECKSUM), -1), DecompressError, "zstd data");
  await assertRejects(() => broken(zstd(data), 4), DecompressError);
  const junk = [zstd(noise), bytes("junk")];
  await assertRejects(() => all(junk), DecompressError, "between two frames");
  const reserved = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 0x07, 0, 0);
  await assertRejects(() => all([reserved]), DecompressError, "no known type");
});

Deno.test("a bomb goes off no further than the limit", async () => {
  const zeros = new Uint8Array(50_000_000);
  for (const bomb of [gzip(zeros), zstd(zeros), zeros]) {
    let most = 0;
    const counted = async () => {
      for await (const piece of decompress([bomb], { maxBytes: 1_000_000 })) most += piece.length;
    };
    await assertRejects(counted, DecompressError, "more than 1000000 bytes");
    assertEquals(most <= 1_000_000, true);
  }
});

Deno.test("the source's error stays its own, and a source nobody reads on is closed", async () => {
  for (const stream of [gzip(data), zstd(data), data]) {
    class CableCut extends Error {}
    const failing = async function* () {
      yield stream.subarray(0, 5000);
      await Promise.resolve();
      throw new CableCut("cable");
    };
    await assertRejects(() => all(failing()), CableCut, "cable");

    let closed = false;
    const endless = async function* () {
      try {
        for (;;) yield* pieces(stream, 10_000);
      } finally {
        await Promise.resolve();
        closed = true;
      }
    };
    for await (const _ of decompress(endless())) break;
    // A Node stream lets go of its source on the next turns of the event loop.
    for (let i = 0; i < 50 && !closed; i++) await new Promise((done) => setTimeout(done, 10));
    assertEquals(closed, true);
  }
});
