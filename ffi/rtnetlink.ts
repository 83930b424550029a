/**
 * Network interfaces, addresses and routes as messages to the kernel, rtnetlink(7).
 *
 * Each function here makes one request: what `ip link`, `ip address` and `ip route` send.
 *
 * @module
 */

import { AF } from "./constants.ts";
import { type Attribute, NLM_F, packed, type Request, request } from "./netlink.ts";
import { concatenate } from "./structs.ts";

const RTM = { NEWLINK: 16, DELLINK: 17, NEWADDR: 20, NEWROUTE: 24 } as const;
const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  MASTER: 10,
  LINKINFO: 18,
  NET_NS_PID: 19,
} as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const VETH_INFO_PEER = 1;
const IFA = { ADDRESS: 1, LOCAL: 2, FLAGS: 8 } as const;
const RTA_GATEWAY = 5;
const IFF_UP = 1;
/** An address that is used at once: nobody else can have it, so nobody is asked. */
const IFA_F_NODAD = 2;
const RT = { TABLE_MAIN: 254, PROT_BOOT: 3, SCOPE_UNIVERSE: 0, UNICAST: 1 } as const;

const NEW = NLM_F.CREATE | NLM_F.EXCL;

/** Where the number of the interface is in `struct ifaddrmsg`, for {@linkcode addAddress}. */
export const ADDRESS_INDEX = 4;

/** An address in bytes, four or sixteen of them, with the text that a person reads. */
export interface Address {
  /** network byte order */
  bytes: Uint8Array;
  /** as `10.88.0.2` or `fd00::2` */
  text: string;
}

/** `struct ifinfomsg`: which interface, and which of its flags change. */
function ifinfomsg(index = 0, flags = 0, change = 0): Uint8Array {
  const body = new Uint8Array(16);
  const view = new DataView(body.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return body;
}

/** A bridge: a switch in software, to which other interfaces are attached. It is up at once. */
export function newBridge(name: string, mac: Uint8Array, mtu?: number): Request {
  return request({
    type: RTM.NEWLINK,
    flags: NEW,
    body: ifinfomsg(0, IFF_UP, IFF_UP),
    attributes: [
      [IFLA.IFNAME, name],
      [IFLA.ADDRESS, mac],
      ...(mtu ? [[IFLA.MTU, mtu] as const] : []),
      [IFLA.LINKINFO, [[IFLA_INFO.KIND, "bridge"]]],
    ],
    text: `RTM_NEWLINK {kind=bridge, name=${name}, address=${formatMac(mac)}, IFF_UP}`,
  });
}

/** A veth pair: what goes in at one end comes out at the other. */
export interface VethPair {
  /** the name of the end that stays here */
  name: string;
  /** the number of the bridge that it is attached to; 0 for one that a program finds out */
  bridge?: number;
  /** the bridge's name, for a reader */
  bridgeName: string;
  /** the name of the end in the other network namespace */
  peer: string;
  /** a process in that namespace; `"PID"` where a person reads what would be done */
  pid: number | "PID";
  /** the hardware address of that end */
  mac: Uint8Array;
  /** the largest packet, in bytes; 1500 unless given */
  mtu?: number;
}

/** Where the number of the bridge is in {@linkcode newVeth}'s message, from its body on. */
export const VETH_BRIDGE: number = 16 + 4;

/** Makes a veth pair across two network namespaces, attached to a bridge on this side and up. */
export function newVeth(pair: VethPair): Request {
  const { name, bridge = 0, bridgeName, peer, pid, mac, mtu } = pair;
  const size: readonly Attribute[] = mtu ? [[IFLA.MTU, mtu]] : [];
  const other = packed([
    [IFLA.IFNAME, peer],
    [IFLA.ADDRESS, mac],
    [IFLA.NET_NS_PID, pid === "PID" ? 0 : pid],
    ...size,
  ]);
  return request({
    type: RTM.NEWLINK,
    flags: NEW,
    body: ifinfomsg(0, IFF_UP, IFF_UP),
    attributes: [
      [IFLA.MASTER, bridge],
      [IFLA.IFNAME, name],
      [IFLA.LINKINFO, [
        [IFLA_INFO.KIND, "veth"],
        [IFLA_INFO.DATA, [[VETH_INFO_PEER, concatenate([ifinfomsg(), other])]]],
      ]],
      ...size,
    ],
    text: `RTM_NEWLINK {kind=veth, name=${name}, master=${bridgeName}, IFF_UP, ` +
      `peer={name=${peer}, address=${formatMac(mac)}, netns of ${pid}}}`,
  });
}

/** Switches an interface on. */
export function setUp(name: string): Request {
  return request({
    type: RTM.NEWLINK,
    body: ifinfomsg(0, IFF_UP, IFF_UP),
    attributes: [[IFLA.IFNAME, name]],
    text: `RTM_NEWLINK {name=${name}, IFF_UP}`,
  });
}

/** Removes an interface; a veth pair goes with either end. */
export function deleteLink(name: string): Request {
  return request({
    type: RTM.DELLINK,
    body: ifinfomsg(),
    attributes: [[IFLA.IFNAME, name]],
    text: `RTM_DELLINK {name=${name}}`,
  });
}

/**
 * Gives an interface an address, and with it a route to its subnet.
 *
 * @param length how many bits of the address are the subnet's
 * @param name the interface's, for a reader; its number is put at {@linkcode ADDRESS_INDEX}
 */
export function addAddress(address: Address, length: number, name: string): Request {
  const { bytes } = address;
  const isVersion6 = bytes.length === 16;
  const flags: readonly Attribute[] = isVersion6 ? [[IFA.FLAGS, IFA_F_NODAD]] : [];
  return request({
    type: RTM.NEWADDR,
    flags: NEW,
    body: Uint8Array.of(isVersion6 ? AF.INET6 : AF.INET, length, 0, 0, 0, 0, 0, 0),
    attributes: [[IFA.LOCAL, bytes], [IFA.ADDRESS, bytes], ...flags],
    text: `RTM_NEWADDR {dev=${name}, address=${address.text}/${length}` +
      `${isVersion6 ? ", IFA_F_NODAD" : ""}}`,
  });
}

/** The route to everywhere that no other route leads to. */
export function addDefaultRoute(gateway: Address): Request {
  const family = gateway.bytes.length === 16 ? AF.INET6 : AF.INET;
  const { TABLE_MAIN, PROT_BOOT, SCOPE_UNIVERSE, UNICAST } = RT;
  return request({
    type: RTM.NEWROUTE,
    flags: NEW,
    // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type
    body: Uint8Array.of(
      ...[family, 0, 0, 0],
      ...[TABLE_MAIN, PROT_BOOT, SCOPE_UNIVERSE, UNICAST],
      ...[0, 0, 0, 0],
    ),
    attributes: [[RTA_GATEWAY, gateway.bytes]],
    text: `RTM_NEWROUTE {default via ${gateway.text}}`,
  });
}

/** A hardware address as a person writes it: `02:42:0a:58:00:02`. */
export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
