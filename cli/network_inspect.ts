/**
 * `network inspect`: all that is known of networks.
 *
 * @module
 */

import type { NetworkInfo } from "../runtime/network/manage.ts";
import { parseFlags, UsageError } from "./flags/grammar.ts";
import { FORMAT_JSON, printJson } from "./json_output.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `network inspect`. */
export const help: Help = {
  usage: "network inspect [FLAGS] NETWORK…",
  summary: "print all that is known of networks, as JSON",
  flags: { Flags: FORMAT_JSON },
  examples: [{ command: "network inspect bridge", does: "its subnets, and who has which address" }],
};

/** Prints what is known of networks, as a JSON array. */
export async function inspect(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FORMAT_JSON);
  if (operands.length === 0) throw new UsageError("network inspect needs a network: bridge");
  const found: object[] = [];
  for (const word of operands) found.push(await describeNetwork(root, word));
  printJson(found, flags.format);
  return 0;
}

/** All that is known of a network. */
export async function describeNetwork(root: string, name: string): Promise<object> {
  const { inspectNetwork } = await import("../runtime/network/manage.ts");
  return describe(inspectNetwork(root, name));
}

/** The fields that Docker has, as far as they mean something here. */
function describe({ network, members }: NetworkInfo) {
  const { id, name, created, subnet, gateway, range, subnet6, gateway6, internal, mtu } = network;
  return {
    Name: name,
    Id: id,
    Created: created,
    Scope: "local",
    Driver: "bridge",
    EnableIPv4: true,
    EnableIPv6: subnet6 !== undefined,
    IPAM: {
      Driver: "default",
      Options: {},
      Config: [
        { Subnet: subnet, ...(range && { IPRange: range }), Gateway: gateway },
        ...(subnet6 ? [{ Subnet: subnet6, Gateway: gateway6 }] : []),
      ],
    },
    Internal: internal ?? false,
    Containers: Object.fromEntries(members.map((member) => {
      const endpoint = member.endpoints.find((endpoint) => endpoint.network === id)!;
      const { address, address6, mac, aliases } = endpoint;
      return [member.id, {
        Name: member.name ?? "",
        MacAddress: mac,
        IPv4Address: `${address}/${subnet.split("/")[1]}`,
        IPv6Address: address6 ? `${address6}/${subnet6!.split("/")[1]}` : "",
        Aliases: aliases,
      }];
    })),
    Options: {
      "com.docker.network.bridge.name": network.bridge,
      ...(mtu && { "com.docker.network.driver.mtu": String(mtu) }),
    },
    Labels: network.labels,
  };
}
