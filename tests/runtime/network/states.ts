/**
 * Networks and containers as values, for tests that need no kernel.
 *
 * @module
 */

import type { Member, Network, NetworkState } from "../../../runtime/network/state.ts";

/** A network of the subnet 10.90.0.0/24. */
export function network(name: string, more: Partial<Network> = {}): Network {
  return {
    id: name,
    name,
    bridge: name,
    subnet: "10.90.0.0/24",
    gateway: "10.90.0.1",
    subnet6: "fd00::/64",
    gateway6: "fd00::1",
    isChosen: false,
    labels: {},
    created: "",
    ...more,
  };
}

/** A container that has the address 10.90.0.`last` in the first of its networks, and so on. */
export function member(
  name: string,
  networks: string[],
  last: number,
  more: Partial<Member> & { aliases?: string[] } = {},
): Member {
  const { aliases = [], ...rest } = more;
  return {
    id: name.padEnd(64, "0"),
    name,
    owner: { pid: 1, start: 1 },
    ports: [],
    endpoints: networks.map((network, i) => ({
      network,
      device: `eth${i}`,
      port: `p${last}${i}`,
      address: `10.9${i}.0.${last}`,
      address6: `fd00::${last}`,
      mac: `02:00:00:00:00:0${last}`,
      aliases,
    })),
    ...rest,
  };
}

/** All of it. */
export function state(
  networks: Network[],
  members: Member[],
  more: Partial<NetworkState> = {},
): NetworkState {
  return { networks, members, switches: {}, ...more };
}
