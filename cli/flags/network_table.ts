/**
 * The flags of `run` for a container's network: Docker's names, and a line of help for each.
 *
 * @module
 */

import type { FlagTable, Hidden } from "./grammar.ts";

/** Read by `network.ts`. */
export const NETWORK = {
  network: {
    value: "NETWORK",
    many: true,
    help: "bridge (the default), one that you made, none, host, container:NAME, ns:PATH",
  },
  publish: {
    short: "p",
    value: "[[ADDR:]PORT:]PORT",
    many: true,
    help: "lead a port of the host's into it, as 8080:80 or 53:53/udp",
  },
  "publish-all": { short: "P", help: "lead a free port of the host's into each that it exposes" },
  expose: { value: "PORT", many: true, help: "a port for -P beside those of the image" },
  "network-alias": { value: "NAME", many: true, help: "another name for it in its network" },
  ip: { value: "ADDRESS", help: "its IPv4 address" },
  ip6: { value: "ADDRESS", help: "its IPv6 address" },
  "mac-address": { value: "ADDRESS", help: "its hardware address" },
  dns: { value: "ADDRESS", many: true, help: "a name server in place of the host's" },
  "dns-search": { value: "DOMAIN", many: true, help: "where a name without a dot is looked for" },
  "dns-option": { value: "OPTION", many: true, help: "an option for its /etc/resolv.conf" },
} as const satisfies FlagTable;

/** Names that are understood and not listed. */
export const NETWORK_HIDDEN: Readonly<Record<string, Hidden>> = {
  net: { alias: "network" },
  "net-alias": { alias: "network-alias" },
  "dns-opt": { alias: "dns-option" },
  link: { refused: "in a network that you made, containers find each other by name" },
  "link-local-ip": { refused: "the kernel gives the address from the hardware address" },
};
