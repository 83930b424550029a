/**
 * Calls that are newer than a profile are answered with ENOSYS.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { encodeFilter } from "../../../runtime/seccomp/bpf.ts";
import { enosysStub } from "../../../runtime/seccomp/enosys.ts";
import { answer, ARCH } from "./interpreter.ts";

/** A stub and, as the filter behind it, one instruction that allows everything. */
function withStub(numbers: [arch: number, numbers: number[]][]): Uint8Array {
  const allow = { code: 0x06, jt: 0, jf: 0, k: 0x7fff0000 };
  return encodeFilter([...enosysStub(new Map(numbers)), allow]);
}

Deno.test("a number above the largest that is named is ENOSYS, others go to the filter", () => {
  const filter = withStub([[ARCH.aarch64, [63, 221, 40]], [ARCH.i386, [3]]]);
  assertEquals(answer(filter, { arch: ARCH.aarch64, nr: 0 }), "allow");
  assertEquals(answer(filter, { arch: ARCH.aarch64, nr: 221 }), "allow");
  assertEquals(answer(filter, { arch: ARCH.aarch64, nr: 222 }), "errno 38");
  assertEquals(answer(filter, { arch: ARCH.i386, nr: 3 }), "allow");
  assertEquals(answer(filter, { arch: ARCH.i386, nr: 4 }), "errno 38");
  assertEquals(answer(filter, { arch: ARCH.riscv64, nr: 9999 }), "allow");
});

Deno.test("x32's numbers have a largest of their own, and without x32 none", () => {
  const x32 = 0x40000000;
  const both = withStub([[ARCH.x86_64, [450, x32 + 520]]]);
  assertEquals(answer(both, { arch: ARCH.x86_64, nr: 450 }), "allow");
  assertEquals(answer(both, { arch: ARCH.x86_64, nr: 451 }), "errno 38");
  assertEquals(answer(both, { arch: ARCH.x86_64, nr: x32 + 520 }), "allow");
  assertEquals(answer(both, { arch: ARCH.x86_64, nr: x32 + 521 }), "errno 38");
  // the filter kills it; ENOSYS would let a program go on asking
  const plain = withStub([[ARCH.x86_64, [450]]]);
  assertEquals(answer(plain, { arch: ARCH.x86_64, nr: x32 + 521 }), "allow");
});

Deno.test("32-bit ARM's own calls do not make every other number look old", () => {
  const filter = withStub([[ARCH.arm, [3, 450, 0xf0005]]]);
  assertEquals(answer(filter, { arch: ARCH.arm, nr: 451 }), "errno 38");
  assertEquals(answer(filter, { arch: ARCH.arm, nr: 0xf0005 }), "allow");
  assertEquals(answer(filter, { arch: ARCH.arm, nr: 0xf0006 }), "errno 38");
});

Deno.test("an architecture of which nothing is named has nothing newer", () => {
  const filter = withStub([[ARCH.i386, []]]);
  assertEquals(answer(filter, { arch: ARCH.i386, nr: 9999 }), "allow");
});
