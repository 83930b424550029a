/**
 * What the host's network is like: looked at, never changed.
 *
 * @module
 */

import { inquire, PROTOCOL, request } from "../../ffi/netlink.ts";
import { readHostFile } from "../host_files.ts";
import type { Subnet } from "./addresses.ts";

/** The names of this network namespace's interfaces. */
export function interfaces(): Set<string> {
  const lines = (readHostFile("/proc/thread-self/net/dev") ?? "").split("\n").slice(2);
  return new Set(lines.map((line) => line.split(":", 1)[0].trim()));
}

/** The subnets that this host has a route to; the default route, which leads everywhere, is none. */
export function routes(): { subnet: Subnet; device: string }[] {
  const found: { subnet: Subnet; device: string }[] = [];
  for (const line of (readHostFile("/proc/thread-self/net/route") ?? "").split("\n").slice(1)) {
    const [device, destination, , , , , , mask] = line.split("\t");
    if (!mask || mask === "00000000") continue;
    const subnet: Subnet = {
      version: 4,
      base: BigInt(swapped(destination)),
      length: swapped(mask).toString(2).replaceAll("0", "").length,
    };
    found.push({ subnet, device });
  }
  return found;
}

/** An IPv4 address as the kernel prints it: eight digits in the order of this machine's bytes. */
function swapped(digits: string): number {
  return parseInt(digits.match(/../g)!.reverse().join(""), 16);
}

/** Whether this host speaks IPv6. */
export function hasIpv6(): boolean {
  return readHostFile("/proc/thread-self/net/if_inet6") !== undefined;
}

/** A switch of the kernel's that has to be turned. */
export interface Switch {
  /** its file below /proc/sys */
  path: string;
  /** what it is */
  before: string;
  /** what it has to be */
  after: string;
  /** one line for the reader */
  why: string;
}

/** The kernel's switch for passing packets on. */
export const FORWARD_4 = "/proc/sys/net/ipv4/ip_forward";
/** The same for IPv6. */
export const FORWARD_6 = "/proc/sys/net/ipv6/conf/all/forwarding";

/** The switches that have to be turned for packets to pass. */
export function missingSwitches(isVersion6: boolean): Switch[] {
  const forward = "the host passes on what is not for itself";
  const wanted = [{ path: FORWARD_4, after: "1", why: forward }];
  if (isVersion6) {
    // a host that passes on takes no word of routers any more, unless told so: it would lose its way
    wanted.push(
      ...advertisedUplinks().map((device) => ({
        path: `/proc/sys/net/ipv6/conf/${device}/accept_ra`,
        after: "2",
        why: `${device} got its default route from a router, and is to keep it`,
      })),
    );
    wanted.push({ path: FORWARD_6, after: "1", why: forward });
  }
  return wanted.flatMap((one) => {
    const before = readHostFile(one.path)?.trim();
    return before === undefined || before === one.after ? [] : [{ ...one, before }];
  });
}

const RTF = { DEFAULT: 0x10000, ADDRCONF: 0x40000 } as const;

/** The interfaces whose default route a router has told the host of: /proc/net/ipv6_route. */
function advertisedUplinks(): string[] {
  const lines = (readHostFile("/proc/thread-self/net/ipv6_route") ?? "").split("\n");
  const both = RTF.DEFAULT | RTF.ADDRCONF;
  return lines.map((line) => line.trim().split(/\s+/))
    .filter((fields) => (parseInt(fields[8], 16) & both) === both)
    .map((fields) => fields[9]);
}

const NFPROTO = { inet: 1, bridge: 7 } as const;
/** NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, linux/netfilter/nf_tables.h. */
const GET_TABLE = 10 << 8 | 1;
const NFTA_TABLE_NAME = 1;

/** The families in which there is an nftables table of a name. */
export function tablesThere(name: string): ("inet" | "bridge")[] {
  return (["inet", "bridge"] as const).filter((family) => hasTable(family, name));
}

function hasTable(family: keyof typeof NFPROTO, name: string): boolean {
  const { errno } = inquire(
    PROTOCOL.NETFILTER,
    request({
      type: GET_TABLE,
      // struct nfgenmsg: family, version, resource id
      body: Uint8Array.of(NFPROTO[family], 0, 0, 0),
      attributes: [[NFTA_TABLE_NAME, name]],
      text: `NFT_MSG_GETTABLE {${family} ${name}}`,
    }),
  );
  return errno === 0;
}

const NFT_PLACES = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"];

/** Where nft(8) is; `undefined` where it is not installed. */
export function findNft(): string | undefined {
  return NFT_PLACES.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}
