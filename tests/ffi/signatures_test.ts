/**
 * The table of signatures: every function is in this libc, and every argument can be passed.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import * as constants from "../../ffi/constants.ts";
import { libcAddress } from "../../ffi/libc.ts";
import { functionAddress } from "../../ffi/native.ts";
import { type Signature, signatures } from "../../ffi/signatures.ts";

const table = Object.entries(signatures) as [keyof typeof signatures, Signature][];
const systemCalls = table.filter(([, [result]]) => result === "syscall").map(([name]) => name);

Deno.test("every function is in this system's libc", () => {
  for (const [name] of table) assertEquals(libcAddress(name) > 0, true, name);
  assertThrows(
    () => functionAddress("no_such_function"),
    Error,
    "has no function no_such_function",
  );
});

Deno.test("every function is loaded where its code can be run", () => {
  const code = Deno.readTextFileSync("/proc/self/maps").split("\n")
    .filter((line) => / r-xp /.test(line))
    .map((line) => line.split(/[- ]/, 2).map((text) => parseInt(text, 16)));
  const elsewhere = table.map(([name]) => name).filter((name) =>
    !code.some(([from, to]) => from <= libcAddress(name) && libcAddress(name) < to)
  );
  assertEquals(elsewhere, []);
});

Deno.test("every system call has a number, and every number a system call", () => {
  assertEquals(systemCalls.toSorted(), Object.keys(constants.SYS).sort() as typeof systemCalls);
  for (const name of systemCalls) assertEquals(libcAddress(name), functionAddress("syscall"));
});

Deno.test("the machine passes six arguments: five to a system call, whose number is the first", () => {
  const tooMany = table.filter(([, [result, ...args]]) =>
    args.length > (result === "syscall" ? 5 : 6)
  );
  assertEquals(tooMany, []);
});

Deno.test("every argument has a name of its own and a kind that is known", () => {
  const families: Record<string, unknown> = constants;
  const kinds = [
    "string",
    "strings",
    "pointer",
    "fd",
    "number",
    "mode",
    "open",
    "clone",
    "device",
    "address",
  ];
  for (const [name, [, ...args]] of table) {
    const names = args.map((argument) => argument.split(": ")[0]);
    assertEquals(new Set(names).size, names.length, name);
    for (const kind of args.map((argument) => argument.split(": ")[1])) {
      const known = kind.endsWith("|")
        ? kind.slice(0, -1).split("|").every((family) => family in families)
        : kinds.includes(kind) || kind in families || (name === "prctl" && /^arg[23]$/.test(kind));
      assertEquals(known, true, `${name}: ${kind}`);
    }
  }
});

Deno.test("nothing that a forked child must not call is in the table", () => {
  // glibc's own wrappers of these signal every thread, and wait for threads that the child lacks
  const unsafe = ["setuid", "setgid", "seteuid", "setegid", "setreuid", "setregid", "initgroups"];
  assertEquals(unsafe.filter((name) => name in signatures), []);
  for (const name of ["setresuid", "setresgid", "setgroups"] as const) {
    assertEquals(signatures[name][0], "syscall");
  }
});
