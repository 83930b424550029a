/**
 * Networks made and found.
 *
 * @module
 */

import {
  addressAt,
  contains,
  formatIp,
  formatSubnet,
  overlap,
  parseIp,
  parseSubnet,
  type Subnet,
} from "./addresses.ts";
import { hasIpv6, routes } from "./host.ts";
import { DEFAULT_NETWORK, defaultId, hostNames } from "./names.ts";
import { NetworkError, NoSuchNetworkError } from "./request.ts";
import type { Network, NetworkState } from "./state.ts";

/** What can be said of a network that is made. */
export interface NewNetwork {
  /** its name */
  name: string;
  /** its IPv4 subnet; unless given, one that the host has no route to */
  subnet?: string;
  /** its IPv6 subnet; unless given, a random one that is nobody's, RFC 4193 */
  subnet6?: string;
  /** the host's address in it; unless given, the first one */
  gateway?: string;
  /** the host's IPv6 address in it; unless given, the first one */
  gateway6?: string;
  /** the part of the subnet that containers get addresses from */
  range?: string;
  /** false: no IPv6 */
  ipv6?: boolean;
  /** whether there is no way out */
  internal?: boolean;
  /** the largest packet, in bytes */
  mtu?: number;
  /** the bridge's name; unless given, one made from the id */
  bridge?: string;
  /** its id; unless given, a random one */
  id?: string;
  /** free text by key */
  labels?: Record<string, string>;
}

/**
 * Works out a network; it is not kept yet.
 *
 * @throws {NetworkError} for a name or a subnet that is taken, or what does not go together
 */
export function newNetwork(state: NetworkState, wanted: NewNetwork): Network {
  const { name, internal, mtu, range, labels = {} } = wanted;
  if (state.networks.some((network) => network.name === name)) {
    throw new NetworkError(`there is a network ${name} already`);
  }
  const { id = crypto.getRandomValues(new Uint8Array(32)).toHex() } = wanted;
  const bridge = wanted.bridge ?? `tiffin-${id.slice(0, 8)}`;
  const subnet = wanted.subnet === undefined
    ? chooseSubnet(state, name === DEFAULT_NETWORK)
    : checkedSubnet(state, wanted.subnet, bridge);
  const isVersion6 = wanted.ipv6 ?? (wanted.subnet6 !== undefined || hasIpv6());
  const subnet6 = isVersion6
    ? wanted.subnet6 === undefined ? randomSubnet6() : checkedSubnet(state, wanted.subnet6, bridge)
    : undefined;
  if (range !== undefined) inside(subnet, parseSubnet(range)?.base, `the range ${range}`);
  return {
    id,
    name,
    bridge,
    subnet: formatSubnet(subnet),
    gateway: gatewayOf(subnet, wanted.gateway),
    range,
    subnet6: subnet6 && formatSubnet(subnet6),
    gateway6: subnet6 && gatewayOf(subnet6, wanted.gateway6),
    isChosen: wanted.subnet === undefined,
    internal,
    mtu,
    labels,
    created: new Date().toISOString(),
  };
}

function gatewayOf(subnet: Subnet, given: string | undefined): string {
  if (given === undefined) return formatIp(addressAt(subnet, 1n));
  return inside(subnet, parseIp(given)?.value, `the gateway ${given}`, given);
}

function inside(subnet: Subnet, value: bigint | undefined, what: string, text = ""): string {
  if (value !== undefined && contains(subnet, { version: subnet.version, value })) return text;
  throw new NetworkError(`${what} is not in the subnet ${formatSubnet(subnet)}`);
}

