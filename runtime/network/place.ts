/**
 * A container's place in its networks: which addresses and which ports of the host's it gets.
 *
 * It is worked out twice: before anything is touched, so that the start can be shown, and once more
 * under the lock if somebody was quicker.
 *
 * @module
 */

import { formatMac } from "../../ffi/rtnetlink.ts";
import { later } from "../later.ts";
import { identify } from "../processes.ts";
import { contains, freeAddress, macFor, parseIp, parseSubnet } from "./addresses.ts";
import { DEFAULT_NETWORK, hostNames, portName } from "./names.ts";
import { NetworkError, type NetworkRequest, type NetworkUse } from "./request.ts";
import type { Endpoint, Member, Network, NetworkState } from "./state.ts";

/** For whom a place is looked for. */
export interface Who {
  /** where the networks are kept */
  dataRoot: string;
  /** the container's id */
  id: string;
  /** its name */
  name?: string;
  /** the ports that its image exposes */
  exposed?: readonly string[];
  /** whether it is asked how it is, and gets no work before it is well */
  hasHealthCheck?: boolean;
}

/** A place, and the networks that it is in: the default one may be new. */
export interface Place {
  /** the container, as it will stand in the state */
  member: Member;
  /** its networks, in the order of its endpoints */
  networks: Network[];
}

/**
 * Finds a place for a container.
 *
 * @throws {NetworkError} for a network that is not there, and for an address or a port that is taken
 */
export async function findPlace(
  state: NetworkState,
  request: NetworkRequest,
  who: Who,
): Promise<Place> {
  const uses = request.networks ?? [{ name: DEFAULT_NETWORK }];
  const networks = await Promise.all(uses.map(({ name }) => networkOf(state, who.dataRoot, name)));
  const twice = networks.find((network, i) => networks.indexOf(network) < i);
  if (twice) throw new NetworkError(`the network ${twice.name} is named twice`);
  const endpoints = uses.map((use, i) => findEndpoint(state, networks[i], use, who, i));
  return {
    member: {
      id: who.id,
      name: who.name,
      owner: identify("self")!,
      endpoints,
      ports: await findPorts(state, request, who, networks),
      dns: request.dns,
      service: request.service,
      isUnready: who.hasHealthCheck || undefined,
    },
    networks,
  };
}

async function networkOf(state: NetworkState, dataRoot: string, word: string): Promise<Network> {
  const known = state.networks.find(({ name }) => name === word);
  if (known) return known;
  const { findNetwork } = await later<typeof import("./networks.ts")>(
    import.meta,
    "./networks.ts",
  );
  return findNetwork(state, dataRoot, word);
}

/** A container's place in one network. */
export function findEndpoint(
  { members }: NetworkState,
  network: Network,
  use: NetworkUse,
  { dataRoot, id }: Who,
  index: number,
): Endpoint {
  const neighbours = members.flatMap(({ endpoints }) => endpoints)
    .filter((endpoint) => endpoint.network === network.id);
  const address = addressFor(network, use.address, [
    network.gateway,
    ...neighbours.map(({ address }) => address),
  ]);
  return {
    network: network.id,
    device: `eth${index}`,
    port: portName(hostNames(dataRoot), id, index),
    address,
    address6: network.subnet6 && addressFor(
      { name: network.name, subnet: network.subnet6 },
      use.address6,
      [network.gateway6!, ...neighbours.map(({ address6 }) => address6!)],
    ),
    mac: use.mac ?? formatMac(macFor(address)),
    aliases: use.aliases ?? [],
  };
}

function addressFor(
  { name, subnet, range }: Pick<Network, "name" | "subnet" | "range">,
  wanted: string | undefined,
  taken: readonly string[],
): string {
  const all = parseSubnet(subnet)!;
  if (wanted === undefined) {
    const free = freeAddress(all, new Set(taken), range ? parseSubnet(range) : undefined);
    if (free !== undefined) return free;
    throw new NetworkError(`the network ${name} has no address left in ${range ?? subnet}`);
  }
  const ip = parseIp(wanted);
  if (!ip || !contains(all, ip)) {
    throw new NetworkError(`${wanted} is not in the subnet ${subnet} of the network ${name}`);
  }
  if (!taken.includes(wanted)) return wanted;
  throw new NetworkError(`${wanted} is taken in the network ${name}`);
}

async function findPorts(
  state: NetworkState,
  { publish = [], publishAll, expose = [] }: NetworkRequest,
  { exposed = [] }: Who,
  networks: readonly Network[],
): Promise<Member["ports"]> {
  if (publish.length === 0 && !publishAll) return [];
  const { choosePorts, exposedPorts } = await later<typeof import("./ports.ts")>(
    import.meta,
    "./ports.ts",
  );
  if (networks.every(({ internal }) => internal)) {
    throw new NetworkError("-p: the container's network is internal: nothing outside can reach it");
  }
  const more = publishAll ? exposedPorts([...new Set([...exposed, ...expose])]) : [];
  return choosePorts([...publish, ...more], state);
}

/** Whether a place that was found earlier is still nobody else's. */
export function isFree(
  { networks, members, services = [] }: NetworkState,
  place: Place,
): boolean {
  const areThere = place.networks.every((network) => {
    const known = networks.find(({ name }) => name === network.name);
    return known ? known.id === network.id && known.subnet === network.subnet : true;
  });
  if (!areThere) return false;
  const others = members.filter(({ id }) => id !== place.member.id);
  const taken = new Set(
    others.flatMap(({ endpoints }) => endpoints).flatMap(({ network, address, address6, port }) => [
      `${network} ${address}`,
      `${network} ${address6}`,
      port,
    ]),
  );
  const ports = new Set(
    [...others, ...services].flatMap(({ ports }) => ports.map(({ host }) => host)),
  );
  return place.member.endpoints.every(({ network, address, address6, port }) =>
    !taken.has(`${network} ${address}`) && !(address6 && taken.has(`${network} ${address6}`)) &&
    !taken.has(port)
  ) && place.member.ports.every(({ host }) => !ports.has(host));
}
