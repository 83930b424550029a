/**
 * The three files of /etc that tell a container about its network: hosts, hostname, resolv.conf.
 *
 * They are no part of an image: each container gets its own, bound over what the image has.
 *
 * @module
 */

import type { Mount } from "./spec.ts";

/** Reads a file of the host's; `undefined` where there is none, or none that may be read. */
export function readHostFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** What the files are made from. */
export interface HostFileOptions {
  /** the container's own host name */
  hostname: string;
  /** whether the container shares the host's network */
  sharesNetwork: boolean;
  /** lines `address name` of `--add-host` */
  extraHosts?: string[];
  /** what its network has to say */
  network?: NetworkLines;
  /** reads a file of the host's; `undefined` where there is none */
  read: (path: string) => string | undefined;
}

/** What a container's network has to say in the files. */
export interface NetworkLines {
  /** lines for hosts(5): the container's own addresses */
  hosts?: string[];
  /** the host's address, as the container sees it: `host-gateway` */
  gateway?: string;
  /** lines for resolv.conf(5) in place of the host's, by their first words */
  resolver?: { nameserver?: string[]; search?: string[]; options?: string[] };
  /** the directory of a container whose network it shares: its files are the same */
  copyOf?: string;
}

const HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** hosts(5): the names that need no server. With the host's network, they are the host's. */
function hosts({ sharesNetwork, extraHosts = [], network = {}, read }: HostFileOptions): string {
  const base = sharesNetwork ? read("/etc/hosts") ?? HOSTS : HOSTS;
  const extra = extraHosts.map((line) =>
    line.replace(/^host-gateway\t/, `${network.gateway ?? "127.0.0.1"}\t`)
  );
  return base + [...network.hosts ?? [], ...extra].map((line) => `${line}\n`).join("");
}

/** hostname(5). */
function hostname({ hostname }: HostFileOptions): string {
  return `${hostname}\n`;
}

/** A server on the host's own loopback, which another network namespace cannot reach. */
const LOOPBACK_SERVER = /^\s*nameserver\s+(127\.|::1\b)/;

/**
 * resolv.conf(5): the host's, without servers on its own loopback; where all are there, those that
 * systemd-resolved(8) asks itself. What the network or a flag says takes the place of such lines.
 */
function resolvConf({ sharesNetwork, network, read }: HostFileOptions): string {
  const text = read("/etc/resolv.conf") ?? "";
  const { nameserver, search, options } = network?.resolver ?? {};
  const isOwn = [nameserver, search, options].some((list) => list?.length);
  if (sharesNetwork && !isOwn) return text;
  const own = Object.entries({ nameserver, search, options }).filter(([, list]) => list?.length);
  let lines = text.split("\n");
  if (!sharesNetwork && !nameserver) {
    const others = lines.filter((line) => !LOOPBACK_SERVER.test(line));
    const hasServer = others.some((line) => /^\s*nameserver\s/.test(line));
    lines = hasServer ? others : read("/run/systemd/resolve/resolv.conf")?.split("\n") ?? others;
  }
  if (own.length === 0) return lines.join("\n");
  const replaced = new RegExp(
    `^\\s*(${own.map(([word]) => word === "search" ? "search|domain" : word).join("|")})\\s`,
  );
  const kept = lines.filter((line) => line.trim() !== "" && !replaced.test(line));
  const added = own.flatMap(([word, list]) =>
    word === "nameserver" ? list!.map((each) => `${word} ${each}`) : [`${word} ${list!.join(" ")}`]
  );
  return [...kept, ...added].map((line) => `${line}\n`).join("");
}

/** A file of the container's own, where it is on the host, and how it gets to its place. */
export interface HostFile {
  /** where it is written, below the container's own directory */
  path: string;
  /** what is in it */
  content: string;
  /** one line for the reader */
  why: string;
  /** the bind mount that puts it to its place */
  mount: Mount;
}

/**
 * The files of a container.
 *
 * @param directory the container's own, where they are kept
 * @param taken destinations at which something else is mounted
 */
export function hostFiles(
  directory: string,
  taken: readonly string[],
  about: HostFileOptions,
): HostFile[] {
  const files = { hosts, hostname, "resolv.conf": resolvConf };
  const same = (name: string) =>
    about.network?.copyOf && about.read(`${about.network.copyOf}/${name}`);
  return Object.entries(files)
    .filter(([name]) => !taken.includes(`/etc/${name}`))
    .map(([name, make]) => ({
      path: `${directory}/${name}`,
      content: same(name) || make(about),
      why: `/etc/${name} is the container's own, not the image's`,
      mount: {
        destination: `/etc/${name}`,
        type: "bind",
        source: `${directory}/${name}`,
        options: ["bind", "rprivate"],
      },
    }));
}
