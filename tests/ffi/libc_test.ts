/**
 * libc, called now: every argument arrives, and errno is the call's own whatever Deno does
 * meanwhile.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import { AF, AT, CLOCK, MFD, O, RESOLVE, SOCK, STATX } from "../../ffi/constants.ts";
import { E, SyscallError } from "../../ffi/errno.ts";
import { attempt, libc, library, offthread } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { openHow } from "../../ffi/structs.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A descriptor that is closed when it goes out of scope. */
function descriptor(fd: number): { fd: number } & Disposable {
  return { fd, [Symbol.dispose]: () => void libc.close(fd) };
}

const memory = (name: string) => descriptor(libc.memfd_create(name, MFD.CLOEXEC));

function pipe(): { from: number; to: number } & Disposable {
  const ends = new Int32Array(2);
  libc.pipe2(new Uint8Array(ends.buffer), O.CLOEXEC);
  const [from, to] = ends;
  return { from, to, [Symbol.dispose]: () => [from, to].forEach((end) => libc.close(end)) };
}

/** No process has this number: it is the largest `pid_max` that there can be, and more. */
const NOBODY = 2 ** 23;

/** Calls that fail, each with an errno of its own, made by `libc`, `attempt` or `offthread`. */
const failures: {
  [errno: string]: <T extends typeof attempt | typeof offthread>(by: T) => unknown;
} = {
  EBADF: (by) => by.close(-1),
  ECHILD: (by) => by.waitpid(NOBODY, null, 0),
  EEXIST: (by) => by.mkdir("/proc", 0o755),
  EFAULT: (by) => by.pipe2(8, 0),
  EINVAL: (by) => by.dup3(0, 0, 0),
  ELOOP: (by) => by.open("/proc/self", O.NOFOLLOW, 0),
  ENAMETOOLONG: (by) => by.access("n".repeat(5000), 0),
  ENOENT: (by) => by.chdir("/no/such/directory"),
  ENOTDIR: (by) => by.rmdir("/proc/version/x"),
  EPROTONOSUPPORT: (by) => by.socket(AF.INET, SOCK.STREAM, 250),
  ESRCH: (by) => by.kill(NOBODY, 0),
};
const failing = Object.entries(failures);

Deno.test("a failed call throws what went wrong; attempt gives it as a number", () => {
  for (const [code, call] of failing) {
    const error = assertThrows(() => call(libc), SyscallError);
    assertEquals(error.code, code);
    assertEquals(call(attempt), -E[code]);
  }
  assertEquals(libc.getpid(), Deno.pid);
  assertEquals(attempt.getpid(), Deno.pid);
});

Deno.test("errno is right in 200,000 calls between which V8 allocates", () => {
  const wrong: string[] = [];
  let kept: unknown[] = [];
  for (let i = 0; i < 200_000; i++) {
    const [code, call] = failing[i % failing.length];
    const answer = call(attempt);
    if (answer !== -E[code]) wrong.push(`${i}: ${code} was ${answer}`);
    // small objects fill the young generation, buffers come from malloc(3) and mmap(2)
    kept.push({ i, text: `${i}` }, [i], new Uint8Array(i % 512));
    if (i % 1000 === 0) kept = [new Uint8Array(1 << 20).fill(1)];
    if (i % 7 === 0 && attempt.getpid() !== Deno.pid) wrong.push(`${i}: getpid`);
  }
  assertEquals(wrong, []);
});

Deno.test("a string is a name in UTF-8, null is NULL", async () => {
  await using root = await tempRoot();
  libc.mkdir(`${root.path}/für 🥘`, 0o700);
  assertEquals([...Deno.readDirSync(root.path)].map(({ name }) => name), ["für 🥘"]);
  assertEquals(attempt.access(`${root.path}/für 🥘`, 0), 0);
  assertEquals(attempt.access(null, 0), -E.EFAULT);
});

