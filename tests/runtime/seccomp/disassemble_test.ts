/**
 * A compiled filter as lines that a person can read.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { encodeFilter } from "../../../runtime/seccomp/bpf.ts";
import { disassemble } from "../../../runtime/seccomp/disassemble.ts";
import { ARCH } from "./interpreter.ts";

const instruction = (code: number, k: number, jt = 0, jf = 0) => ({ code, jt, jf, k });

Deno.test("a filter reads as lines, with names where it is known what is compared", () => {
  const filter = encodeFilter([
    instruction(0x20, 4),
    instruction(0x15, ARCH.x86_64, 0, 9),
    instruction(0x20, 0),
    instruction(0x15, 59, 7, 0),
    instruction(0x35, 0x40000000, 6, 0),
    instruction(0x15, 56, 0, 4),
    instruction(0x20, 16),
    instruction(0x54, 0x7e020000),
    instruction(0x15, 0, 0, 1),
    instruction(0x06, 0x7fff0000),
    instruction(0x06, 0x00050001),
    instruction(0x06, 0x80000000),
    instruction(0x05, 1),
    instruction(0x06, 0x7ff00007),
    instruction(0xff, 0x10),
  ]);
  const names = new Map([[ARCH.x86_64, new Map([[56, "clone"], [59, "execve"]])]]);
  assertEquals(disassemble(filter, names), [
    " 0  load arch",
    " 1  arch == x86_64 ? 2 : 11",
    " 2  load nr",
    " 3  nr == 59 (execve) ? 11 : 4",
    " 4  nr >= 0x40000000 ? 11 : 5",
    " 5  nr == 56 (clone) ? 6 : 10",
    " 6  load args[0]",
    " 7  keep 0x7e020000",
    " 8  args[0] & 0x7e020000 == 0x0 ? 9 : 10",
    " 9  return ALLOW",
    "10  return ERRNO EPERM",
    "11  return KILL_PROCESS",
    "12  go to 14",
    "13  return TRACE 7",
    "14  unknown instruction 0xff",
  ]);
});

Deno.test("where two ways meet, only what both know is said", () => {
  const filter = encodeFilter([
    instruction(0x20, 4),
    instruction(0x15, ARCH.x86_64, 1, 0),
    instruction(0x20, 44),
    instruction(0x25, 7, 0, 0),
    instruction(0x06, 0),
  ]);
  assertEquals(disassemble(filter).slice(2, 4), [
    "2  load args[3] (upper half)",
    "3  ? > 0x7 ? 4 : 4",
  ]);
});
