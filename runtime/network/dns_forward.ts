/**
 * Questions passed on to the host's name servers, as they are.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import { readHostFile } from "../host_files.ts";

const PORT = 53;
/** How long a server may take, in milliseconds, before the next one is asked. */
const PATIENCE = 2500;

/** The host's name servers, resolv.conf(5): also those on its own loopback, which it can reach. */
export function hostServers(text: string = readHostFile("/etc/resolv.conf") ?? ""): string[] {
  return text.split("\n").map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1])
    .filter((server) => server !== undefined);
}

/**
 * Asks the servers in turn.
 *
 * @returns the first answer; nothing where none has come
 */
export async function forward(
  message: Uint8Array,
  servers: readonly string[],
  over: "udp" | "tcp",
): Promise<Uint8Array | undefined> {
  for (const server of servers) {
    const answer = await (over === "udp" ? overUdp(message, server) : overTcp(message, server))
      .catch(() => undefined);
    if (answer) return answer;
  }
}

function overUdp(message: Uint8Array, server: string): Promise<Uint8Array | undefined> {
  const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
  return new Promise<Uint8Array | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), PATIENCE);
    const end = (answer?: Uint8Array) => {
      clearTimeout(timer);
      resolve(answer);
    };
    socket.on("error", () => end());
    // connected, so that the kernel takes nothing from anybody else
    socket.connect(PORT, server, () => socket.send(message));
    socket.on("message", (answer: Uint8Array) => {
      if (isAnswerTo(message, answer)) end(answer);
    });
  }).finally(() => socket.close());
}

/** Whether a message has the question's number and is an answer. */
function isAnswerTo(question: Uint8Array, answer: Uint8Array): boolean {
  return answer.length >= 12 && answer[0] === question[0] && answer[1] === question[1] &&
    (answer[2] & 0x80) !== 0;
}

async function overTcp(message: Uint8Array, hostname: string): Promise<Uint8Array | undefined> {
  const connection = await Deno.connect({ hostname, port: PORT });
  const timer = setTimeout(() => connection.close(), PATIENCE);
  try {
    await writeMessage(connection, message);
    const answer = await readMessage(connection);
    return answer && isAnswerTo(message, answer) ? answer : undefined;
  } finally {
    clearTimeout(timer);
    try {
      connection.close();
    } catch {
      // the time was up, and it is closed
    }
  }
}

/** Sends a message with its length before it, RFC 1035 4.2.2. */
export async function writeMessage(stream: Deno.Conn, message: Uint8Array): Promise<void> {
  const bytes = new Uint8Array(2 + message.length);
  new DataView(bytes.buffer).setUint16(0, message.length);
  bytes.set(message, 2);
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

/** Reads a message with its length before it; nothing where the stream ends before. */
export async function readMessage(stream: Deno.Conn): Promise<Uint8Array | undefined> {
  const head = await readExactly(stream, 2);
  if (!head) return undefined;
  return await readExactly(stream, new DataView(head.buffer).getUint16(0));
}

async function readExactly(
  stream: Deno.Conn,
  length: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    if (count === null) return undefined;
    at += count;
  }
  return bytes;
}
