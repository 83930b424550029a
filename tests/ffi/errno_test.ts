/**
 * errno: the table is glibc's own, and a failed call says what a person needs.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { MS } from "../../ffi/constants.ts";
import { E, errnoMeaning, errnoName, isErrno, SyscallError } from "../../ffi/errno.ts";
import { libc, library } from "../../ffi/libc.ts";
import { LARGEST_ALLOWED_ERRNO } from "../../ffi/machine.ts";

const glibc = library("libc.so.6", {
  strerror: ["pointer", "errno: number"],
  strerrorname_np: ["pointer", "errno: number"],
});

function text(address: number): string {
  if (address === 0) return "";
  return new Deno.UnsafePointerView(Deno.UnsafePointer.create(BigInt(address))!).getCString();
}

/** 4095 is the largest number that the kernel can return as an error. */
const numbers = Array.from({ length: 4095 }, (_, index) => index + 1);

Deno.test("every errno that glibc has a name for has it here, and no other", () => {
  const expected = numbers.map((errno) => text(glibc.strerrorname_np(errno)) || `errno ${errno}`);
  assertEquals(numbers.map(errnoName), expected);
  const named = Object.keys(E).length;
  assertEquals(named, expected.filter((name) => !name.startsWith("errno ")).length);
  for (const name in E) assertEquals(errnoName(E[name]), name);
});

Deno.test("every errno means what strerror(3) says, in our spelling", () => {
  for (const name in E) {
    const meaning = text(glibc.strerror(E[name]));
    assertEquals(errnoMeaning(E[name]).toLowerCase(), meaning.toLowerCase());
    // a sentence begins small; an abbreviation stays large
    const abbreviation = /^[A-Z]{2}/.test(meaning);
    assertEquals(errnoMeaning(E[name])[0], abbreviation ? meaning[0] : meaning[0].toLowerCase());
  }
  assertEquals(errnoMeaning(524), "unknown error");
});

Deno.test("every errno can be allowed in a step", () => {
  assertEquals(Math.max(...Object.values(E)) <= LARGEST_ALLOWED_ERRNO, true);
});

Deno.test("the message is the call, the errno, its meaning and the hint", () => {
  const error = new SyscallError("pivot_root", '".", "."', E.EINVAL);
  assertEquals(error.message, 'pivot_root(".", "."): EINVAL (invalid argument)');
  const { call, args, errno, code, hint, name } = error;
  assertEquals({ call, args, errno, code, hint, name }, {
    call: "pivot_root",
    args: '".", "."',
    errno: 22,
    code: "EINVAL",
    hint: undefined,
    name: "SyscallError",
  });
  const explained = error.because("the new root is not a mount point");
  assertEquals(
    explained.message,
    'pivot_root(".", "."): EINVAL (invalid argument): the new root is not a mount point',
  );
  assertEquals(explained.hint, "the new root is not a mount point");
  assertEquals([explained.call, explained.args, explained.errno], [call, args, errno]);
  assertEquals(error.hint, undefined);
});

Deno.test("a number without a name is given as a number", () => {
  const error = new SyscallError("f", "", 524);
  assertEquals(error.message, "f(): errno 524 (unknown error)");
  assertEquals(error.code, "errno 524");
});

Deno.test("a call of libc fails in the words of a person", () => {
  const error = assertThrows(
    () => libc.mount("proc", "/no/proc", "proc", MS.NOSUID | MS.NODEV | MS.NOEXEC, null),
    SyscallError,
  );
  assertEquals(
    error.message,
    'mount("proc", "/no/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL): ' +
      "ENOENT (no such file or directory)",
  );
});

Deno.test("isErrno tells one failure from another", () => {
  const error = new SyscallError("open", '"/x", O_RDONLY, 0', E.ENOENT);
  assertEquals(isErrno(error, "ENOENT"), true);
  assertEquals(isErrno(error, "EACCES", "ENOENT"), true);
  assertEquals(isErrno(error, "EACCES"), false);
  assertEquals(isErrno(error), false);
  assertEquals(isErrno(new Error("ENOENT"), "ENOENT"), false);
  assertEquals(isErrno(undefined, "ENOENT"), false);
});
