/**
 * Hosts as a doctor would find them, written down: files by path, programs, libraries, and what came
 * of the probes.
 *
 * @module
 */

import type { Host } from "../../../runtime/doctor.ts";
import { fakeFiles, HYBRID, PURE } from "../cgroups/hosts.ts";

/** What of a host is not as usual. */
export interface Recorded extends Partial<Omit<Host, "program" | "isPrivileged" | "hasLibrary">> {
  /** files beside the usual ones; undefined for one that is not there */
  files?: Record<string, string | undefined>;
  /** beginnings of paths that this user may not write to */
  readOnly?: string[];
  /** programs that are not there */
  without?: string[];
  /** programs that have no rights beyond their caller's */
  weak?: string[];
}

const COMMON = {
  "/proc/filesystems": "nodev\tsysfs\nnodev\tdevpts\nnodev\toverlay\n\text4\n",
  "/proc/sys/kernel/seccomp/actions_avail": "kill_process trap errno allow\n",
  "/proc/swaps": "Filename\tType\n/dev/vda2 partition\n",
  "/dev/ptmx": "",
  "/dev/kvm": "",
  "/sys/module/kvm_amd/parameters/nested": "1\n",
  "/dev/net/tun": "",
  "/run/systemd/system/x": "",
  "/etc/passwd": "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n",
};

/** A host with version 2 alone and systemd, as it is after an installation, for root. */
export function root(recorded: Recorded = {}, groups: Record<string, string> = PURE): Host {
  const { files, readOnly, without = [], weak = [], ...rest } = recorded;
  const all = {
    ...groups,
    "/sys/fs/cgroup/user.slice/memory.swap.max": "max\n",
    ...COMMON,
    ...files,
  };
  const texts = Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return {
    ...fakeFiles(texts, readOnly),
    uid: 0,
    gid: 0,
    kernel: "6.12.0",
    deno: "2.9.6",
    arch: "x86_64",
    dataRoot: "/var/lib/tiffin",
    program: (name) => without.includes(name) ? undefined : `/usr/bin/${name}`,
    isPrivileged: (path) => !weak.includes(path),
    hasLibrary: (name) => !without.includes(name),
    free: () => 50 * 2 ** 30,
    probes: {},
    ...rest,
  };
}

/** The same host for the ordinary user ann, whom systemd has handed nothing down. */
export function ordinary(recorded: Recorded = {}): Host {
  const { files, ...rest } = recorded;
  return root({
    uid: 1000,
    gid: 1000,
    dataRoot: "/home/ann/.local/share/tiffin",
    readOnly: ["/sys/fs/cgroup"],
    files: {
      "/etc/subuid": "ann:100000:65536\n",
      "/etc/subgid": "ann:100000:65536\n",
      ...files,
    },
    ...rest,
  });
}

/** A host with version 1's controllers and version 2 beside them. */
export function hybrid(recorded: Recorded = {}): Host {
  return root(recorded, HYBRID);
}
