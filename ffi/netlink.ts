/**
 * Netlink: asking the kernel's network code for something, in messages over a socket, netlink(7).
 *
 * A request is a header, a struct of the subject's own, and attributes: numbers and values behind
 * one another, which may hold attributes themselves. The kernel answers with an acknowledgement:
 * 0, or a negative errno, and where it is kind, a sentence that says what it did not like.
 *
 * Requests are written down as calls of a program, so that a child that runs no JavaScript can
 * make them. {@linkcode refusalOf} turns a refused one into an error that a person can read.
 *
 * @module
 */

import { AF, MSG, SOCK, SOL } from "./constants.ts";
import { SyscallError } from "./errno.ts";
import { libc } from "./libc.ts";
import type { Memory, Ref, Struct } from "./memory.ts";
import type { Program, Step } from "./program.ts";
import { concatenate } from "./structs.ts";

/** Whom a netlink socket speaks with, netlink(7). */
export const PROTOCOL = { ROUTE: 0, NETFILTER: 12 } as const;

/** Flags in a request's header. */
export const NLM_F = { REQUEST: 1, ACK: 4, EXCL: 0x200, CREATE: 0x400 } as const;

const NLMSG_ERROR = 2;
const HEADER_SIZE = 16;
/** Where the errno is in an answer: behind the header. */
const ERROR = HEADER_SIZE;
/** Where the attributes of an answer are: behind the errno and the request's header. */
const ERROR_ATTRIBUTES = ERROR + 4 + HEADER_SIZE;
const NLMSGERR_ATTR_MSG = 1;
/** Room for one answer. Without the request's own text, which is not wanted back, it is short. */
const ANSWER_SIZE = 512;

const OPTIONS = { CAP_ACK: 10, EXT_ACK: 11 } as const;

/** An attribute: its number, and a value or further attributes. Numbers are of 32 bits. */
export type Attribute = readonly [
  type: number,
  value: number | string | Uint8Array | readonly Attribute[],
];

/** A request, ready to be sent. */
export interface Request extends Struct {
  /** where its {@linkcode RequestParts.body} begins, for a number that a program has to fill in */
  body: number;
}

/** What a request is made of. */
export interface RequestParts {
  /** what is asked for: RTM_NEWLINK and its like */
  type: number;
  /** flags beside NLM_F_REQUEST and NLM_F_ACK */
  flags?: number;
  /** the struct that the subject wants first, a multiple of 4 long */
  body: Uint8Array;
  /** what follows it */
  attributes?: readonly Attribute[];
  /** the whole as a person would write it */
  text: string;
}

/** Lays out a request. */
export function request({ type, flags = 0, body, attributes = [], text }: RequestParts): Request {
  const bytes = concatenate([new Uint8Array(HEADER_SIZE), body, packed(attributes)]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F.REQUEST | NLM_F.ACK | flags, true);
  return { bytes, text, body: HEADER_SIZE };
}

/** Attributes behind one another. */
export function packed(attributes: readonly Attribute[]): Uint8Array<ArrayBuffer> {
  return concatenate(attributes.map(attribute));
}

/** `struct nlattr`: length and number, the value, and zeroes up to a multiple of 4. */
function attribute([type, value]: Attribute): Uint8Array {
  const payload = payloadOf(value);
  const bytes = new Uint8Array(4 + align(payload.length));
  new Uint16Array(bytes.buffer).set([4 + payload.length, type]);
  bytes.set(payload, 4);
  return bytes;
}

function payloadOf(value: Attribute[1]): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "number") return new Uint8Array(new Uint32Array([value]).buffer);
  if (typeof value === "string") return new TextEncoder().encode(`${value}\0`);
  return packed(value);
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/** Opens a netlink socket. @returns its descriptor */
export function openNetlink(program: Program, protocol: number, why: string): Ref {
  const socket = program.call(why, { name: "netlink" })
    .socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, protocol);
  const yes = { bytes: new Uint8Array(new Uint32Array([1]).buffer), text: "{1}" };
  program.call("an answer need not repeat the question…")
    .setsockopt(socket, SOL.NETLINK, OPTIONS.CAP_ACK, yes, 4);
  program.call("…but may say in words what was wrong with it")
    .setsockopt(socket, SOL.NETLINK, OPTIONS.EXT_ACK, yes, 4);
  return socket;
}

