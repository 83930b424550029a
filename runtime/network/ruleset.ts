/**
 * The rules of the packet filter, nft(8), as a text made from the state: two tables of our own.
 *
 * The rules themselves never change. They look things up in sets and maps, and a container that
 * comes adds to those. To take anything out is slow: the kernel holds nft(8) until nobody can be
 * reading it any more (an RCU grace period, 5 to 20 ms). So a start only adds, all that has to be
 * there, whatever happened before; and what nobody needs any more is taken out when a port or a
 * network goes, or when it has become much, by writing everything anew in one transaction.
 *
 * @module
 */

import { linkLocal, parseIp } from "./addresses.ts";
import { FORWARD_4, FORWARD_6 } from "./host.ts";
import type { HostNames } from "./names.ts";
import {
  type Endpoint,
  type Member,
  type NetworkState,
  type PublishedPort,
  usedNetworks,
} from "./state.ts";

/** What all bridges of all data roots begin with. */
const OURS = '"tiffin*"';

/**
 * The first transaction: the tables, and what is in them.
 *
 * @param leftOver families of which a table of ours is there, and has to go first
 */
export function setUpRules(
  state: NetworkState,
  names: HostNames,
  leftOver: readonly string[] = [],
): string {
  const cleared = leftOver.map((family) => `delete table ${family} ${names.table}\n`).join("");
  const tables = `${inetTable(state, names)}${bridgeTable(names)}`;
  return `${cleared}${tables}${elements(state, names)}${balance(state, names)}`;
}

/** The transaction for a container that comes: what has to be in the sets and maps. */
export function addRules(state: NetworkState, names: HostNames): string {
  return elements(state, names);
}

/** The transaction that leaves nothing else in them. */
export function updateRules(state: NetworkState, names: HostNames): string {
  const flushed = SETS.map(([family, kind, name]) =>
    `flush ${kind} ${family} ${names.table} ${name}\n`
  );
  const services = state.services ? `flush chain inet ${names.table} balance\n` : "";
  return `${flushed.join("")}${services}${elements(state, names)}${balance(state, names)}`;
}

/** The last transaction. */
export function removeRules({ table }: HostNames): string {
  return `delete table inet ${table}\ndelete table bridge ${table}\n`;
}

/** What a set or a map holds; `x : y` maps one to the other. */
const SETS: readonly [
  family: "inet" | "bridge",
  kind: "set" | "map",
  name: string,
  type: string,
][] = [
  ["inet", "set", "bridges", "type ifname"],
  ["inet", "set", "internal", "type ifname"],
  ["inet", "set", "inside", "type ifname . ifname"],
  ["inet", "set", "subnets4", "type ipv4_addr; flags interval"],
  ["inet", "set", "subnets6", "type ipv6_addr; flags interval"],
  ["inet", "map", "ports4", "type inet_proto . inet_service : ipv4_addr . inet_service"],
  ["inet", "map", "ports6", "type inet_proto . inet_service : ipv6_addr . inet_service"],
  [
    "inet",
    "map",
    "bound4",
    "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
  ],
  [
    "inet",
    "map",
    "bound6",
    "type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service",
  ],
  ["bridge", "set", "macs", "type ifname . ether_addr"],
  ["bridge", "set", "owners4", "type ifname . ipv4_addr"],
  ["bridge", "set", "owners6", "type ifname . ipv6_addr"],
  // the target of a neighbour advertisement, for which this nft has no name
  ["bridge", "set", "targets6", "typeof iifname . @th,64,128"],
];

function declarations(family: "inet" | "bridge"): string {
  return SETS.filter(([of]) => of === family)
    .map(([, kind, name, type]) => `  ${kind} ${name} { ${type}; }\n`).join("");
}

/** Where packets may go, and where they are sent on to. */
function inetTable({ switches }: NetworkState, { table }: HostNames): string {
  // a host that sent on nothing before must not begin to do it for strangers
  const strangers = (version: 4 | 6, path: string) =>
    path in switches
      ? `    meta nfproto ipv${version} iifname != @bridges oifname != @bridges ` +
        `iifname != ${OURS} oifname != ${OURS} drop\n`
      : "";
  return `table inet ${table} {
${declarations("inet")}
  # from the host's ports into the containers; ::1 has no way back out of a bridge
  chain balance { }
  chain publish {
    ip6 daddr ::1 return
    jump balance
    dnat ip to ip daddr . meta l4proto . th dport map @bound4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6
    dnat ip to meta l4proto . th dport map @ports4
    dnat ip6 to meta l4proto . th dport map @ports6
  }
  chain prerouting {
    type nat hook prerouting priority dstnat
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100
    fib daddr type local jump publish
  }
  # a bridge lets 127.0.0.1 through, for the host alone: CVE-2020-8558
  chain loopback {
    type filter hook prerouting priority raw
    iifname @bridges ip daddr 127.0.0.0/8 drop
    iifname @bridges ip saddr 127.0.0.0/8 drop
  }
  chain forward {
    type filter hook forward priority filter
${strangers(4, FORWARD_4)}${
    strangers(6, FORWARD_6)
  }    # nearly all packets are of a connection that was let through
    ct state established,related accept
    iifname != @bridges oifname != @bridges accept
    # published is published: to everybody
    ct status dnat accept
    # a bridge's own traffic comes by here where br_netfilter is loaded
    iifname . oifname @inside accept
    # no way from one network into another, nor in from outside
    oifname @bridges drop
    iifname @internal drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    # out into the world, under the host's address
    oifname != @bridges ip saddr @subnets4 masquerade
    oifname != @bridges ip6 saddr @subnets6 masquerade
    # the host's own loopback, and a container that calls on its neighbour through the host
    oifname @bridges ip saddr 127.0.0.0/8 masquerade
    oifname @bridges ct status dnat ip saddr @subnets4 masquerade
    oifname @bridges ct status dnat ip6 saddr @subnets6 masquerade
  }
}
`;
}

