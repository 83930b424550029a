/**
 * What a data root's network things are called on the host, where all data roots meet.
 *
 * @module
 */

/** The name of the network that a container is in unless told otherwise: Docker's. */
export const DEFAULT_NETWORK = "bridge";

/** Whether names are looked up in a network: in those that somebody has made. */
export function isServed({ name }: { name: string }): boolean {
  return name !== DEFAULT_NETWORK;
}

/** The names of one data root's things. */
export interface HostNames {
  /** the bridge of the default network */
  bridge: string;
  /** the nftables tables, one of the family inet and one of the family bridge */
  table: string;
  /** what the host's ends of the containers' cables begin with; nothing else does, no bridge either */
  port: string;
}

/** The data root of root, whose things have the plain names. */
const PLAIN = "/var/lib/tiffin";

/** The names for a data root: an interface's name has 15 characters at the most. */
export function hostNames(dataRoot: string): HostNames {
  if (dataRoot === PLAIN) return { bridge: "tiffin0", table: "tiffin", port: "tiff-" };
  const tag = hash(dataRoot);
  return { bridge: `tiffin-${tag}`, table: `tiffin-${tag}`, port: `t${tag.slice(0, 4)}-` };
}

/** The default network's id: the same before it is first used and after, so that it can be typed. */
export function defaultId(dataRoot: string): string {
  return Array.from({ length: 8 }, (_, i) => hash(`${i} ${dataRoot}`)).join("");
}

/** The name of the host's end of a container's cable. */
export function portName({ port }: HostNames, container: string, index: number): string {
  return `${port}${container.slice(0, 8)}${index.toString(16)}`;
}

/** FNV-1a: eight hexadecimal digits that are the same for the same text. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  }
  return value.toString(16).padStart(8, "0");
}
