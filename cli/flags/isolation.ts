/**
 * What a container shares with the host: its names, and its namespaces.
 *
 * @module
 */

import type { NamespaceChoice } from "../../runtime/image_config/options.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { type UsageError, wrongFlag, wrongValue } from "./grammar.ts";
import { statOf } from "./paths.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { options } = command;
  const { pid, ipc, uts, cgroupns, userns, "add-host": hosts } = flags;
  for (const flag of ["hostname", "domainname"] as const) {
    if (flags[flag]) options[flag] = name(flag, flags[flag]);
  }
  if (hosts) command.extraHosts = hosts.map(hostLine);
  if (ipc !== undefined) options.ipc = ipc === "none" ? ipc : mode("ipc", ipc);
  if (uts !== undefined) options.uts = mode("uts", uts);
  if (cgroupns !== undefined) options.cgroupns = mode("cgroupns", cgroupns);
  if (pid !== undefined) options.pid = hostOrPrivate(pid);
  if (userns !== undefined) options.userns = hostUsers(userns);
  if (options.uts === "host" && (options.hostname || options.domainname)) {
    const flag = options.hostname ? "hostname" : "domainname";
    throw wrongFlag(`--uts host has the host's names, so --${flag} cannot give another`);
  }
}

/** A name that sethostname(2) and setdomainname(2) take, and that means something in a network. */
function name(flag: string, text: string): string {
  if (text.length > 64) throw wrongValue(flag, text, "is longer than the 64 bytes it may have");
  if (/^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$/.test(text)) return text;
  throw wrongValue(flag, text, "is not a host's name: letters, digits, - and . between them");
}

/** `NAME:ADDRESS` or `NAME=ADDRESS`, as a line of hosts(5). */
function hostLine(text: string): string {
  const match = /^([a-zA-Z0-9_.-]+)[:=]\[?([0-9a-fA-F:.]+|host-gateway)\]?$/.exec(text);
  // the host's address as the container sees it is known when it has a network
  const isMeant = match && (match[2] === "host-gateway" || isAddress(match[2]));
  if (isMeant) return `${match[2]}\t${match[1]}`;
  throw wrongValue("add-host", text, "is not NAME:ADDRESS, as db:192.0.2.7 or host:host-gateway");
}

function isAddress(text: string): boolean {
  const isIPv4 = /^(\d{1,3}\.){3}\d{1,3}$/.test(text) &&
    text.split(".").every((part) => Number(part) <= 255);
  return isIPv4 || text.includes(":") && URL.canParse(`http://[${text}]/`);
}

/** The modes of those that have other ones. */
const MODES: Readonly<Record<string, string>> = { ipc: "private, none, host or ns:PATH" };

/** A namespace of its own, the host's, or the one at a path. */
function mode(flag: string, text: string): NamespaceChoice {
  if (text === "private" || text === "host") return text;
  // The container's own, which others may join as well.
  if (flag === "ipc" && text === "shareable") return "private";
  const path = text.startsWith("ns:") ? text.slice("ns:".length) : undefined;
  if (path === undefined) throw wrongMode(flag, text, MODES[flag] ?? "private, host or ns:PATH");
  if (!path.startsWith("/")) throw wrongValue(flag, text, "has a path that is not absolute");
  if (!statOf(path)) throw wrongValue(flag, text, "names a namespace that is not there");
  return path as `/${string}`;
}

/** A process cannot move into another PID namespace; its children can, and its proc cannot. */
function hostOrPrivate(text: string): "host" | "private" {
  if (text === "private" || text === "host") return text;
  throw wrongMode("pid", text, "private or host");
}

function hostUsers(text: string): "host" | undefined {
  if (text !== "host") throw wrongMode("userns", text, "host");
  if (Deno.uid() === 0) return "host";
  throw wrongFlag("--userns host: only root can make a container without a user namespace");
}

function wrongMode(flag: string, text: string, modes: string): UsageError {
  const isContainer = text.startsWith("container:") && modes.includes("ns:");
  const container = isContainer ? "; a running container's is ns:/proc/PID/ns/…" : "";
  return wrongValue(flag, text, `is not ${modes}${container}`);
}
