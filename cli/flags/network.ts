/**
 * A container's network: none, the host's, another container's, a namespace that is there; all else
 * is a matter of networks, and networks.ts reads it.
 *
 * @module
 */

import type { NamespaceChoice } from "../../runtime/image_config/options.ts";
import { later } from "../../runtime/later.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";

/** Flags that mean something only in a network of the container's own. */
const NEEDS_NETWORK = [
  ...["ip", "ip6", "mac-address", "network-alias"],
  ...["publish", "publish-all", "expose"],
] as const;

/** Flags that mean something only where the container has an /etc/resolv.conf of its own. */
const RESOLVER = ["dns", "dns-search", "dns-option"] as const;

/** Writes what these flags say into the command. */
export async function read(flags: RunFlags, command: RunCommand): Promise<void> {
  const words = flags.network ?? [];
  const mode = words.find(isMode);
  if (mode !== undefined) {
    if (words.length > 1) throw wrongFlag(`--network: ${mode} leaves no room for another`);
    readMode(flags, command, mode);
    if (RESOLVER.every((name) => flags[name] === undefined)) return;
  }
  const { readNetworks, readResolver } = await later<typeof import("./networks.ts")>(
    import.meta,
    "./networks.ts",
  );
  if (mode === undefined) command.network = readNetworks(flags, words);
  else command.network = { ...command.network, ...readResolver(flags) };
}

/** Whether a word names a network namespace, and no network. */
function isMode(word: string): boolean {
  return word === "none" || word === "host" || /^(container|ns):/.test(word);
}

function readMode(flags: RunFlags, command: RunCommand, word: string): void {
  const isShared = word.startsWith("container:");
  const other = [...NEEDS_NETWORK, ...(isShared ? RESOLVER : [])]
    .find((name) => flags[name] !== undefined && flags[name] !== false);
  if (other !== undefined) {
    throw wrongFlag(`--${other} means nothing with --network ${word}: leave one of them away`);
  }
  if (!isShared) {
    command.options.network = namespaceOf(word);
    return;
  }
  const shares = word.slice("container:".length);
  if (shares === "") throw wrongValue("network", word, "names no container");
  if (flags.hostname) {
    throw wrongFlag(`--hostname means nothing with --network ${word}, whose name it has`);
  }
  command.network = { shares };
}

/** The namespace that a word means, as an option of the container's. */
function namespaceOf(word: string): NamespaceChoice | "none" {
  if (word === "none" || word === "host") return word;
  const path = word.slice("ns:".length);
  if (!path.startsWith("/")) throw wrongValue("network", word, "has a path that is not absolute");
  if (!isThere(path)) throw wrongValue("network", word, "names a namespace that is not there");
  return path as `/${string}`;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
