/**
 * `network create`: a network of one's own.
 *
 * @module
 */

import { parseSubnet } from "../runtime/network/addresses.ts";
import { type FlagTable, parseFlags, UsageError, wrongFlag, wrongValue } from "./flags/grammar.ts";
import { addressText } from "./flags/networks.ts";
import { parseLabel, parsePair, parseWhole } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  subnet: { value: "SUBNET", many: true, help: "its addresses, as 10.90.0.0/24; one of IPv6 too" },
  gateway: { value: "ADDRESS", many: true, help: "the host's own in it (default: the first)" },
  "ip-range": { value: "SUBNET", help: "give containers addresses from this part only" },
  ipv6: { help: "have IPv6 (the default where the host has; --ipv6=false: not)" },
  internal: { help: "no way out, and none in but from its own containers" },
  label: { value: "KEY[=VALUE]", many: true, help: "put a label on it" },
  opt: { short: "o", value: "KEY=VALUE", many: true, help: "mtu=1400, or name=BRIDGE on the host" },
  driver: { short: "d", value: "bridge", help: "bridge, the only one there is" },
} as const satisfies FlagTable;

/** The help of `network create`. */
export const help: Help = {
  usage: "network create [FLAGS] NAME",
  summary: "make a network",
  about: ["Prints its ID. Its bridge is on the host as long as a container is in it."],
  flags: { Flags: FLAGS },
  examples: [
    { command: "network create front", does: "with a subnet that the host has no route to" },
    { command: "network create --subnet 10.90.0.0/24 --internal back", does: "with no way out" },
  ],
};

/** Makes a network. */
export async function create(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const [name, second] = operands;
  if (name === undefined || second !== undefined) {
    throw new UsageError("network create needs one name: network create front");
  }
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new UsageError(`${JSON.stringify(name)} is not a name: letters, digits, _ . and -`);
  }
  if (flags.driver !== undefined && flags.driver !== "bridge") {
    throw wrongValue("driver", flags.driver, "is not bridge, the only driver there is");
  }
  const [subnet, subnet6] = byVersion("subnet", flags.subnet, versionOfSubnet);
  const [gateway, gateway6] = byVersion(
    "gateway",
    flags.gateway?.map((text) => addressText("gateway", text)),
    (text) => text.includes(":") ? 6 : 4,
  );
  const { createNetwork } = await import("../runtime/network/manage.ts");
  const { id } = await createNetwork(root, {
    name,
    subnet,
    subnet6,
    gateway,
    gateway6,
    range: flags["ip-range"],
    ipv6: flags.ipv6,
    internal: flags.internal,
    labels: Object.fromEntries((flags.label ?? []).map(parseLabel)),
    ...options(flags.opt ?? []),
  });
  print(`${id}\n`);
  return 0;
}

/** One value for IPv4 and one for IPv6, either of which may be missing. */
function byVersion(
  flag: string,
  texts: readonly string[] = [],
  versionOf: (text: string) => 4 | 6,
): [string | undefined, string | undefined] {
  const found: { 4?: string; 6?: string } = {};
  for (const text of texts) {
    const version = versionOf(text);
    if (found[version] !== undefined) throw wrongFlag(`--${flag}: two of IPv${version}`);
    found[version] = text;
  }
  return [found[4], found[6]];
}

function versionOfSubnet(text: string): 4 | 6 {
  const subnet = parseSubnet(text);
  if (!subnet) throw wrongValue("subnet", text, "is not a subnet, as 10.90.0.0/24");
  return subnet.version;
}

/** Docker's names for what a bridge can be told, and ours. */
function options(texts: readonly string[]): { mtu?: number; bridge?: string } {
  const found: { mtu?: number; bridge?: string } = {};
  for (const text of texts) {
    const [key, value] = parsePair("opt", text);
    if (key === "mtu" || key === "com.docker.network.driver.mtu") {
      found.mtu = parseWhole("opt", value, 68, 65535);
    } else if (key === "name" || key === "com.docker.network.bridge.name") {
      if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(value)) {
        throw wrongValue("opt", text, "is not an interface's name: 15 letters and digits at most");
      }
      found.bridge = value;
    } else throw wrongValue("opt", text, "is neither mtu=… nor name=…");
  }
  return found;
}
