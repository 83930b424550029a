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
  /** reads a file of the host's; `undefined` where there is none */
  read: (path: string) => string | undefined;
}

const HOSTS = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** hosts(5): the names that need no server. With the host's network, they are the host's. */
function hosts({ sharesNetwork, extraHosts = [], read }: HostFileOptions): string {
  const base = sharesNetwork ? read("/etc/hosts") ?? HOSTS : HOSTS;
  return base + extraHosts.map((line) => `${line}\n`).join("");
}

/** hostname(5). */
function hostname({ hostname }: HostFileOptions): string {
  return `${hostname}\n`;
}

/**
 * resolv.conf(5): the host's, without servers on the host's own loopback interface, which a
 * container with another network namespace cannot reach.
 */
function resolvConf({ sharesNetwork, read }: HostFileOptions): string {
  const text = read("/etc/resolv.conf") ?? "";
  if (sharesNetwork) return text;
  return text.split("\n")
    .filter((line) => !/^\s*nameserver\s+(127\.|::1\b)/.test(line))
    .join("\n");
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
  return Object.entries(files)
    .filter(([name]) => !taken.includes(`/etc/${name}`))
    .map(([name, make]) => ({
      path: `${directory}/${name}`,
      content: make(about),
      why: `/etc/${name} is the container's own, not the image's`,
      mount: {
        destination: `/etc/${name}`,
        type: "bind",
        source: `${directory}/${name}`,
        options: ["bind", "rprivate"],
      },
    }));
}
