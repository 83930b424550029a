/**
 * What is asked for of a container's network: plain data, kept in the container's record.
 *
 * @module
 */

/** The network of a container. */
export interface NetworkRequest {
  /** the networks that it is in; unless given, the default one */
  networks?: NetworkUse[];
  /** the container whose network it shares, by name or id; it has none of its own then */
  shares?: string;
  /** ports of the host's that lead into it */
  publish?: PublishRequest[];
  /** the service that it is a part of, whose ports lead to it as well */
  service?: string;
  /** whether each exposed port gets a port of the host's */
  publishAll?: boolean;
  /** ports that are exposed beside those of the image: `80/tcp` */
  expose?: string[];
  /** name servers, in place of the host's */
  dns?: string[];
  /** domains in which a name without a dot is looked for */
  dnsSearch?: string[];
  /** options of resolv.conf(5) */
  dnsOptions?: string[];
}

/** A network that a container is to be in. */
export interface NetworkUse {
  /** its name, or its id or the beginning of that */
  name: string;
  /** the IPv4 address that the container must get */
  address?: string;
  /** the IPv6 address that the container must get */
  address6?: string;
  /** the hardware address */
  mac?: string;
  /** names beside the container's own */
  aliases?: string[];
}

/** Ports from one to another, both included. */
export interface PortRange {
  /** the first */
  from: number;
  /** the last */
  to: number;
}

/** `-p`. */
export interface PublishRequest {
  /** the host's address; unless given, all of them */
  ip?: string;
  /** the host's ports: as many as the container's, or a range to choose one from */
  host?: PortRange;
  /** the container's ports */
  container: PortRange;
  /** the protocol */
  protocol: "tcp" | "udp";
}

/** Whether a container is to have a network beyond loopback, and not the host's. */
export function wantsNetwork(
  { options, network }: { options: { network?: string }; network?: NetworkRequest },
): boolean {
  if (options.network !== undefined) return false;
  const isAsked = network?.networks ?? network?.publish ?? network?.shares ?? network?.service;
  return isAsked !== undefined || Deno.env.get("TIFFIN_NETWORK") !== "none";
}

/** What was said of name servers, as lines for resolv.conf(5) by their first words. */
export function resolverOf(
  { dns, dnsSearch, dnsOptions }: NetworkRequest = {},
): { nameserver?: string[]; search?: string[]; options?: string[] } {
  return { nameserver: dns, search: dnsSearch, options: dnsOptions };
}

/** Something that was asked for is wrong, taken, or not there; the kernel was not even asked. */
export class NetworkError extends Error {
  /** the class's name, for messages */
  override name = "NetworkError";
}

/** No network goes by a name that was given. */
export class NoSuchNetworkError extends NetworkError {
  /** the class's name, for messages */
  override name = "NoSuchNetworkError";
}
