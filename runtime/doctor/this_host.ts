/**
 * The host that this process runs on, for a doctor.
 *
 * @module
 */

import { attempt } from "../../ffi/libc.ts";
import { hostFiles } from "../cgroups/host.ts";
import type { Host } from "./finding.ts";
import { probe, writablePlace } from "./probes.ts";

/** Where programs are that an ordinary user's `PATH` may leave out. */
const SYSTEM_DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin"];
/** `struct statfs`, statfs(2): the size of a block, and how many are free for ordinary users. */
const STATFS = { size: 120, block: 8, available: 32 } as const;

/** This host. @param dataRoot where containers would be kept */
export function thisHost(dataRoot: string): Host {
  const directories = [...(Deno.env.get("PATH") ?? "").split(":"), ...SYSTEM_DIRECTORIES];
  const uid = Deno.uid()!;
  const place = writablePlace(dataRoot);
  return {
    ...hostFiles,
    uid,
    gid: Deno.gid()!,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    arch: Deno.build.arch,
    dataRoot,
    program: (name) => {
      const runnable = 1;
      return directories.map((directory) => `${directory}/${name}`)
        .find((path) => attempt.access(path, runnable) === 0);
    },
    isPrivileged: (path) => {
      const setuid = 0o4000;
      const hasBit = ((Deno.statSync(path).mode ?? 0) & setuid) !== 0;
      return hasBit || attempt.lgetxattr(path, "security.capability", null, 0) > 0;
    },
    hasLibrary: (name) => {
      try {
        Deno.dlopen(name, {}).close();
        return true;
      } catch {
        return false;
      }
    },
    free: (path) => {
      let place = path;
      while (attempt.access(place, 0) < 0 && place !== "/") {
        place = place.replace(/\/[^/]*$/, "") || "/";
      }
      const buffer = new Uint8Array(STATFS.size);
      if (attempt.statfs(place, buffer) < 0) return undefined;
      const view = new DataView(buffer.buffer);
      const word = (at: number) => Number(view.getBigUint64(at, true));
      return word(STATFS.block) * word(STATFS.available);
    },
    probes: { ...probe(place, uid === 0), isShut: place === undefined },
  };
}
