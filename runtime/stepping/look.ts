/**
 * What a process is to the kernel at this moment, read from /proc: everything that a birth changes.
 *
 * @module
 */

import { attempt } from "../../ffi/libc.ts";
import { capabilityNames } from "../capabilities.ts";
import { parseMountinfo } from "../diagnosis/mountinfo.ts";
import { readHostFile } from "../host_files.ts";

/** What parts a view has, in the order in which they are read. */
export const SECTIONS = [
  "namespaces",
  "maps",
  "root",
  "mounts",
  "files",
  "descriptors",
  "names",
  "parameters",
  "network",
  "cgroups",
  "ids",
  "rights",
  "limits",
  "process",
] as const;

/** One of them. */
export type Section = (typeof SECTIONS)[number];

/** A process at one moment: in each section, values by name. What is absent is not there. */
export type View = Record<Section, Map<string, string>>;

/** A process that can be looked at. */
export type Who = number | "self";

/** The names in /proc/PID/ns that a process is in, namespaces(7). */
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;

/** Looks at a process. A part that cannot be read is empty: the process may end at any time. */
export function look(who: Who): View {
  const view = Object.fromEntries(
    SECTIONS.map((section) => [section, new Map<string, string>()]),
  ) as View;
  const read = (file: string) => readHostFile(`/proc/${who}/${file}`) ?? "";
  readNamespaces(who, view.namespaces);
  for (const name of ["uid_map", "gid_map", "setgroups"]) {
    view.maps.set(name, read(name).trim().replace(/ +/g, " ").replaceAll("\n", ";") || "none");
  }
  const detached = readMounts(read("mountinfo"), view);
  view.root.set("working directory", link(`/proc/${who}/cwd`));
  readDescriptors(who, detached, view.descriptors);
  readNetwork(read, view.network);
  for (const line of lines(read("cgroup"))) {
    const [, controllers, ...path] = line.split(":");
    view.cgroups.set(controllers || "version 2", path.join(":"));
  }
  readStatus(read("status"), view);
  for (const line of lines(read("limits")).slice(1)) {
    const [name, soft, hard] = line.split(/ {2,}/);
    view.limits.set(name, `${soft}, at most ${hard}`);
  }
  readProcess(who, read, view.process);
  return view;
}

function readNamespaces(who: Who, into: Map<string, string>): void {
  for (const name of NAMESPACES) {
    const target = link(`/proc/${who}/ns/${name}`);
    if (target) into.set(name, target.slice(target.indexOf("[") + 1, -1));
  }
}

/**
 * Reads the mounts, by mount point: what lies below another at the same point is told by a number.
 *
 * @returns says of the number of a mount whether it is none of the process's tree
 */
function readMounts(mountinfo: string, view: View): (id: number) => boolean {
  const all = parseMountinfo(mountinfo);
  const seen = new Map<string, number>();
  for (const { point, type, root, options, isShared } of all) {
    const count = (seen.get(point) ?? 0) + 1;
    seen.set(point, count);
    const from = root === "/" ? type : `${type}:${root}`;
    const propagation = isShared ? "shared" : "private";
    view.mounts.set(
      count > 1 ? `${point} (${count})` : point,
      `${from} ${options.join(",")} ${propagation}`,
    );
  }
  const top = all.findLast(({ point }) => point === "/");
  if (top) {
    view.root.set("root file system", top.root === "/" ? top.type : `${top.type}:${top.root}`);
  }
  const shared = all.filter(({ isShared }) => isShared).length;
  view.root.set("mounts that are shared", shared === 0 ? "none" : String(shared));
  // what a child has open still lies in its parent's tree
  const ours = parseMountinfo(readHostFile("/proc/self/mountinfo") ?? "");
  return (id) => ![...all, ...ours].some((mount) => mount.id === id);
}

/** `struct statfs`: where its flags are, and what the bits are called, statfs(2). */
const STATFS = { size: 120, flags: 80 } as const;
const ST = { ro: 1, nosuid: 2, nodev: 4, noexec: 8, noatime: 0x400 } as const;

