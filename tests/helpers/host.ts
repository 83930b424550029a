/**
 * What the host looks like before and after a test, and that it is the same.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";

/** The parts of a host that a container start touches, as lists of lines that can be compared. */
export interface HostSnapshot {
  /** The directory whose content and processes are in the snapshot. */
  directory: string;
  /** The mount table of this process, without the mounts' numbers. */
  mounts: string[];
  /** The names below /run/netns, as `ip netns` lists them. */
  namespaces: string[];
  /** The network devices of the host. */
  devices: string[];
  /** Every directory of every cgroup hierarchy. */
  cgroups: string[];
  /** The processes that name the directory in their command line, environment or mounts. */
  processes: string[];
  /** Every file below the directory, with its type, mode and, of a regular file, its size. */
  files: string[];
}

/** Look at the host now. */
export function hostSnapshot(directory: string): HostSnapshot {
  return {
    directory,
    mounts: lines("/proc/self/mountinfo").map((line) => line.replace(/^\d+ \d+ /, "")),
    namespaces: names("/run/netns"),
    devices: names("/sys/class/net"),
    cgroups: cgroupMounts().flatMap((mount) => directories(mount)),
    processes: names("/proc").filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => processOf(pid, directory)),
    files: files(directory),
  };
}

/**
 * Fail unless the host looks as it did, at the latest after so many milliseconds: what the kernel
 * or a process that is ending takes away a moment later was not left behind.
 */
export async function assertUnchanged(before: HostSnapshot, patience = 2000): Promise<void> {
  const deadline = Date.now() + patience;
  let after = hostSnapshot(before.directory);
  while (JSON.stringify(after) !== JSON.stringify(before) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    after = hostSnapshot(before.directory);
  }
  assertEquals(differences(before, after), []);
}

/** What came and what went, one line each: the lists themselves are too long to be read. */
export function differences(before: HostSnapshot, after: HostSnapshot): string[] {
  const parts = ["mounts", "namespaces", "devices", "cgroups", "processes", "files"] as const;
  return parts.flatMap((part) => [
    ...without(after[part], before[part]).map((line) => `${part}: new: ${line}`),
    ...without(before[part], after[part]).map((line) => `${part}: gone: ${line}`),
  ]);
}

/** The lines of one list that the other lacks, counting equal lines: a mount can be doubled. */
function without(list: string[], other: string[]): string[] {
  const left = new Map<string, number>();
  for (const line of other) left.set(line, (left.get(line) ?? 0) + 1);
  return list.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

function cgroupMounts(): string[] {
  return lines("/proc/self/mountinfo").map((line) => line.split(" "))
    .filter((fields) => fields[fields.indexOf("-") + 1]?.startsWith("cgroup"))
    .map((fields) => fields[4]);
}

function directories(path: string): string[] {
  return [
    path,
    ...entries(path).filter((entry) => entry.isDirectory)
      .flatMap((entry) => directories(`${path}/${entry.name}`)),
  ];
}

function processOf(pid: string, directory: string): string[] {
  if (Number(pid) === Deno.pid) return [];
  const commandLine = read(`/proc/${pid}/cmdline`);
  const traces = [commandLine, read(`/proc/${pid}/environ`), ownMounts(pid)];
  if (!traces.some((trace) => trace.includes(directory))) return [];
  return [`${pid} ${commandLine.replaceAll("\0", " ").trim()}`];
}

/** The mounts of a process that has a mount namespace of its own: the host's are in `mounts`. */
function ownMounts(pid: string): string {
  try {
    const own = Deno.readLinkSync(`/proc/${pid}/ns/mnt`);
    if (own === Deno.readLinkSync("/proc/self/ns/mnt")) return "";
  } catch {
    return "";
  }
  return read(`/proc/${pid}/mountinfo`);
}

function files(path: string): string[] {
  return entries(path).flatMap((entry) => {
    const file = `${path}/${entry.name}`;
    try {
      const { mode, size, isFile } = Deno.lstatSync(file);
      const line = `${file} ${(mode ?? 0).toString(8)}${isFile ? ` ${size}` : ""}`;
      return entry.isDirectory ? [line, ...files(file)] : [line];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}

function entries(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    // Gone since its parent was read, or another user's: neither can be this test's leftover.
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}

function names(path: string): string[] {
  return entries(path).map((entry) => entry.name);
}

function lines(path: string): string[] {
  return read(path).split("\n").filter((line) => line !== "");
}

/** A file's text; empty where the process it belongs to has ended or is another user's. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
