/**
 * From an image and `run`'s options to a container's spec: here stand the defaults that make a
 * container what people know from Docker.
 *
 * Docker's own are in moby's daemon/pkg/oci/defaults.go and daemon/oci_linux.go; where ours are
 * stricter, it is said.
 *
 * @module
 */

import type { ImageConfig } from "./image_config/image.ts";
import { containerMounts } from "./image_config/mounts.ts";
import { isPath, namespaces, userNamespace } from "./image_config/namespaces.ts";
import type { RunOptions } from "./image_config/options.ts";
import { containerProcess } from "./image_config/process.ts";
import type { Linux, LinuxDeviceCgroup, LinuxResources, Spec } from "./spec.ts";

export { DEFAULT_PATH, ImageConfigError, INIT_PATH } from "./image_config/process.ts";

export type * from "./image_config/image.ts";
export type * from "./image_config/options.ts";

/** The version of the runtime specification that our specs follow. */
export const OCI_VERSION = "1.2.1";

/**
 * What a container must not read, because it tells about the host or its hardware.
 *
 * /proc/interrupts lets keystrokes be timed, powercap lets other processes' work be measured
 * (CVE-2020-8694). What only some machines have is in {@link thermalThrottlePaths}.
 */
export const DEFAULT_MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

/** What a container must not write, because it is the whole machine's. */
export const DEFAULT_READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** The annotation that keeps an image's StopSignal: OCI image-spec, conversion.md. */
const STOP_SIGNAL_ANNOTATION = "org.opencontainers.image.stopSignal";

/**
 * Makes the spec of a container.
 *
 * A pure function: it looks at nothing but its arguments, and changes none of them. What the
 * options say is not checked here; `validateSpec` finds a wrong value in the spec that they make.
 *
 * @param image a config that was checked when it came in, as the store does (image_config/checked.ts)
 * @throws {ImageConfigError} for an image that names no command where none is given
 * @throws {CapabilityError} for an unknown name in `capAdd` or `capDrop`
 */
export function specFromImage(image: ImageConfig, options: RunOptions): Spec {
  const defaults = image.config ?? {};
  const { uts, id, domainname } = options;
  const hostname = options.hostname ?? (uts === "host" ? undefined : id.slice(0, 12));
  const stopSignal = options.stopSignal ?? defaults.StopSignal;
  return {
    ociVersion: OCI_VERSION,
    process: containerProcess(defaults, hostname, options),
    root: { path: options.rootfs, readonly: options.readonly ?? false },
    hostname: uts === "host" ? undefined : hostname,
    domainname: uts === "host" ? undefined : domainname,
    mounts: containerMounts(options),
    annotations: {
      ...(stopSignal ? { [STOP_SIGNAL_ANNOTATION]: stopSignal } : {}),
      ...options.annotations,
    },
    linux: containerLinux(options),
  };
}

/**
 * The paths that Docker masks on the machines that have them: a CPU's count of thermal events tells
 * what others compute (GHSA-6fw5-f8r9-fgfm). Real hardware of Intel's has them, virtual has not.
 *
 * @param cpus the directory that the kernel lists the CPUs in
 */
export function thermalThrottlePaths(cpus = "/sys/devices/system/cpu"): string[] {
  try {
    Deno.lstatSync(`${cpus}/cpu0/thermal_throttle`);
  } catch {
    return [];
  }
  const names = Array.from(Deno.readDirSync(cpus), ({ name }) => name);
  return names.filter((name) => /^cpu\d+$/.test(name)).sort()
    .map((cpu) => `${cpus}/${cpu}/thermal_throttle`);
}

/** What only Linux has. */
function containerLinux(options: RunOptions): Linux {
  const { privileged, seccomp, uidMappings, gidMappings } = options;
  const isNew = userNamespace(options) === "private";
  return {
    namespaces: namespaces(options),
    uidMappings: isNew ? uidMappings : undefined,
    gidMappings: isNew ? gidMappings : undefined,
    devices: options.devices?.map(({ device }) => device),
    cgroupsPath: options.cgroupsPath,
    resources: resources(options),
    sysctl: sysctls(options),
    seccomp: seccomp === "unconfined" ? undefined : seccomp,
    rootfsPropagation: options.rootfsPropagation,
    maskedPaths: options.maskedPaths ?? (privileged ? [] : [...DEFAULT_MASKED_PATHS]),
    readonlyPaths: options.readonlyPaths ?? (privileged ? [] : [...DEFAULT_READONLY_PATHS]),
    mountLabel: options.mountLabel,
  };
}

/** The cgroup's limits. */
function resources(options: RunOptions): LinuxResources | undefined {
  // Whoever is not root can neither make a device node nor load the program that judges them.
  if (options.rootless) return options.resources;
  return { ...options.resources, devices: deviceRules(options) };
}

/** Nothing but the devices that every container has (they need no rule), and those asked for. */
function deviceRules(options: RunOptions): LinuxDeviceCgroup[] {
  if (options.privileged) return [{ allow: true, access: "rwm" }];
  const rules: LinuxDeviceCgroup[] = [{ allow: false, access: "rwm" }];
  for (const { device: { type, major, minor }, access } of options.devices ?? []) {
    if (type === "p") continue;
    rules.push({ allow: true, type: type === "b" ? "b" : "c", major, minor, access });
  }
  return [...rules, ...options.deviceCgroupRules ?? []];
}

/** Docker lets everybody in a container ping, and listen on every port: it is its own network. */
function sysctls(options: RunOptions): Record<string, string> {
  const { network, sysctls } = options;
  if (network === "host" || isPath(network)) return { ...sysctls };
  return {
    "net.ipv4.ip_unprivileged_port_start": "0",
    // The kernel takes no group here that the user namespace does not have.
    ...(userNamespace(options) === "host"
      ? { "net.ipv4.ping_group_range": "0 2147483647" }
      : undefined),
    ...sysctls,
  };
}