function readDescriptors(
  who: Who,
  isDetached: (mount: number) => boolean,
  into: Map<string, string>,
): void {
  const directory = `/proc/${who}/fd`;
  for (const name of names(directory)) {
    const target = link(`${directory}/${name}`);
    // the directory that is being read is one of this process's own
    if (target === "" || (who === "self" && /^\/proc\/\d+\/fd$/.test(target))) continue;
    const info = readHostFile(`/proc/${who}/fdinfo/${name}`) ?? "";
    const mount = Number(/^mnt_id:\s*(\d+)/m.exec(info)?.[1]);
    const isFree = target.startsWith("/") && isDetached(mount);
    const flags = isFree ? mountFlags(`${directory}/${name}`) : undefined;
    into.set(
      name,
      flags === undefined ? target : `${target} of a mount outside its tree, ${flags}`,
    );
  }
}

function mountFlags(path: string): string {
  const buffer = new Uint8Array(STATFS.size);
  if (attempt.statfs(path, buffer) < 0) return "";
  const flags = new DataView(buffer.buffer).getInt32(STATFS.flags, true);
  const words = Object.entries(ST).flatMap(([word, bit]) => flags & bit ? [word] : []);
  return words.includes("ro") ? words.join(",") : ["rw", ...words].join(",");
}

function readNetwork(read: (file: string) => string, into: Map<string, string>): void {
  for (const line of lines(read("net/dev")).slice(2)) into.set(line.split(":")[0].trim(), "there");
  // the local table lists each address that is the namespace's own, on a line above its kind
  const trie = lines(read("net/fib_trie"));
  trie.forEach((line, i) => {
    const address = /\|-- ([\d.]+)$/.exec(line)?.[1];
    if (address && trie[i + 1]?.includes("/32 host LOCAL")) {
      into.set(address, "an address of its own");
    }
  });
  for (const line of lines(read("net/if_inet6"))) {
    const [address, , , , , name] = line.trim().split(/ +/);
    into.set(address.replace(/(.{4})(?!$)/g, "$1:"), `an address of ${name}`);
  }
  for (const line of lines(read("net/route")).slice(1)) {
    const [name, destination, gateway] = line.split("\t");
    into.set(`route to ${dotted(destination)}`, `${name} by ${dotted(gateway)}`);
  }
}

/** An address as /proc/net/route has it: eight digits, the last byte first. */
function dotted(hex: string): string {
  return [6, 4, 2, 0].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(".");
}

const IDS = { Uid: "user", Gid: "group", Groups: "further groups" } as const;
const SETS = {
  CapBnd: "bounding set",
  CapPrm: "permitted",
  CapEff: "effective",
  CapInh: "inheritable",
  CapAmb: "ambient",
} as const;
const RIGHTS = { NoNewPrivs: "no_new_privs", Seccomp: "seccomp mode", Seccomp_filters: "filters" };
const PROCESS = { Umask: "umask", SigBlk: "blocked signals", SigIgn: "ignored signals" } as const;

function readStatus(status: string, view: View): void {
  const fields = new Map(
    lines(status).map((line) => {
      const [name, ...rest] = line.split(":");
      return [name, rest.join(":").trim().replaceAll("\t", " ")];
    }),
  );
  const take = (names: Record<string, string>, into: Map<string, string>) => {
    for (const [field, name] of Object.entries(names)) {
      const value = fields.get(field);
      if (value !== undefined) into.set(name, value || "none");
    }
  };
  take(IDS, view.ids);
  take(RIGHTS, view.rights);
  take(PROCESS, view.process);
  for (const [field, name] of Object.entries(SETS)) {
    const mask = fields.get(field);
    if (mask) view.rights.set(name, capabilityNames(BigInt(`0x${mask}`)).join(" ") || "none");
  }
  const cpus = fields.get("Cpus_allowed_list");
  if (cpus) view.limits.set("CPUs", cpus);
}

function readProcess(who: Who, read: (file: string) => string, into: Map<string, string>): void {
  const exe = link(`/proc/${who}/exe`);
  if (exe) into.set("program", exe);
  into.set("score for the OOM killer", read("oom_score_adj").trim());
  into.set("personality", read("personality").trim());
  const stat = read("stat");
  // proc_pid_stat(5); the name in parentheses may hold anything
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => fields[number - 3] ?? "";
  into.set("session", field(6));
  into.set("process group", field(5));
  into.set("terminal", field(7) === "0" ? "none" : field(7));
  into.set("nice", field(19));
  into.set("scheduling policy", field(41));
  for (const line of lines(read("timens_offsets"))) {
    const [clock, ...offset] = line.trim().split(/\s+/);
    into.set(`offset of ${clock}`, offset.join("."));
  }
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function link(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

function names(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch {
    return [];
  }
}
