/**
 * The flags of `run`: their names, which are Docker's, and a line of help for each.
 *
 * @module
 */

import type { FlagTable, Hidden } from "./grammar.ts";
import { NETWORK, NETWORK_HIDDEN } from "./network_table.ts";

export { NETWORK };

/** Read by `process.ts`. */
export const PROCESS = {
  env: {
    short: "e",
    value: "KEY[=VALUE]",
    many: true,
    help: "set a variable; KEY alone passes on the caller's",
  },
  "env-file": { value: "FILE", many: true, help: "set the variables that a file lists" },
  workdir: { short: "w", value: "DIR", help: "start in this directory" },
  user: { short: "u", value: "USER[:GROUP]", help: "run as this user; names or numbers" },
  "group-add": { value: "GROUP", many: true, help: "be in this group too; a name or number" },
  entrypoint: { value: "PROGRAM", help: "run this in place of the image's entrypoint" },
  init: { help: "have a small init as PID 1, which reaps orphans" },
  "stop-signal": { value: "SIGNAL", help: "the signal that asks it to end" },
} as const satisfies FlagTable;

/** Read by `run_flags.ts` itself. */
export const CONTAINER = {
  detach: { short: "d", help: "leave it running, and print its ID" },
  interactive: { short: "i", help: "attach standard input (the default; -i=false: not)" },
  tty: { short: "t", help: "give it a terminal (default at one; -t=false: not)" },
  rm: { help: "remove it when it has ended (the default without -d; --rm=false: not)" },
  name: { value: "NAME", help: "call it so" },
} as const satisfies FlagTable;

/** Read by `lifecycle.ts`. */
export const LIFECYCLE = {
  cidfile: { value: "FILE", help: "write its ID into this file, which must not be there yet" },
  restart: { value: "POLICY", help: "no, on-failure[:TIMES], always, unless-stopped (with -d)" },
  "stop-timeout": { value: "SECONDS", help: "how long stop waits before it kills (10)" },
  "health-cmd": { value: "COMMAND", help: "a shell command that says whether it is well" },
  "health-interval": { value: "TIME", help: "between two checks, as 1m30s (30s)" },
  "health-timeout": { value: "TIME", help: "a check that takes longer has failed (30s)" },
  "health-retries": { value: "NUMBER", help: "so many failures in a row: unhealthy (3)" },
  "health-start-period": { value: "TIME", help: "in which failures do not count (0s)" },
  "health-start-interval": { value: "TIME", help: "between two checks in that time (5s)" },
  "no-healthcheck": { help: "not even the image's own check" },
} as const satisfies FlagTable;

/** Read by `log.ts`. */
export const LOG = {
  "log-driver": { value: "DRIVER", help: "local (the default; json-file too), none: keep no log" },
  "log-opt": {
    value: "KEY=VALUE",
    many: true,
    help: "max-size=SIZE of a file (20m; -1: no limit), max-file=NUMBER of them (5)",
  },
} as const satisfies FlagTable;

/** Read by `labels.ts`. */
export const LABELS = {
  label: { short: "l", value: "KEY[=VALUE]", many: true, help: "put a label on it" },
  "label-file": { value: "FILE", many: true, help: "put the labels on it that a file lists" },
  annotation: { value: "KEY=VALUE", many: true, help: "put an annotation into its OCI spec" },
} as const satisfies FlagTable;

/** Read by `run_flags.ts` itself. */
export const IMAGE = {
  pull: { value: "WHEN", help: "missing (the default), always, or never" },
  platform: { value: "PLATFORM", help: "take the image for this platform: linux/arm64" },
  quiet: { short: "q", help: "show nothing of the fetching" },
  rootfs: { value: "DIR", help: "run this directory as the root, and no image" },
} as const satisfies FlagTable;

/** Read by `storage.ts`. */
export const STORAGE = {
  volume: {
    short: "v",
    value: "SOURCE:DEST[:ro]",
    many: true,
    help: "put a directory, or a named volume, at DEST",
  },
  mount: { value: "type=TYPE,…", many: true, help: "the same, and tmpfs, in long words" },
  tmpfs: { value: "DEST[:OPTIONS]", many: true, help: "mount an empty tmpfs at DEST" },
  "read-only": { help: "make the root file system read-only" },
  "shm-size": { value: "SIZE", help: "size of /dev/shm (default 64m)" },
} as const satisfies FlagTable;

/** Read by `devices.ts`. */
export const DEVICES = {
  device: { value: "NODE[:DEST][:rwm]", many: true, help: "give it a device of the host's" },
  "device-cgroup-rule": {
    value: "RULE",
    many: true,
    help: "allow a kind of device, as 'c 1:3 rwm'",
  },
  "device-read-bps": { value: "DISK:SIZE", many: true, help: "bytes read a second" },
  "device-write-bps": { value: "DISK:SIZE", many: true, help: "bytes written a second" },
  "device-read-iops": { value: "DISK:NUMBER", many: true, help: "reads a second" },
  "device-write-iops": { value: "DISK:NUMBER", many: true, help: "writes a second" },
  "blkio-weight-device": { value: "DISK:NUMBER", many: true, help: "weight, 10 to 1000" },
} as const satisfies FlagTable;

