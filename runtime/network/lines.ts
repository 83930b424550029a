/**
 * What a container's network says in its /etc/hosts and /etc/resolv.conf.
 *
 * @module
 */

import type { NetworkLines } from "../host_files.ts";
import { isServed } from "./names.ts";
import type { Place } from "./place.ts";
import { type NetworkRequest, resolverOf } from "./request.ts";

/**
 * The container's own part of the two files.
 *
 * @param names what the container calls itself, with spaces between
 */
export function networkLines(
  request: NetworkRequest,
  { member, networks }: Place,
  names: string,
): NetworkLines {
  const resolver = resolverOf(request);
  // the names of a network that somebody has made are answered by its own server
  const served = networks.find(isServed);
  return {
    hosts: member.endpoints.flatMap(({ address, address6 }) =>
      [address, address6].flatMap((address) => address ? [`${address}\t${names}`] : [])
    ),
    gateway: networks[0]?.gateway,
    resolver: served ? { ...resolver, nameserver: [served.gateway] } : resolver,
  };
}