/** Who a container may say it is: nobody but itself, in any frame that leaves it. */
function bridgeTable({ table, port }: HostNames): string {
  return `table bridge ${table} {
${declarations("bridge")}
  chain prerouting {
    type filter hook prerouting priority -300
    iifname != "${port}*" accept
    iifname . ether saddr != @macs drop
    iifname . ip saddr @owners4 accept
    iifname . arp saddr ether @macs iifname . arp saddr ip @owners4 accept
    # no container is a router, nor its neighbour
    icmpv6 type { nd-router-advert, nd-redirect } drop
    icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets6 drop
    iifname . ip6 saddr @owners6 accept
    # who has no address yet asks whether it is free
    ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld2-listener-report } accept
    drop
  }
}
`;
}

/** What is in the sets and maps. */
function elements(state: NetworkState, { table }: HostNames): string {
  const used = usedNetworks(state);
  const content: Record<string, string[]> = {
    bridges: used.map(({ bridge }) => `"${bridge}"`),
    internal: used.filter(({ internal }) => internal).map(({ bridge }) => `"${bridge}"`),
    inside: used.map(({ bridge }) => `"${bridge}" . "${bridge}"`),
    subnets4: used.map(({ subnet }) => subnet),
    subnets6: used.flatMap(({ subnet6 }) => subnet6 ?? []),
    ...publishedElements(state),
    ...ownerElements(state.members.flatMap(({ endpoints }) => endpoints)),
  };
  return SETS.filter(([, , name]) => content[name].length > 0)
    .map(([family, , name]) =>
      `add element ${family} ${table} ${name} { ${content[name].join(", ")} }\n`
    ).join("");
}

/** The services: each connection goes to the next container that is well. */
function balance(state: NetworkState, { table }: HostNames): string {
  const rules = (state.services ?? []).flatMap(({ name, ports }) => {
    const ready = state.members.filter((member) => member.service === name && !member.isUnready)
      .map((member) => wayIn(state, member));
    return ports.flatMap((port) => [
      balanceRule("ip", port, ready.map((endpoint) => endpoint?.address)),
      balanceRule("ip6", port, ready.map((endpoint) => endpoint?.address6)),
    ]);
  });
  return rules.filter((rule) => rule !== "")
    .map((rule) => `add rule inet ${table} balance ${rule}\n`).join("");
}

function balanceRule(
  family: "ip" | "ip6",
  { ip, host, container, protocol }: PublishedPort,
  addresses: readonly (string | undefined)[],
): string {
  const targets = addresses.filter((address) => address !== undefined);
  const version = family === "ip" ? 4 : 6;
  const asked = ip === undefined ? undefined : parseIp(ip)!;
  if (targets.length === 0 || (asked && asked.version !== version)) return "";
  const only = asked && asked.value !== 0n ? `${family} daddr ${ip} ` : "";
  const map = targets.map((address, i) => `${i} : ${address} . ${container}`).join(", ");
  return `${only}${protocol} dport ${host} ` +
    `dnat ${family} to numgen inc mod ${targets.length} map { ${map} }`;
}

function publishedElements(state: NetworkState): Record<string, string[]> {
  const content = { ports4: [], ports6: [], bound4: [], bound6: [] } as Record<string, string[]>;
  for (const member of state.members) {
    const { address, address6 } = wayIn(state, member) ?? {};
    for (const { ip, host, container, protocol } of member.ports) {
      const from = `${protocol} . ${host}`;
      const version = ip === undefined ? undefined : parseIp(ip)!.version;
      const any = ip === undefined || parseIp(ip)!.value === 0n;
      if (any && version !== 6 && address) {
        content.ports4.push(`${from} : ${address} . ${container}`);
      }
      if (any && version !== 4 && address6) {
        content.ports6.push(`${from} : ${address6} . ${container}`);
      }
      if (any) continue;
      const to = version === 4 ? address : address6;
      if (to) content[`bound${version}`].push(`${ip} . ${from} : ${to} . ${container}`);
    }
  }
  return content;
}

/** The place of a container that the host's ports lead to: the first that has a way out. */
export function wayIn({ networks }: NetworkState, { endpoints }: Member): Endpoint | undefined {
  const internal = new Set(networks.filter(({ internal }) => internal).map(({ id }) => id));
  return endpoints.find(({ network }) => !internal.has(network));
}

function ownerElements(endpoints: readonly Endpoint[]): Record<string, string[]> {
  const addresses6 = endpoints.flatMap(({ port, mac, address6 }) =>
    [...(address6 ? [address6] : []), linkLocal(macBytes(mac))].map((address) => ({
      port,
      address,
    }))
  );
  return {
    macs: endpoints.map(({ port, mac }) => `"${port}" . ${mac}`),
    owners4: endpoints.map(({ port, address }) => `"${port}" . ${address}`),
    owners6: addresses6.map(({ port, address }) => `"${port}" . ${address}`),
    targets6: addresses6.map(({ port, address }) =>
      `"${port}" . 0x${parseIp(address)!.value.toString(16).padStart(32, "0")}`
    ),
  };
}

/** A hardware address in bytes. @param mac as `02:42:0a:4d:00:02` */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(":"), (part) => parseInt(part, 16));
}
