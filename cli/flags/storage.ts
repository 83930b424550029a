/**
 * What is mounted in a container: `--volume`, `--mount`, `--tmpfs`, `--read-only`, `--shm-size`.
 *
 * @module
 */

import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";
import { readMount } from "./mount.ts";
import type { Storage } from "./storage_kinds.ts";
import { readTmpfs } from "./tmpfs.ts";
import { parseSize } from "./values.ts";
import { readVolume } from "./volume.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { options } = command;
  if (flags["read-only"] !== undefined) options.readonly = flags["read-only"];
  if (flags["shm-size"] !== undefined) options.shmSize = shmSize(flags["shm-size"]);
  const taken = new Set<string>();
  const all = [
    ...(flags.volume ?? []).map(readVolume),
    ...(flags.mount ?? []).map(readMount),
    ...(flags.tmpfs ?? []).map(readTmpfs),
  ];
  for (const storage of all) {
    const { destination } = storage;
    if (taken.has(destination)) {
      throw wrongFlag(`two things are to be mounted at ${destination}: leave one out`);
    }
    taken.add(destination);
    put(storage, command);
  }
}

function put(storage: Storage, command: RunCommand): void {
  const { options } = command;
  if (storage.kind === "volume") command.volumes.push(storage.volume);
  else if (storage.kind === "tmpfs") {
    options.tmpfs = { ...options.tmpfs, [storage.destination]: storage.options };
  } else {
    (options.mounts ??= []).push(storage.mount);
    if (storage.missing !== undefined) command.makeDirectories.push(storage.missing);
  }
}

function shmSize(text: string): number {
  const size = parseSize("shm-size", text);
  if (size > 0) return size;
  throw wrongValue("shm-size", text, "leaves no room: write 64m");
}
