/**
 * Addresses and subnets of IPv4 and IPv6, as numbers that can be counted with.
 *
 * @module
 */

import type { Address } from "../../ffi/rtnetlink.ts";

/** An address as a number: 32 or 128 bits. */
export interface Ip {
  /** which protocol's */
  version: 4 | 6;
  /** its bits, the first one the highest */
  value: bigint;
}

/** All addresses that begin with the same bits. */
export interface Subnet {
  /** which protocol's */
  version: 4 | 6;
  /** the first of its addresses */
  base: bigint;
  /** how many bits all of them share */
  length: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Reads `10.77.0.2` or `fd00::2`; `undefined` for anything else. */
export function parseIp(text: string): Ip | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const parts = text.split(".").map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return { version: 4, value: fromParts(parts, 8n) };
  }
  // what a URL has in brackets is checked and written in one form, without a dotted tail
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(":")) return undefined;
  const url = URL.parse(`http://[${text}]/`);
  if (!url) return undefined;
  const [head, tail] = url.hostname.slice(1, -1).split("::")
    .map((half) => half === "" ? [] : half.split(":").map((part) => parseInt(part, 16)));
  const zeroes = new Array(8 - head.length - (tail?.length ?? 0)).fill(0);
  return { version: 6, value: fromParts([...head, ...zeroes, ...tail ?? []], 16n) };
}

function fromParts(parts: number[], bits: bigint): bigint {
  return parts.reduce((sum, part) => sum << bits | BigInt(part), 0n);
}

/** Writes an address as a person would. */
export function formatIp({ version, value }: Ip): string {
  if (version === 4) return toBytes({ version, value }).join(".");
  const parts = Array.from({ length: 8 }, (_, i) => value >> BigInt(112 - 16 * i) & 0xffffn);
  const text = parts.map((part) => part.toString(16)).join(":");
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/** An address in network byte order. */
export function toBytes({ version, value }: Ip): Uint8Array {
  const size = BITS[version] / 8;
  return Uint8Array.from(
    { length: size },
    (_, i) => Number(value >> BigInt(8 * (size - 1 - i)) & 0xffn),
  );
}

/** An address as messages to the kernel have it. @param text one that {@linkcode parseIp} can read */
export function addressOf(text: string): Address {
  return { bytes: toBytes(parseIp(text)!), text };
}

/** Reads `10.77.0.0/16`; bits behind the length are put to 0. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, address, bits] = /^(.+)\/(\d{1,3})$/.exec(text) ?? [];
  const ip = address === undefined ? undefined : parseIp(address);
  const length = Number(bits);
  if (!ip || length > BITS[ip.version]) return undefined;
  const host = BigInt(BITS[ip.version] - length);
  return { version: ip.version, base: ip.value >> host << host, length };
}

/** Writes a subnet as a person would. */
export function formatSubnet({ version, base, length }: Subnet): string {
  return `${formatIp({ version, value: base })}/${length}`;
}

/** How many addresses a subnet has. */
export function sizeOf({ version, length }: Subnet): bigint {
  return 1n << BigInt(BITS[version] - length);
}

/** Whether an address is in a subnet. */
export function contains(subnet: Subnet, ip: Ip): boolean {
  return ip.version === subnet.version && ip.value >= subnet.base &&
    ip.value < subnet.base + sizeOf(subnet);
}

/** Whether two subnets have an address in common. */
export function overlap(a: Subnet, b: Subnet): boolean {
  return a.version === b.version && a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}

/** The address at a place in a subnet, counted from its first. */
export function addressAt({ version, base }: Subnet, index: bigint): Ip {
  return { version, value: base + index };
}

/**
 * The first address that nobody has. The network's own, IPv4's broadcast address and the gateway's,
 * which is among the `taken`, are left out.
 *
 * @param within a part of the subnet to which the choice is limited
 */
export function freeAddress(
  subnet: Subnet,
  taken: ReadonlySet<string>,
  within: Subnet = subnet,
): string | undefined {
  const last = subnet.base + sizeOf(subnet) - (subnet.version === 4 ? 2n : 1n);
  const first = within.base > subnet.base ? within.base : subnet.base + 1n;
  for (let value = first; value <= last && value < within.base + sizeOf(within); value++) {
    const text = formatIp({ version: subnet.version, value });
    if (!taken.has(text)) return text;
  }
}

/**
 * A hardware address made from an IPv4 address, as Docker's are: it is unique where that one is,
 * and a neighbour's table stays true when the address goes to another container.
 */
export function macFor(address: string): Uint8Array {
  return Uint8Array.of(0x02, 0x42, ...toBytes(parseIp(address)!).subarray(-4));
}

/** The address that the kernel gives an interface by itself, from its hardware address: RFC 4291. */
export function linkLocal(mac: Uint8Array): string {
  const [a, b, c, d, e, f] = mac;
  const bytes = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f];
  return formatIp({ version: 6, value: fromParts(bytes, 8n) });
}