/** Read by `limits.ts`. */
export const LIMITS = {
  memory: { short: "m", value: "SIZE", help: "memory limit, as 512m or 1.5g" },
  "memory-swap": { value: "SIZE", help: "memory and swap together; -1: no limit" },
  "memory-reservation": { value: "SIZE", help: "memory that it keeps when the host is short" },
  "memory-swappiness": { value: "0-100", help: "how readily it is swapped (cgroup v1)" },
  "oom-kill-disable": { help: "wait at the limit instead of a kill (cgroup v1)" },
  "oom-score-adj": { value: "NUMBER", help: "-1000 (killed last) to 1000 (killed first)" },
  cpus: { value: "NUMBER", help: "how many CPUs' time it may use, as 0.5" },
  "cpu-period": { value: "USEC", help: "microseconds that --cpu-quota is a part of" },
  "cpu-quota": { value: "USEC", help: "microseconds of CPU time in each period" },
  "cpu-rt-period": { value: "USEC", help: "real-time period (cgroup v1)" },
  "cpu-rt-runtime": { value: "USEC", help: "real-time in each (cgroup v1)" },
  "cpu-shares": { short: "c", value: "2-262144", help: "weight against others (1024)" },
  "cpu-weight": { value: "1-10000", help: "the same on cgroup v2's scale (100)" },
  "cpuset-cpus": { value: "LIST", help: "run on these CPUs, as 0-3,7" },
  "cpuset-mems": { value: "LIST", help: "take memory from these NUMA nodes" },
  "pids-limit": { value: "NUMBER", help: "how many processes and threads; -1: no limit" },
  "blkio-weight": { value: "10-1000", help: "disk weight against others" },
  ulimit: { value: "NAME=SOFT[:HARD]", many: true, help: "limit of a process, as nofile=1024" },
  "cgroup-parent": { value: "PATH", help: "make its cgroup below this one" },
} as const satisfies FlagTable;

/** Read by `isolation.ts`. */
export const ISOLATION = {
  hostname: { short: "h", value: "NAME", help: "its host name (default: its ID's first 12)" },
  domainname: { value: "NAME", help: "its NIS domain name" },
  "add-host": { value: "NAME:ADDRESS", many: true, help: "a line for its /etc/hosts" },
  pid: { value: "MODE", help: "private (the default) or host" },
  ipc: { value: "MODE", help: "private (the default), none, host, ns:PATH" },
  uts: { value: "MODE", help: "private (the default), host, ns:PATH" },
  cgroupns: { value: "MODE", help: "private (the default), host, ns:PATH" },
  userns: { value: "MODE", help: "host: none of its own (the default for root)" },
} as const satisfies FlagTable;

/** Read by `security.ts`. */
export const SECURITY = {
  privileged: { help: "all capabilities, all devices, nothing masked" },
  "cap-add": { value: "CAPABILITY", many: true, help: "give it a capability, or ALL" },
  "cap-drop": { value: "CAPABILITY", many: true, help: "take one away, or ALL" },
  "security-opt": {
    value: "OPTION",
    many: true,
    help: "no-new-privileges=false, seccomp=FILE, seccomp=unconfined, systempaths=unconfined, " +
      "mask=PATH, unmask=PATH",
  },
  sysctl: { value: "KEY=VALUE", many: true, help: "set a kernel parameter of its own" },
} as const satisfies FlagTable;

/** Read by `run_flags.ts` itself. */
export const WATCH = {
  explain: { value: "FORM", bare: "text", help: "print each call of the start, start nothing" },
  trace: { help: "start it, and print each call with its result and time" },
} as const satisfies FlagTable;

/** The flags under the headings that the help shows them by. */
export const RUN_FLAG_GROUPS: Readonly<Record<string, FlagTable>> = {
  "What runs": PROCESS,
  "The container": { ...CONTAINER, ...LABELS },
  "How it goes on": { ...LIFECYCLE, ...LOG },
  "Its image": IMAGE,
  "Its files": STORAGE,
  "Its devices": DEVICES,
  "Its limits": LIMITS,
  "Its network": NETWORK,
  "What it shares with the host": ISOLATION,
  "What it may do": SECURITY,
  "Watching it start": WATCH,
};

/** All flags of `run`. */
export const RUN_FLAGS:
  & typeof PROCESS
  & typeof CONTAINER
  & typeof LIFECYCLE
  & typeof LOG
  & typeof LABELS
  & typeof IMAGE
  & typeof STORAGE
  & typeof DEVICES
  & typeof LIMITS
  & typeof NETWORK
  & typeof ISOLATION
  & typeof SECURITY
  & typeof WATCH = {
    ...PROCESS,
    ...CONTAINER,
    ...LIFECYCLE,
    ...LOG,
    ...LABELS,
    ...IMAGE,
    ...STORAGE,
    ...DEVICES,
    ...LIMITS,
    ...NETWORK,
    ...ISOLATION,
    ...SECURITY,
    ...WATCH,
  };

const FOREGROUND = "without -d, all three streams are attached until it ends";

/** Names that are understood and not listed: Docker's other flags among them. */
export const RUN_HIDDEN: Readonly<Record<string, Hidden>> = {
  ...NETWORK_HIDDEN,
  attach: { short: "a", refused: FOREGROUND },
  "detach-keys": { refused: `${FOREGROUND}: start it with -d, and tiffin attach has this flag` },
  "sig-proxy": { refused: "signals are always passed on" },
  gpus: { refused: "give the GPU's nodes with --device, as --device /dev/dri" },
  runtime: { refused: "Tiffin is the runtime" },
  "storage-opt": { refused: "there is one storage driver, overlayfs, without options" },
  "volume-driver": { refused: "volumes are directories of the host's" },
  "volumes-from": { refused: "name the volumes with -v" },
  "disable-content-trust": { refused: "signatures are not checked; digests always are" },
  "kernel-memory": { refused: "the kernel has ignored it since 5.4; --memory counts it" },
};
