/**
 * Containers that a lesson looks at from outside.
 *
 * @module
 */

import { findContainer } from "../runtime/containers.ts";
import { readHostFile } from "../runtime/host_files.ts";
import { descendants, type Running, type Workshop } from "./workshop.ts";

/** A container that runs, and its first process as the host counts. */
export interface WatchedContainer {
  /** its first process, which has become the container's program */
  pid: number;
  /** the `tiffin run` that waits for it */
  running: Running;
}

/**
 * Starts a container by `tiffin run` and waits until its program runs.
 *
 * @param args the words after `run`
 * @throws {Error} with what `tiffin` wrote, if there is no container after ten seconds
 */
export async function startContainer(
  workshop: Workshop,
  args: readonly string[],
): Promise<WatchedContainer> {
  const running = workshop.start(["tiffin", "run", ...args]);
  const pid = await workshop.until(() => descendants(running.pid).find(isFirstProcess));
  if (pid === undefined) throw new Error(`tiffin run ${args.join(" ")}: ${running.output()}`);
  return { pid, running };
}

/** A container that runs by itself, under its monitor. */
export interface Detached {
  /** its name */
  name: string;
  /** its first process, as the host counts */
  pid: number;
}

/**
 * Starts a container by `tiffin run --detach`, without a network; it is removed in the end.
 *
 * @param args the words after `run`
 * @throws {Error} with what `tiffin` wrote, if there is no container
 */
export async function startDetached(
  workshop: Workshop,
  args: readonly string[],
): Promise<Detached> {
  const name = `lesson-${crypto.randomUUID().slice(0, 8)}`;
  workshop.defer(() => workshop.run(["tiffin", "rm", "-f", name]));
  const { code, output } = await workshop.run([
    ...["tiffin", "run", "--detach", "--network", "none", "--name", name, ...args],
  ]);
  if (code !== 0) throw new Error(`tiffin run --detach ${args.join(" ")}: ${output}`);
  const { process } = await findContainer(workshop.root, name);
  // one that has ended at once has no process any more
  return { name, pid: process?.pid ?? 0 };
}

/** Whether a process is number 1 of a PID namespace, and no longer the copy of Deno it began as. */
function isFirstProcess(pid: number): boolean {
  const numbers = statusField(pid, "NSpid").split("\t");
  if (numbers.length < 2 || numbers.at(-1) !== "1") return false;
  try {
    return Deno.readLinkSync(`/proc/${pid}/exe`) !== Deno.execPath();
  } catch {
    return false;
  }
}

/** A field of /proc/PID/status, proc(5); empty for a process that is gone. */
export function statusField(pid: number | "self", name: string): string {
  const status = readHostFile(`/proc/${pid}/status`) ?? "";
  return status.split("\n").find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1).trim() ?? "";
}

/** The names in /proc/PID/ns that are namespaces a process is in, namespaces(7). */
export const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;

/** What a link in /proc/PID/ns says: `uts:[4026531838]`. */
export function namespaceOf(pid: number | "self", name: (typeof NAMESPACES)[number]): string {
  return Deno.readLinkSync(`/proc/${pid}/ns/${name}`);
}