/** A subnet that was asked for. */
function checkedSubnet({ networks }: NetworkState, text: string, bridge: string): Subnet {
  const subnet = parseSubnet(text);
  if (!subnet) throw new NetworkError(`${text} is not a subnet, as 10.90.0.0/24`);
  const size = subnet.version === 4 ? 30 : 126;
  if (subnet.length > size) throw new NetworkError(`${text} has no room for a container`);
  const other = networks.find((network) =>
    [network.subnet, network.subnet6].some((known) => known && overlap(subnet, parseSubnet(known)!))
  );
  if (other) throw new NetworkError(`${text} overlaps the subnet of the network ${other.name}`);
  const route = routes().find((route) => route.device !== bridge && overlap(route.subnet, subnet));
  if (!route) return subnet;
  throw new NetworkError(
    `${text} overlaps ${formatSubnet(route.subnet)}, to which this host has a route by ` +
      `${route.device}: choose another with --subnet`,
  );
}

/** Subnets for the default network, and the one that others' are taken from, 24 bits each. */
const DEFAULT_SUBNETS = ["10.77.0.0/16", "10.117.0.0/16", "172.29.0.0/16", "192.168.177.0/24"];
const POOLS = ["10.78.0.0/16", "10.118.0.0/16", "172.30.0.0/16"];

/** The first subnet that neither another network nor a route of the host's has. */
function chooseSubnet({ networks }: NetworkState, isDefault: boolean): Subnet {
  const known = [
    ...networks.map(({ subnet }) => parseSubnet(subnet)!),
    ...routes().map(({ subnet }) => subnet),
  ];
  const configured = Deno.env.get("TIFFIN_SUBNET");
  for (const candidate of isDefault ? DEFAULT_SUBNETS.values() : pool()) {
    const subnet = parseSubnet(isDefault ? configured ?? candidate : candidate);
    if (!subnet || subnet.version !== 4 || subnet.length > 30) {
      throw new NetworkError(`TIFFIN_SUBNET: ${configured} is not a subnet, as 10.90.0.0/16`);
    }
    const clash = known.find((other) => overlap(other, subnet));
    if (!clash) return subnet;
    if (isDefault && configured) {
      throw new NetworkError(
        `TIFFIN_SUBNET: ${configured} overlaps ${
          formatSubnet(clash)
        }, to which this host has a route`,
      );
    }
  }
  throw new NetworkError("this host has routes to every subnet that there is: give --subnet");
}

function* pool(): Generator<string> {
  for (const text of POOLS) {
    const { base } = parseSubnet(text)!;
    for (let i = 0n; i < 256n; i++) {
      yield formatSubnet({ version: 4, base: base + (i << 8n), length: 24 });
    }
  }
}

/** Forty random bits after fd: nobody else will have chosen the same. */
function randomSubnet6(): Subnet {
  const digits = crypto.getRandomValues(new Uint8Array(5)).toHex();
  return { version: 6, base: BigInt(`0xfd${digits}`) << 80n, length: 64 };
}

/** The default network; a new one where there is none yet. */
export function defaultNetwork(state: NetworkState, dataRoot: string): Network {
  const known = state.networks.find(({ name }) => name === DEFAULT_NETWORK);
  return known ??
    newNetwork(state, {
      name: DEFAULT_NETWORK,
      bridge: hostNames(dataRoot).bridge,
      id: defaultId(dataRoot),
    });
}

/** Names that mean something else than a network of ours. */
export const RESERVED: readonly string[] = ["none", "host"];

/**
 * The network of a name, an id, or the beginning of one.
 *
 * @throws {NetworkError} where there is none, or more than one
 */
export function findNetwork(state: NetworkState, dataRoot: string, word: string): Network {
  if (word === DEFAULT_NETWORK || word === "default") return defaultNetwork(state, dataRoot);
  const named = state.networks.find(({ name, id }) => name === word || id === word);
  const begun = /^[0-9a-f]+$/.test(word)
    ? state.networks.filter(({ id }) => id.startsWith(word))
    : [];
  const found = named ?? (begun.length === 1 ? begun[0] : undefined);
  if (found) return found;
  if (begun.length > 1) {
    throw new NetworkError(`${word} is the beginning of ${begun.length} networks' ids`);
  }
  throw new NoSuchNetworkError(
    `there is no network ${word}; tiffin network create ${word} makes one`,
  );
}