Deno.test("a name that is not UTF-8 is passed as bytes", async () => {
  await using root = await tempRoot();
  using directory = descriptor(libc.open(root.path, O.DIRECTORY | O.CLOEXEC, 0));
  const name = Uint8Array.of(0x62, 0xff, 0xfe, 0);
  libc.mkdirat(directory.fd, name, 0o700);
  const entries = new Uint8Array(4096);
  const length = libc.getdents64(directory.fd, entries, entries.length);
  assertStringIncludes(entries.subarray(0, length).toHex(), name.toHex());
  const error = assertThrows(() => libc.mkdirat(directory.fd, name, 0o700), SyscallError);
  assertEquals(error.args, `${directory.fd}, "b\ufffd\ufffd", 0700`);
  libc.unlinkat(directory.fd, name, AT.REMOVEDIR);
  assertEquals([...Deno.readDirSync(root.path)], []);
});

Deno.test("a name with NUL is refused before anything is done", async () => {
  await using root = await tempRoot();
  assertThrows(() => libc.mkdir(`${root.path}/a\0b`, 0o700), RangeError, "cannot hold NUL");
  assertThrows(() => attempt.mkdir(`${root.path}/a\0b`, 0o700), RangeError, "cannot hold NUL");
  await assertRejects(async () => await offthread.mkdir(`${root.path}/a\0b`, 0o700), RangeError);
  assertEquals([...Deno.readDirSync(root.path)], []);
});

Deno.test("a text that has no room is refused, and the next call is none the worse", async () => {
  const long = "x".repeat(70_000);
  assertThrows(() => libc.chdir(long), RangeError, "is full");
  await assertRejects(async () => await offthread.chdir(long), RangeError, "is full");
  assertEquals(attempt.chdir("/no/such/directory"), -E.ENOENT);
  await assertRejects(() => offthread.chdir("/no/such/directory"), SyscallError, "ENOENT");
});

Deno.test("bytes are read and written where they are", () => {
  using file = memory("bytes");
  assertEquals(libc.write(file.fd, encode("one two"), 7), 7);
  const buffer = new Uint8Array(16).fill(0x2e);
  assertEquals(libc.pread(file.fd, buffer.subarray(2, 9), 5, 2), 5);
  assertEquals(decode(buffer), "..e two.........");
  // no bytes have no address
  assertEquals(libc.write(file.fd, new Uint8Array(), 0), 0);
});

Deno.test("numbers and results have 64 bits where the kernel's have", () => {
  using file = memory("sparse");
  const beyond = 2 ** 33 + 5;
  libc.ftruncate(file.fd, beyond);
  const status = new Uint8Array(256);
  libc.statx(file.fd, "", AT.EMPTY_PATH, STATX.BASIC_STATS, status);
  assertEquals(new DataView(status.buffer).getBigUint64(40, true), BigInt(beyond));
  libc.ftruncate(file.fd, 2n ** 40n);
  libc.statx(file.fd, "", AT.EMPTY_PATH, STATX.BASIC_STATS, status);
  assertEquals(new DataView(status.buffer).getBigUint64(40, true), 2n ** 40n);
  assertEquals(libc.pread(file.fd, new Uint8Array(9), 9, beyond), 9);
  const [from, to] = [new Arena(64), new Arena(64)];
  assertEquals(libc.memcpy(to.address, from.address, 8), to.address);
});

Deno.test("memory, words in it, and structs are arguments", () => {
  const arena = new Arena(4096);
  const ends = arena.allocate(8, "ends");
  libc.pipe2(ends, O.CLOEXEC);
  const [from, to] = [ends.at(0, "from"), ends.at(4, "to")];
  assertEquals(libc.write(to, encode("through"), 7), 7);
  const buffer = arena.allocate(16);
  assertEquals(libc.read(from, buffer, 16), 7);
  assertEquals(decode(buffer.bytes.subarray(0, 7)), "through");
  libc.close(from);
  libc.close(to);
  assertEquals(assertThrows(() => libc.close(to), SyscallError).args, "to");
  const how = openHow({ flags: O.RDONLY | O.CLOEXEC, resolve: RESOLVE.BENEATH });
  using directory = descriptor(libc.open("/proc", O.DIRECTORY | O.CLOEXEC, 0));
  libc.close(libc.openat2(directory.fd, "version", how, 24));
  assertEquals(attempt.openat2(directory.fd, "../etc", how, 24), -E.EXDEV);
});

