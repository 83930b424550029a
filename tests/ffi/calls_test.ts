/**
 * A call as a value: what it writes into a step of the machine.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { type AnyArgument, writeCall } from "../../ffi/calls.ts";
import { SYS } from "../../ffi/constants.ts";
import { FLAG, STEP } from "../../ffi/machine.ts";
import { Arena } from "../../ffi/memory.ts";
import type { Signature } from "../../ffi/signatures.ts";
import { rlimit } from "../../ffi/structs.ts";

const arena = new Arena(8192);

/** The words that a call leaves in a step. */
function step(signature: Signature, args: readonly AnyArgument[], place = (_: Uint8Array) => 77) {
  const { address } = arena.allocate(STEP.size);
  writeCall(arena, address, { name: "bpf", signature, address: 42 }, args, place);
  return {
    call: arena.word(address + STEP.call),
    args: [0, 1, 2, 3, 4, 5].map((index) => arena.word(address + STEP.args + index * 8)),
    flags: arena.word(address + STEP.flags),
  };
}

Deno.test("a step holds the function, its arguments, and what kind of result it has", () => {
  const six = ["int", "a: fd", "b: fd", "c: fd", "d: fd", "e: fd", "f: fd"] as const;
  assertEquals(step(six, [1, -2, 3n, 4, null, 2n ** 40n]), {
    call: 42,
    args: [1, -2, 3, 4, 0, 2 ** 40],
    flags: 0,
  });
  const flags = (result: Signature[0]) => step([result], []).flags;
  assertEquals(flags("long"), FLAG.wide);
  assertEquals(flags("pointer"), FLAG.wide | FLAG.unchecked);
  for (const kind of ["negated", "value", "void"] as const) {
    assertEquals(flags(kind), FLAG.unchecked);
  }
});

Deno.test("a system call's number goes before its arguments", () => {
  assertEquals(step(["syscall", "a: number", "b: number"], [5, 6]), {
    call: 42,
    args: [SYS.bpf, 5, 6, 0, 0, 0],
    flags: FLAG.wide,
  });
});

Deno.test("an earlier result is an address with a bit, for each argument", () => {
  const memory = arena.allocate(8, "m");
  const six = ["long", "a: fd", "b: fd", "c: fd", "d: fd", "e: fd", "f: fd"] as const;
  for (const index of [0, 1, 2, 3, 4, 5]) {
    const args: AnyArgument[] = [0, 0, 0, 0, 0, 0];
    args[index] = memory.at(4);
    const { args: words, flags } = step(six, args);
    assertEquals(
      words.map((word) => word === memory.address + 4),
      words.map((_, i) => i === index),
    );
    assertEquals(flags, FLAG.wide | 1 << index);
  }
  // of a system call the number is the first argument
  assertEquals(step(["syscall", "a: fd"], [memory.at(0)]).flags, FLAG.wide | 2);
});

Deno.test("bytes and structs are put where the one who calls will find them", () => {
  const placed: number[] = [];
  const place = (bytes: Uint8Array) => 1000 + placed.push(bytes.length);
  const signature = ["int", "a: pointer", "b: pointer", "c: pointer"] as const;
  const memory = arena.allocate(4);
  const args = [new Uint8Array(3), rlimit(1, 2), memory];
  assertEquals(step(signature, args, place).args.slice(0, 3), [1001, 1002, memory.address]);
  assertEquals(placed, [3, 16]);
});

Deno.test("strings and arrays of them are in the arena", () => {
  const { args } = step(["int", "a: string", "b: strings"], ["text", ["text", "more"]]);
  assertEquals(args[0], arena.string("text"));
  assertEquals([arena.word(args[1]), arena.word(args[1] + 8), arena.word(args[1] + 16)], [
    ...[arena.string("text"), arena.string("more"), 0],
  ]);
  assertThrows(() => step(["int", "a: string"], ["a\0b"]), RangeError, "cannot hold NUL");
});
