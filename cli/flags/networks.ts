/**
 * The networks that a container is to be in: its addresses and names there, its ports, and whom it
 * asks for names.
 *
 * @module
 */

import { formatIp, parseIp } from "../../runtime/network/addresses.ts";
import type { NetworkRequest, NetworkUse } from "../../runtime/network/request.ts";
import type { RunFlags } from "../run_flags.ts";
import { wrongValue } from "./grammar.ts";
import { parsePublish } from "./publish.ts";

/** What these flags ask for, with the networks that `--network` names. */
export function readNetworks(flags: RunFlags, words: readonly string[]): NetworkRequest {
  const { publish, "publish-all": publishAll, expose } = flags;
  return withoutUndefined({
    networks: usesOf(flags, words),
    publish: publish?.map(parsePublish),
    publishAll,
    expose: expose?.map(exposed),
    ...readResolver(flags),
  });
}

/** Whom the container asks for names. */
export function readResolver(flags: RunFlags): NetworkRequest {
  const { dns, "dns-search": dnsSearch, "dns-option": dnsOptions } = flags;
  return withoutUndefined({
    dns: dns?.map((text) => addressText("dns", text)),
    dnsSearch,
    dnsOptions,
  });
}

/** The networks; what is said of "the" address or name is meant for the first. */
function usesOf(flags: RunFlags, words: readonly string[]): NetworkUse[] | undefined {
  const { ip, ip6, "mac-address": mac, "network-alias": aliases } = flags;
  const own = withoutUndefined<Omit<NetworkUse, "name">>({
    address: ip === undefined ? undefined : addressText("ip", ip, 4),
    address6: ip6 === undefined ? undefined : addressText("ip6", ip6, 6),
    mac: mac === undefined ? undefined : macText("mac-address", mac),
    aliases: aliases?.map(hostName),
  });
  if (words.length === 0 && Object.keys(own).length === 0) return undefined;
  const uses = words.length > 0 ? words.map(useOf) : [{ name: "bridge" }];
  return uses.map((use, i) => i === 0 ? { ...use, ...own } : use);
}

/** A network's name, or Docker's longer form: `name=web,alias=db,ip=10.90.0.5`. */
function useOf(word: string): NetworkUse {
  if (!word.includes("=")) return { name: networkName(word) };
  const use: NetworkUse = { name: "" };
  for (const part of word.split(",")) {
    const equals = part.indexOf("=");
    const [key, value] = [part.slice(0, Math.max(equals, 0)), part.slice(equals + 1)];
    if (key === "name") use.name = networkName(value);
    else if (key === "alias") (use.aliases ??= []).push(hostName(value));
    else if (key === "ip") use.address = addressText("network", value, 4);
    else if (key === "ip6") use.address6 = addressText("network", value, 6);
    else if (key === "mac-address") use.mac = macText("network", value);
    else {throw wrongValue(
        "network",
        word,
        "has a part that is not name, alias, ip, ip6, mac-address",
      );}
  }
  if (use.name === "") throw wrongValue("network", word, "does not say name=");
  return use;
}

function networkName(word: string): string {
  if (word === "default") return "bridge";
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(word)) return word;
  throw wrongValue(
    "network",
    word,
    "is not a network's name, none, host, container:NAME or ns:PATH",
  );
}

/** An address, in the one form that it has here. */
export function addressText(flag: string, text: string, version?: 4 | 6): string {
  const ip = parseIp(text);
  if (ip && (version === undefined || ip.version === version)) return formatIp(ip);
  const kind = version === undefined ? "an address" : `an IPv${version} address`;
  throw wrongValue(flag, text, `is not ${kind}`);
}

function macText(flag: string, text: string): string {
  const mac = text.toLowerCase().replaceAll("-", ":");
  // the lowest bit of the first byte makes an address that of a group
  const isOne = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) && (parseInt(mac, 16) & 1) === 0;
  if (isOne) return mac;
  throw wrongValue(flag, text, "is not a hardware address, as 02:42:0a:4d:00:05");
}

function hostName(text: string): string {
  if (/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9_])?$/.test(text)) return text;
  throw wrongValue("network-alias", text, "is not a host's name: letters, digits, - and .");
}

function exposed(text: string): string {
  const [, from, to = from] = /^(\d+)(?:-(\d+))?(?:\/(?:tcp|udp))?$/.exec(text) ?? [];
  if (
    from !== undefined && Number(from) >= 1 && Number(to) <= 65535 && Number(from) <= Number(to)
  ) {
    return text;
  }
  throw wrongValue("expose", text, "is not PORT, PORT-PORT or PORT/udp");
}

/** Without the names that have no value: such an object is kept in a record, and compared. */
function withoutUndefined<T extends object>(object: T): T {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}
