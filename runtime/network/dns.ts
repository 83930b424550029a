/**
 * The name server of the networks that somebody has made: on each one's gateway address, over UDP
 * and TCP.
 *
 * It is a job of the keeper's (keeper.ts). Every question is answered from the state as it is then.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import type { Job } from "../keeper.ts";
import { answer } from "./dns_answer.ts";
import { hostServers, readMessage, writeMessage } from "./dns_forward.ts";
import { isServed } from "./names.ts";
import { isHeld, type Network, networkDirectory, readState, usedNetworks } from "./state.ts";

const PORT = 53;
/** How long after a failure an address is tried again, in milliseconds: its bridge is being made. */
const AGAIN = 10;
/** A stream on which nothing is asked for so long is closed, in milliseconds. */
const IDLE = 10_000;
/**
 * How many questions and streams one address can have open. Each takes a descriptor or two, and a
 * container that asks without end must not take those of the others' questions.
 */
const SHARE = 64;

/** The job. */
export const job: Job = {
  name: "dns",
  isNeeded: (dataRoot) => served(dataRoot).length > 0,
  run: serve,
};

/** The networks that have containers, and whose names are looked up here. */
function served(dataRoot: string): Network[] {
  const { networks, members } = readState(dataRoot);
  const held = members.filter((member) => isHeld(dataRoot, member));
  return usedNetworks({ networks, members: held }).filter(isServed);
}

async function serve(dataRoot: string, signal: AbortSignal): Promise<void> {
  const servers = new Map<string, Disposable>();
  const watcher = Deno.watchFs(networkDirectory(dataRoot), { recursive: false });
  signal.addEventListener("abort", () => watcher.close());
  try {
    adjust(dataRoot, servers);
    for await (const { paths } of watcher) {
      if (paths.some((path) => path.endsWith("/state.json"))) adjust(dataRoot, servers);
    }
  } finally {
    for (const server of servers.values()) server[Symbol.dispose]();
  }
}

/** Has a server on each address that needs one, and on no other. */
function adjust(dataRoot: string, servers: Map<string, Disposable>): void {
  const wanted = new Map(
    served(dataRoot).flatMap((network) =>
      [network.gateway, network.gateway6].filter((address) => address !== undefined)
        .map((address): [string, string] => [address, network.id])
    ),
  );
  for (const [address, server] of servers) {
    if (wanted.has(address)) continue;
    server[Symbol.dispose]();
    servers.delete(address);
  }
  for (const [address, network] of wanted) {
    if (!servers.has(address)) servers.set(address, open({ dataRoot, address, network }));
  }
}

/** A server's place. */
interface Place {
  dataRoot: string;
  address: string;
  network: string;
}

/** Opens a server, as soon as its address is there. */
function open(place: Place): Disposable {
  const open: Disposable[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  const start = ([listen, ...rest]: ((place: Place) => Promise<Disposable>)[]) => {
    listen?.(place).then((server) => {
      open.push(server);
      if (isClosed) server[Symbol.dispose]();
      else start(rest);
    }, () => {
      if (!isClosed) timer = setTimeout(() => start([listen, ...rest]), AGAIN);
    });
  };
  // whoever waits for a server tries TCP (dns_ready.ts), and then wants both
  start([listenUdp, listenTcp]);
  return {
    [Symbol.dispose]() {
      isClosed = true;
      clearTimeout(timer);
      for (const server of open) server[Symbol.dispose]();
    },
  };
}

function listenUdp(place: Place): Promise<Disposable> {
  const socket = createSocket(place.address.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", (error: Error) => {
      socket.close();
      reject(error);
    });
    socket.bind(PORT, place.address, () => {
      // an answer that could not be sent is asked for again
      socket.removeAllListeners("error").on("error", () => {});
      resolve({ [Symbol.dispose]: () => socket.close() });
    });
    socket.on("message", (message: Uint8Array, { address, port }) => {
      replyOverUdp(place, socket, message, { address, port });
    });
  });
}

async function replyOverUdp(
  place: Place,
  socket: Socket,
  message: Uint8Array,
  from: { address: string; port: number },
): Promise<void> {
  using share = takeShare(from.address);
  // a resolver asks again
  if (!share) return;
  const reply = await replyTo(place, message, from.address, "udp");
  if (reply) socket.send(reply, from.port, from.address);
}

const shares = new Map<string, number>();

/** A place for a question of an address's, until it is disposed of; nothing where all are taken. */
export function takeShare(address: string): Disposable | undefined {
  const taken = shares.get(address) ?? 0;
  if (taken === SHARE) return undefined;
  shares.set(address, taken + 1);
  return {
    [Symbol.dispose]() {
      const left = shares.get(address)! - 1;
      if (left > 0) shares.set(address, left);
      else shares.delete(address);
    },
  };
}

/** The answer from the state as it is now. */
async function replyTo(
  { dataRoot, network: id }: Place,
  message: Uint8Array,
  from: string,
  over: "udp" | "tcp",
): Promise<Uint8Array | undefined> {
  const state = readState(dataRoot);
  const network = state.networks.find((network) => network.id === id);
  return network && await answer(state, { message, from, network, over }, hostServers());
}

async function listenTcp(place: Place): Promise<Disposable> {
  const listener = Deno.listen({ hostname: place.address, port: PORT });
  const accept = async () => {
    for await (const connection of listener) converse(place, connection).catch(() => {});
  };
  accept().catch(() => {});
  return await Promise.resolve({ [Symbol.dispose]: () => listener.close() });
}

/** Answers on a stream until it ends. */
async function converse(place: Place, connection: Deno.TcpConn): Promise<void> {
  using share = takeShare(connection.remoteAddr.hostname);
  if (!share) return connection.close();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      timer = setTimeout(() => connection.close(), IDLE);
      const message = await readMessage(connection);
      clearTimeout(timer);
      if (!message) return;
      const reply = await replyTo(place, message, connection.remoteAddr.hostname, "tcp");
      if (!reply) return;
      await writeMessage(connection, reply);
    }
  } finally {
    clearTimeout(timer);
    try {
      connection.close();
    } catch {
      // it has been idle for too long, and is closed
    }
  }
}
