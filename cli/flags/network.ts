/**
 * A container's network: which ones it is in, its addresses and names there, and its ports.
 *
 * @module
 */

import type { NamespaceChoice } from "../../runtime/image_config/options.ts";
import { formatIp, parseIp } from "../../runtime/network/addresses.ts";
import type { NetworkRequest, NetworkUse } from "../../runtime/network/request.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";
import { statOf } from "./paths.ts";
import { parsePublish } from "./publish.ts";

/** Flags that mean something only in a network of the container's own. */
const NEEDS_NETWORK = [
  ...["ip", "ip6", "mac-address", "network-alias"],
  ...["publish", "publish-all", "expose"],
] as const;

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const words = flags.network ?? [];
  const [word] = words;
  const mode = words.length === 1 ? modeOf(word) : undefined;
  if (mode !== undefined) return readMode(flags, command, word, mode);
  if (words.length > 1 && words.some((word) => modeOf(word) !== undefined)) {
    throw wrongFlag(
      `--network: ${words.find((word) => modeOf(word) !== undefined)} leaves no room for another`,
    );
  }
  const { publish, "publish-all": publishAll, expose } = flags;
  const { dns, "dns-search": dnsSearch, "dns-option": dnsOptions } = flags;
  const request: NetworkRequest = {
    networks: usesOf(flags, words),
    publish: publish?.map(parsePublish),
    publishAll,
    expose: expose?.map(exposed),
    dns: dns?.map((text) => addressText("dns", text)),
    dnsSearch,
    dnsOptions,
  };
  command.network = withoutUndefined(request);
}

/** A network namespace that is not the container's own, or one without any network in it. */
function modeOf(word: string): NamespaceChoice | "none" | "container" | undefined {
  if (word === "none" || word === "host") return word;
  if (word.startsWith("container:")) return "container";
  if (!word.startsWith("ns:")) return undefined;
  const path = word.slice("ns:".length);
  if (!path.startsWith("/")) throw wrongValue("network", word, "has a path that is not absolute");
  if (!statOf(path)) throw wrongValue("network", word, "names a namespace that is not there");
  return path as `/${string}`;
}

function readMode(
  flags: RunFlags,
  command: RunCommand,
  word: string,
  mode: NonNullable<ReturnType<typeof modeOf>>,
): void {
  const other = NEEDS_NETWORK.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (other !== undefined) {
    throw wrongFlag(`--${other} means nothing with --network ${word}: leave one of them away`);
  }
  const { dns, "dns-search": dnsSearch, "dns-option": dnsOptions } = flags;
  if (mode === "container") {
    const shares = word.slice("container:".length);
    if (shares === "") throw wrongValue("network", word, "names no container");
    if (flags.hostname) {
      throw wrongFlag(`--hostname means nothing with --network ${word}, whose name it has`);
    }
    command.network = { shares };
    return;
  }
  command.options.network = mode;
  if (dns || dnsSearch || dnsOptions) {
    command.network = withoutUndefined({
      dns: dns?.map((text) => addressText("dns", text)),
      dnsSearch,
      dnsOptions,
    });
  }
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