Deno.test("what cannot fail is handed on as it is", () => {
  const before = libc.umask(0o27);
  assertEquals(libc.umask(before), 0o27);
  assertEquals(libc.dlopen("libno-such-library.so.9", 2), 0);
  const time = new BigInt64Array(2);
  assertEquals(libc.clock_gettime(CLOCK.MONOTONIC, new Uint8Array(time.buffer)), 0);
  assertEquals(time[0] > 0n, true);
});

Deno.test("a call off the thread waits while JavaScript goes on", async () => {
  using line = pipe();
  const buffer = new Uint8Array(8);
  let done = false;
  const reading = offthread.read(line.from, buffer, 8).finally(() => done = true);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
  assertEquals(done, false);
  libc.write(line.to, encode("now"), 3);
  assertEquals(await reading, 3);
  assertEquals(decode(buffer.subarray(0, 3)), "now");
});

Deno.test("50 calls off the thread fail at once, each with its own errno", async () => {
  for (let round = 0; round < 10; round++) {
    const calls = Array.from({ length: 50 }, (_, i) => failing[(i + round) % failing.length]);
    const errors = Promise.allSettled(calls.map(([, call]) => call(offthread) as Promise<number>));
    assertEquals(
      (await errors).map((error) => error.status === "rejected" && error.reason.code),
      calls.map(([code]) => code),
    );
  }
  const errors = await Promise.allSettled(
    Array.from({ length: 50 }, (_, i) => offthread.kill(NOBODY + i, 0)),
  );
  assertEquals(
    errors.map((error) => error.status === "rejected" && error.reason.message),
    errors.map((_, i) => `kill(${NOBODY + i}, 0): ESRCH (no such process)`),
  );
});

Deno.test("50 reads wait at once, and their small buffers stay where they are", async () => {
  const lines = Array.from({ length: 50 }, pipe);
  const buffers = lines.map((_, i) => new Uint8Array(1 + i));
  const reads = lines.map(({ from }, i) => offthread.read(from, buffers[i], 1 + i));
  let garbage: unknown[] = [];
  for (let i = 0; i < 300_000; i++) {
    garbage.push(new Uint8Array(i % 60), { i });
    if (i % 10_000 === 0) garbage = [];
  }
  for (const [i, { to }] of lines.entries()) libc.write(to, new Uint8Array(1 + i).fill(i), 1 + i);
  assertEquals(await Promise.all(reads), buffers.map(({ length }) => length));
  assertEquals(buffers, buffers.map(({ length }, i) => new Uint8Array(length).fill(i)));
  for (const line of lines) line[Symbol.dispose]();
});

Deno.test("another library is bound by a table of the same kind", () => {
  const bound = library("libc.so.6", {
    atoi: ["value", "text: string"],
    strlen: ["long", "text: string"],
  });
  assertEquals(bound.atoi("-22"), -22);
  assertEquals(bound.strlen("für"), 4);
});

Deno.test("a function that gives -errno itself fails like the others", () => {
  const bound = library("libc.so.6", { atoi: ["negated", "text: string"] });
  assertEquals(bound.atoi("22"), 22);
  const error = assertThrows(() => bound.atoi("-22"), SyscallError);
  assertEquals(error.message, 'atoi("-22"): EINVAL (invalid argument)');
});

Deno.test("a library or a function that is not there is an error with its name", () => {
  const error = assertThrows(() => library("libno-such-library.so.9", {}), SyscallError);
  assertEquals(
    error.message,
    'dlopen("libno-such-library.so.9", RTLD_NOW): ENOENT (no such file or directory)',
  );
  const bound = library("libc.so.6", { no_such_function: ["int"] });
  assertThrows(() => bound.no_such_function(), Error, "libc.so.6 has no function no_such_function");
});