/** The requests of all programs, by the step that fails where the kernel refuses. */
const asked = new WeakMap<Step, { question: Request; answer: Memory }>();

/**
 * Writes down a request and the look at its answer: the program fails where the kernel refuses.
 *
 * @param why one line for the reader
 * @param index an interface's number that an earlier step found out, and its place in the body
 */
export function ask(
  program: Program,
  socket: Ref,
  question: Request,
  why: string,
  index?: { from: Ref; at: number },
): void {
  const { arena } = program;
  const { length } = question.bytes;
  const message = arena.allocate(length, "message");
  message.bytes.set(question.bytes);
  message.text = question.text;
  if (index) {
    const place = message.address + question.body + index.at;
    program.call("the interface's number goes into the message")
      .memcpy(place, index.from.address, 4);
  }
  program.call(why).send(socket, message, length, MSG.NOSIGNAL);
  const answer = arena.allocate(ANSWER_SIZE, "answer");
  program.call("the kernel acknowledges, or says what was wrong")
    .recv(socket, answer, ANSWER_SIZE, 0);
  // a walk stops only where a call fails; raise(3) does nothing for 0, and refuses what is below
  program.call("0: it is done. A negative errno is no signal, and stops the walk here")
    .raise(answer.at(ERROR, "answer.error"));
  asked.set(program.steps.at(-1)!, { question, answer });
}

/** A request that the kernel refused. */
export class NetlinkError extends SyscallError {
  /** the class's name, for messages */
  override name = "NetlinkError";
}

/** What the kernel said to a request, if it is one that failed at this step. */
export function refusalOf(step: Step): NetlinkError | undefined {
  const exchange = asked.get(step);
  if (!exchange) return undefined;
  const { question, answer: { bytes } } = exchange;
  const [type, parts] = splitText(question.text);
  const { errno, reason } = readAnswer(bytes);
  return new NetlinkError(type, parts, errno, reason);
}

/** `RTM_NEWLINK {name=lo}` as the name of a call and its argument. */
function splitText(text: string): [string, string] {
  const space = text.indexOf(" ");
  return [text.slice(0, space), text.slice(space + 1)];
}

/** An answer: what the kernel says of a request, or something else that it sent. */
export interface Answer {
  /** 0 for an acknowledgement */
  errno: number;
  /** the kernel's own words, where it has any */
  reason?: string;
}

/** Reads an answer. One that is neither acknowledgement nor refusal brings what was asked for. */
export function readAnswer(bytes: Uint8Array<ArrayBuffer>): Answer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(4, true) !== NLMSG_ERROR) return { errno: 0 };
  const errno = -view.getInt32(ERROR, true);
  const end = Math.min(view.getUint32(0, true), bytes.length);
  for (let at = ERROR_ATTRIBUTES; at + 4 <= end;) {
    const length = view.getUint16(at, true);
    if (length < 4) break;
    if (view.getUint16(at + 2, true) === NLMSGERR_ATTR_MSG) {
      return { errno, reason: new TextDecoder().decode(bytes.slice(at + 4, at + length - 1)) };
    }
    at += align(length);
  }
  return { errno };
}

/** Asks the kernel something at once, for which one answer is enough. */
export function inquire(protocol: number, question: Request): Answer {
  const socket = libc.socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, protocol);
  try {
    libc.send(socket, question.bytes, question.bytes.length, MSG.NOSIGNAL);
    const bytes = new Uint8Array(ANSWER_SIZE);
    libc.recv(socket, bytes, bytes.length, 0);
    return readAnswer(bytes);
  } finally {
    libc.close(socket);
  }
}
