/**
 * The names of containers, as their neighbours know them.
 *
 * A container knows those who share a network with it that somebody has made: by their name, their
 * aliases there, and the first twelve digits of their id. Each also has the network's name behind
 * it, as `web.front`.
 *
 * @module
 */

import { formatIp } from "./addresses.ts";
import { isServed } from "./names.ts";
import type { Endpoint, Member, Network, NetworkState } from "./state.ts";

/** What is known of a name. */
export interface Known {
  /** its IPv4 addresses */
  v4: string[];
  /** its IPv6 addresses */
  v6: string[];
}

/** Who asks: the container that has an address in a network. */
export function askerOf(
  state: NetworkState,
  network: Network,
  address: string,
): Member | undefined {
  return state.members.find(({ endpoints }) =>
    endpoints.some((endpoint) =>
      endpoint.network === network.id &&
      (endpoint.address === address || endpoint.address6 === address)
    )
  );
}

/**
 * What a container knows of a name; `undefined` for one that is no container's.
 *
 * @param asker a container
 * @param name in small letters, without a dot at its end
 */
export function lookUp(state: NetworkState, asker: Member, name: string): Known | undefined {
  const all = [...neighbours(state, asker)].filter(({ member, endpoint, network }) =>
    namesOf(member, endpoint).some((own) =>
      own === name || `${own}.${network.name.toLowerCase()}` === name
    )
  );
  if (all.length === 0) return undefined;
  // of several that have the name, those count that are well; if none is, all do
  const ready = all.filter(({ member }) => !member.isUnready);
  const endpoints = (ready.length > 0 ? ready : all).map(({ endpoint }) => endpoint);
  return {
    v4: endpoints.map(({ address }) => address),
    v6: endpoints.flatMap(({ address6 }) => address6 ?? []),
  };
}

/** The name of the neighbour that has an address, for a question the other way round. */
export function nameAt(state: NetworkState, asker: Member, address: string): string | undefined {
  for (const { member, endpoint, network } of neighbours(state, asker)) {
    if (endpoint.address === address || endpoint.address6 === address) {
      return `${member.name ?? member.id.slice(0, 12)}.${network.name}`;
    }
  }
}

/** Everybody in the networks that a container is in, itself too. */
function* neighbours({ networks, members }: NetworkState, asker: Member) {
  for (const own of asker.endpoints) {
    const network = networks.find(({ id }) => id === own.network);
    if (!network || !isServed(network)) continue;
    for (const member of members) {
      for (const endpoint of member.endpoints) {
        if (endpoint.network === network.id) yield { member, endpoint, network };
      }
    }
  }
}

function namesOf({ id, name }: Member, { aliases }: Endpoint): string[] {
  return [id.slice(0, 12), ...(name ? [name] : []), ...aliases].map((text) => text.toLowerCase());
}

/** The address that a name below in-addr.arpa or ip6.arpa stands for, RFC 1035 3.5, RFC 3596 2.5. */
export function reverseAddress(name: string): string | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name);
  if (v4) return v4[1].slice(0, -1).split(".").reverse().join(".");
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (!v6) return undefined;
  const digits = v6[1].replaceAll(".", "").split("").reverse().join("");
  return formatIp({ version: 6, value: BigInt(`0x${digits}`) });
}
