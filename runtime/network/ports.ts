/**
 * The host's ports that lead into a container: which ones, and whether they are free.
 *
 * @module
 */

import { AF, SOCK, SOL } from "../../ffi/constants.ts";
import { errnoName } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { parseIp, toBytes } from "./addresses.ts";
import { NetworkError, type PortRange, type PublishRequest } from "./request.ts";
import type { NetworkState, PublishedPort } from "./state.ts";

/** Where ports that nobody has chosen are taken from: the kernel's own range, ip(7). */
const ANY_PORT: PortRange = { from: 32768, to: 60999 };

const SO_REUSEADDR = 2;

/**
 * Finds a port of the host's for each of the container's.
 *
 * @param wanted what was asked for
 * @param state the other containers and services, and their ports
 * @throws {NetworkError} for a port that somebody has
 */
export function choosePorts(
  wanted: readonly PublishRequest[],
  { members, services = [] }: Pick<NetworkState, "members" | "services">,
): PublishedPort[] {
  const taken = [
    ...members.flatMap(({ id, name, ports }) =>
      ports.map((port) => ({ ...port, by: `the container ${name ?? id.slice(0, 12)} has it` }))
    ),
    ...services.flatMap(({ name, ports }) =>
      ports.map((port) => ({ ...port, by: `the service ${name} has it` }))
    ),
  ];
  const chosen: PublishedPort[] = [];
  for (const { ip, host, container, protocol } of wanted) {
    const count = container.to - container.from + 1;
    const isPairwise = host !== undefined && host.to - host.from + 1 === count;
    for (let i = 0; i < count; i++) {
      const range = isPairwise ? { from: host.from + i, to: host.from + i } : host ?? ANY_PORT;
      const port = firstFree(range, { ip, protocol }, [
        ...taken,
        ...chosen.map((port) => ({ ...port, by: "it is asked for twice" })),
      ]);
      chosen.push({ ip, host: port, container: container.from + i, protocol });
    }
  }
  return chosen;
}

type Place = Pick<PublishedPort, "ip" | "protocol">;

/** A port that is not free any more, and why. */
type Taken = PublishedPort & { by: string };

function firstFree(range: PortRange, place: Place, taken: readonly Taken[]): number {
  let reason = "";
  for (let port = range.from; port <= range.to; port++) {
    const problem = taken.find((other) => collide({ ...place, host: port }, other))?.by ??
      bindProblem({ ...place, host: port });
    if (problem === undefined) return port;
    reason ||= problem;
  }
  const { from, to } = range;
  const ports = from === to ? `port ${from}` : `each of the ports ${from} to ${to}`;
  const where = place.ip === undefined ? "" : ` of ${place.ip}`;
  throw new NetworkError(
    `${ports}/${place.protocol}${where} of this host is taken: ${reason}`,
  );
}

/** Whether two published ports are the same to somebody. */
export function collide(
  a: Pick<PublishedPort, "ip" | "host" | "protocol">,
  b: Pick<PublishedPort, "ip" | "host" | "protocol">,
): boolean {
  if (a.host !== b.host || a.protocol !== b.protocol) return false;
  const covers = (one?: string, other?: string) =>
    one === undefined || one === other ||
    other !== undefined && isAny(one) && parseIp(one)!.version === parseIp(other)!.version;
  return covers(a.ip, b.ip) || covers(b.ip, a.ip);
}

function isAny(ip: string): boolean {
  return parseIp(ip)!.value === 0n;
}

/** Why a program could not listen there; `undefined` where one could. */
function bindProblem(
  { ip, host, protocol }: Pick<PublishedPort, "ip" | "host" | "protocol">,
): string | undefined {
  if (ip === undefined) {
    return bindProblem({ ip: "0.0.0.0", host, protocol }) ??
      bindProblem({ ip: "::", host, protocol });
  }
  const address = parseIp(ip)!;
  const family = address.version === 4 ? AF.INET : AF.INET6;
  const type = (protocol === "tcp" ? SOCK.STREAM : SOCK.DGRAM) | SOCK.CLOEXEC;
  const socket = attempt.socket(family, type, 0);
  // a host without IPv6 has no port to be taken
  if (socket < 0) return undefined;
  try {
    const yes = new Uint8Array(new Uint32Array([1]).buffer);
    // connections that have ended a moment ago keep nobody from listening: TIME_WAIT
    if (protocol === "tcp") attempt.setsockopt(socket, SOL.SOCKET, SO_REUSEADDR, yes, 4);
    if (address.version === 6) attempt.setsockopt(socket, SOL_IPV6, IPV6_V6ONLY, yes, 4);
    const name = socketAddress(family, toBytes(address), host);
    const result = attempt.bind(socket, name, name.length);
    if (result === 0) return undefined;
    const code = errnoName(-result);
    if (code === "EADDRINUSE") return "a program listens on it, ss -lnp tells which";
    return code === "EADDRNOTAVAIL" ? "the address is not this host's" : code;
  } finally {
    attempt.close(socket);
  }
}

const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** `struct sockaddr_in` or `sockaddr_in6`, ip(7), ipv6(7). */
function socketAddress(family: number, address: Uint8Array, port: number): Uint8Array<ArrayBuffer> {
  const isVersion6 = address.length === 16;
  const bytes = new Uint8Array(isVersion6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  bytes.set(address, isVersion6 ? 8 : 4);
  return bytes;
}

/** The ports that an image's EXPOSE and `--expose` name: `80`, `80/tcp`, `8000-8010/udp`. */
export function exposedPorts(words: readonly string[]): PublishRequest[] {
  return words.flatMap((word) => {
    const [, from, to = from, protocol = "tcp"] = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp))?$/.exec(word) ??
      [];
    if (from === undefined) return [];
    return [{
      container: { from: Number(from), to: Number(to) },
      protocol: protocol as "tcp" | "udp",
    }];
  });
}
