/**
 * Messages over a Unix socket that carry a file descriptor: sendmsg(2) with `SCM_RIGHTS`, unix(7).
 *
 * @module
 */

import { MSG } from "./constants.ts";
import type { Calls } from "./calls.ts";
import { attempt, libc, offthread } from "./libc.ts";
import { Arena, type Memory, type Ref } from "./memory.ts";
import type { Program } from "./program.ts";

/** `struct msghdr` with one iovec and room for one descriptor, laid out in one piece of memory. */
const LAYOUT = { header: 0, iovec: 56, control: 72, payload: 96, size: 104 } as const;
/** `CMSG_LEN` of one descriptor; with cmsg(3)'s padding there would be room for a second one. */
const CONTROL_LENGTH = 20;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

function layOut(arena: Arena, name: string): Memory {
  const message = arena.allocate(LAYOUT.size, name);
  const { address } = message;
  arena.setWord(address + 16, address + LAYOUT.iovec);
  arena.setWord(address + 24, 1);
  arena.setWord(address + 32, address + LAYOUT.control);
  arena.setWord(address + 40, CONTROL_LENGTH);
  arena.setWord(address + LAYOUT.iovec, address + LAYOUT.payload);
  arena.setWord(address + LAYOUT.iovec + 8, 1);
  return message;
}

/**
 * Writes down the sending of one byte and one descriptor that an earlier step opens.
 *
 * @param why one line for the reader
 */
export function sendDescriptor(
  program: Program,
  why: string,
  socket: number | Ref,
  byte: string,
  descriptor: Ref,
): void {
  const { arena } = program;
  const message = layOut(arena, "message");
  const control = message.address + LAYOUT.control;
  arena.setWord(control, CONTROL_LENGTH);
  arena.setWord(control + 8, SOL_SOCKET + SCM_RIGHTS * 2 ** 32);
  message.bytes[LAYOUT.payload] = byte.charCodeAt(0);
  program.call("put the descriptor's number into the message").memcpy(
    control + 16,
    descriptor.address,
    4,
  );
  program.call(why).sendmsg(socket, message, 0);
}

/**
 * Writes down how a descriptor is received that {@linkcode sendDescriptor} sends.
 *
 * @param why one line for the reader
 * @returns its number in the process that receives it; 0 where the other side closed instead
 */
export function receiveDescriptor(program: Program, why: string, socket: number | Ref): Ref {
  const message = layOut(program.arena, "message");
  program.call(why).recvmsg(socket, message, MSG.CMSG_CLOEXEC);
  return message.at(LAYOUT.control + 16, "received");
}

/** What came over a socket: one byte as a character, and a descriptor if one came with it. */
export interface Received {
  /** `""` when the other side has closed */
  byte: string;
  /** the descriptor's number here; it is close-on-exec, and whoever gets it closes it */
  descriptor?: number;
}

/** Room for one message, as it was before one came. */
interface Inbox {
  arena: Arena;
  message: Memory;
  fresh: Uint8Array;
}

const spare: Inbox[] = [];

function openInbox(): Inbox {
  const arena = new Arena(LAYOUT.size);
  const message = layOut(arena, "message");
  return { arena, message, fresh: message.bytes.slice() };
}

/**
 * Waits for one message.
 *
 * @param how to wait: {@linkcode offthread} unless given, so that JavaScript goes on; with
 * {@linkcode libc} this thread itself waits, which spares a change of threads
 * @throws {SyscallError} `ECONNRESET` where the other side fell over
 */
export async function receive(
  socket: number,
  how: Calls<number> | Calls<Promise<number>> = offthread,
): Promise<Received> {
  const inbox = spare.pop() ?? openInbox();
  const { arena, message, fresh } = inbox;
  message.bytes.set(fresh);
  try {
    const count = await how.recvmsg(socket, message, MSG.CMSG_CLOEXEC);
    return count === 0 ? { byte: "" } : read(arena, message);
  } finally {
    spare.push(inbox);
  }
}

function read(arena: Arena, message: Memory): Received {
  const byte = String.fromCharCode(message.bytes[LAYOUT.payload]);
  const control = message.address + LAYOUT.control;
  const hasDescriptor = arena.word(message.address + 40) >= CONTROL_LENGTH &&
    arena.int(control + 12) === SCM_RIGHTS;
  return hasDescriptor ? { byte, descriptor: arena.int(control + 16) } : { byte };
}

/** Sends one byte; whether the other side was there to get it. */
export function send(socket: number, byte: string): boolean {
  return attempt.send(socket, new Uint8Array([byte.charCodeAt(0)]), 1, MSG.NOSIGNAL) === 1;
}

/**
 * Sends bytes, and a descriptor along with the first of them.
 *
 * @throws {SyscallError} where the other side is gone
 */
export function sendBytes(socket: number, bytes: Uint8Array, descriptor: number): void {
  const arena = new Arena(LAYOUT.size + bytes.length);
  const message = layOut(arena, "message");
  const { address } = message;
  arena.setWord(address + LAYOUT.iovec, arena.copy(bytes));
  arena.setWord(address + LAYOUT.iovec + 8, bytes.length);
  new DataView(message.bytes.buffer, message.bytes.byteOffset + LAYOUT.control)
    .setInt32(16, descriptor, true);
  arena.setWord(address + LAYOUT.control, CONTROL_LENGTH);
  arena.setWord(address + LAYOUT.control + 8, SOL_SOCKET + SCM_RIGHTS * 2 ** 32);
  const sent = libc.sendmsg(socket, message, MSG.NOSIGNAL);
  for (let rest = bytes.subarray(sent); rest.length > 0;) {
    rest = rest.subarray(libc.send(socket, rest, rest.length, MSG.NOSIGNAL));
  }
}
