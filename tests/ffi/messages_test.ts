/**
 * Messages between a parent and its child: a byte, and a descriptor with it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertNotEquals } from "@std/assert/not-equals";
import { assertRejects } from "@std/assert/rejects";
import { AF, F, MFD, SOCK } from "../../ffi/constants.ts";
import { SyscallError } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { receive, send, sendDescriptor } from "../../ffi/messages.ts";
import { Program } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";

const FD_CLOEXEC = 1;
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A pair of connected sockets; those that are still open are closed when it goes out of scope. */
function line(type: number = SOCK.STREAM): { ours: number; theirs: number } & Disposable {
  const ends = new Int32Array(2);
  libc.socketpair(AF.UNIX, type | SOCK.CLOEXEC, 0, new Uint8Array(ends.buffer));
  const [ours, theirs] = ends;
  return {
    ours,
    theirs,
    [Symbol.dispose]: () => void [ours, theirs].forEach((end) => hangUp(end)),
  };
}

function hangUp(socket: number): void {
  if (openDescriptors().has(socket)) libc.close(socket);
}

function openDescriptors(): Set<number> {
  // the directory's own descriptor is in the list, but no longer open when the list is there
  const numbers = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name));
  return new Set(numbers.filter((fd) => exists(`/proc/self/fd/${fd}`)));
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

Deno.test("a byte arrives as it was sent", async () => {
  using pair = line();
  for (const byte of ["f", "w", "\0", "\xff"]) {
    assertEquals(send(pair.theirs, byte), true);
    assertEquals(await receive(pair.ours), { byte });
    send(pair.theirs, byte);
    assertEquals(await receive(pair.ours, libc), { byte }, "waited for by this thread");
  }
});

Deno.test("bytes wait for one another: each is a message", async () => {
  using pair = line();
  for (const byte of "abc") send(pair.theirs, byte);
  for (const byte of "abc") assertEquals(await receive(pair.ours), { byte });
});

Deno.test("a forked child sends what it has opened", async () => {
  using pair = line();
  const program = new Program(new Arena(1 << 16), {}, 16);
  const pid = program.call("a child", { fork: {} }).clone3(cloneArgs(0), 88);
  const file = program.call("a file of its own", { name: "file" })
    .memfd_create("from the child", MFD.CLOEXEC);
  program.call("its content").write(file, new TextEncoder().encode("inside"), 6);
  sendDescriptor(program, "the parent gets it", pair.theirs, "t", file);
  program.walk();

  const { byte, descriptor = -1 } = await receive(pair.ours);
  libc.waitpid(pid.value, null, 0);
  assertEquals(byte, "t");
  assertEquals(Deno.readLinkSync(`/proc/self/fd/${descriptor}`), "/memfd:from the child (deleted)");
  assertEquals(libc.fcntl(descriptor, F.GETFD, 0), FD_CLOEXEC);
  const content = new Uint8Array(6);
  libc.pread(descriptor, content, 6, 0);
  assertEquals(decode(content), "inside");
  libc.close(descriptor);
  assertEquals(program.steps.map((step) => program.format(step)).slice(-1), [
    `sendmsg(${pair.theirs}, &message, 0)`,
  ]);
});

Deno.test("a socket that an earlier step makes can carry a descriptor", async () => {
  const program = new Program(new Arena(1 << 16), {}, 16);
  const ends = program.arena.allocate(8, "line");
  program.call("a line").socketpair(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0, ends);
  const file = program.call("a file").memfd_create("m", MFD.CLOEXEC);
  sendDescriptor(program, "send it", ends.at(4), "t", file);
  program.walk();
  const { byte, descriptor = -1 } = await receive(ends.at(0).value);
  assertEquals(byte, "t");
  assertNotEquals(descriptor, file.value);
  for (const fd of [descriptor, file, ends.at(0), ends.at(4)]) libc.close(fd);
});

Deno.test("a message without a descriptor has none, also after one that had", async () => {
  using pair = line();
  const program = new Program(new Arena(1 << 16), {}, 16);
  const file = program.call("a file").memfd_create("m", MFD.CLOEXEC);
  sendDescriptor(program, "send it", pair.theirs, "t", file);
  program.walk();
  send(pair.theirs, "x");
  const first = await receive(pair.ours);
  assertEquals(await receive(pair.ours), { byte: "x" });
  libc.close(first.descriptor!);
  libc.close(file.value);
});

Deno.test("of two descriptors in one message the second is not left open here", async () => {
  using pair = line();
  const fds = [libc.memfd_create("first", MFD.CLOEXEC), libc.memfd_create("second", MFD.CLOEXEC)];
  sendTwo(pair.theirs, "t", fds);
  const before = openDescriptors();
  const { byte, descriptor = -1 } = await receive(pair.ours);
  assertEquals(byte, "t");
  assertEquals(Deno.readLinkSync(`/proc/self/fd/${descriptor}`), "/memfd:first (deleted)");
  assertEquals([...openDescriptors().difference(before)], [descriptor]);
  for (const fd of [descriptor, ...fds]) libc.close(fd);
});

/** What `sendDescriptor` never does, but a process that has been taken over could: cmsg(3). */
function sendTwo(socket: number, byte: string, descriptors: number[]): void {
  const arena = new Arena(4096);
  const [payload, control, iovec, header] = [8, 24, 16, 56].map((size) => arena.allocate(size));
  payload.bytes[0] = byte.charCodeAt(0);
  arena.setWord(control.address, 16 + 4 * descriptors.length);
  new Int32Array(control.bytes.buffer, control.bytes.byteOffset).set([1, 1, ...descriptors], 2);
  for (const [i, word] of [payload.address, 1].entries()) {
    arena.setWord(iovec.address + i * 8, word);
  }
  const words = [0, 0, iovec.address, 1, control.address, 24, 0];
  for (const [i, word] of words.entries()) arena.setWord(header.address + i * 8, word);
  libc.sendmsg(socket, header, 0);
}

Deno.test("the other side's end is the end of the messages", async () => {
  using pair = line();
  send(pair.theirs, "l");
  libc.close(pair.theirs);
  assertEquals(await receive(pair.ours), { byte: "l" });
  assertEquals(await receive(pair.ours), { byte: "" });
  assertEquals(await receive(pair.ours), { byte: "" });
});

Deno.test("nobody gets what is sent to a side that has closed, and no signal comes of it", () => {
  using pair = line();
  libc.close(pair.theirs);
  assertEquals(send(pair.ours, "x"), false);
});

Deno.test("a side that went without reading what was sent is a failure", async () => {
  using pair = line();
  send(pair.ours, "x");
  libc.close(pair.theirs);
  const error = await assertRejects(() => receive(pair.ours), SyscallError);
  assertEquals(error.code, "ECONNRESET");
});

Deno.test("several sides are waited for at once", async () => {
  using one = line();
  using two = line();
  const both = [receive(one.ours), receive(two.ours)];
  send(two.theirs, "2");
  assertEquals(await both[1], { byte: "2" });
  send(one.theirs, "1");
  assertEquals(await both[0], { byte: "1" });
});

Deno.test("a child that dies is the end of its line", async () => {
  using pair = line();
  const program = new Program(new Arena(1 << 16), {}, 16);
  const pid = program.call("a child", { fork: {} }).clone3(cloneArgs(0), 88);
  program.call("one word").send(pair.theirs, new TextEncoder().encode("b"), 1, 0);
  program.walk();
  libc.close(pair.theirs);
  assertEquals(await receive(pair.ours), { byte: "b" });
  assertEquals(await receive(pair.ours), { byte: "" });
  libc.waitpid(pid.value, null, 0);
});
