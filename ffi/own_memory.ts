/**
 * What a child needs of this process's memory when it does nothing but walk a program.
 *
 * A forked copy of Deno holds eight megabytes of its own as soon as Deno is gone. The machine, the
 * program, libc and a stack are a few hundred kilobytes; a child that stays gives back the rest.
 *
 * @module
 */

import { libc } from "./libc.ts";
import { machineAddress } from "./native.ts";

/** A stretch of memory, from its first byte to the one after its last. */
export type Stretch = [start: number, end: number];

/** Pages are larger on some machines: nothing is cut finer than this. */
const GRAIN = 64 * 1024;
/** Where mappings can begin, /proc/sys/vm/mmap_min_addr, and where those of 47 bits end. */
const [LOWEST, HIGHEST] = [GRAIN, 2 ** 47 - GRAIN];

/**
 * Lists what a child can give back with munmap(2), holes between mappings included.
 *
 * @param maps the text of /proc/self/maps, proc_pid_maps(5)
 * @param programs the memory of the programs that it walks
 * @returns nothing where the stack is not the one that this knows: on a thread of its own
 */
export function unneeded(
  maps: string,
  programs: readonly { address: number; size: number }[],
): Stretch[] {
  const lines = maps.split("\n").filter((line) => line !== "").map(parse);
  const stack = lines.find(({ name }) => name === "[stack]");
  if (!stack || !onMainThread()) return [];
  const kept: Stretch[] = lines.filter(isNeeded).map(({ start, end }) => [start, end]);
  // what libc keeps for a thread is at the place of its errno, and not in a mapping of libc's
  const places = [libc.__errno_location(), machineAddress];
  for (const place of places) {
    const found = lines.find(({ start, end }) => start <= place && place < end);
    kept.push(found ? [found.start, found.end] : [place - place % GRAIN, place + GRAIN]);
  }
  for (const { address, size } of programs) {
    kept.push([address - address % GRAIN, Math.ceil((address + size + 8) / GRAIN) * GRAIN]);
  }
  // a stack grows downwards, up to RLIMIT_STACK
  kept.push([stack.start - 2 ** 23, stack.end]);
  return holes(kept.sort(([a], [b]) => a - b));
}

/** libc with the loader that made it, and what the kernel puts into every process, vdso(7). */
function isNeeded({ name, start }: Line, i: number, lines: readonly Line[]): boolean {
  const before = lines[i - 1];
  // a library's variables that begin as zeros have no file
  const isRest = name === "" && before?.end === start && isLibrary(before.name);
  return isRest || isLibrary(name) || name.startsWith("[v");
}

function isLibrary(path: string): boolean {
  return /\/(libc|ld-)[^/]*\.so/.test(path);
}

function holes(kept: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = [];
  let from = LOWEST;
  for (const [start, end] of kept) {
    if (start > from && from < HIGHEST) found.push([from, Math.min(start, HIGHEST)]);
    from = Math.max(from, end);
  }
  if (from < HIGHEST) found.push([from, HIGHEST]);
  return found;
}

interface Line {
  start: number;
  end: number;
  name: string;
}

function parse(line: string): Line {
  const [, start, end, name] = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+ *(.*)$/.exec(line)!;
  return { start: parseInt(start, 16), end: parseInt(end, 16), name };
}

/** A thread's own number is the process's on the main thread alone, gettid(2). */
function onMainThread(): boolean {
  return Deno.readLinkSync("/proc/thread-self").endsWith(`/${Deno.pid}`);
}
