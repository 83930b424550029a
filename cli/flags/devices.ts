/**
 * Devices: `--device`, `--device-cgroup-rule`, and the limits of single disks.
 *
 * @module
 */

import type { DeviceOption } from "../../runtime/image_config/options.ts";
import type { LinuxBlockIO, LinuxBlockIODevice, LinuxDeviceCgroup } from "../../runtime/spec.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongValue } from "./grammar.ts";
import { containerPath, statOf } from "./paths.ts";
import { parseSize, parseWhole } from "./values.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { options } = command;
  const { device, "device-cgroup-rule": rules } = flags;
  if (device) options.devices = device.flatMap(deviceOptions);
  if (rules) options.deviceCgroupRules = rules.map(deviceRule);
  const blockIO: LinuxBlockIO = {};
  const sized = { "device-read-bps": "ReadBps", "device-write-bps": "WriteBps" } as const;
  for (const [flag, field] of entries(sized)) {
    if (flags[flag]) blockIO[`throttle${field}Device`] = flags[flag].map((it) => rate(flag, it));
  }
  const counted = { "device-read-iops": "ReadIOPS", "device-write-iops": "WriteIOPS" } as const;
  for (const [flag, field] of entries(counted)) {
    if (flags[flag]) blockIO[`throttle${field}Device`] = flags[flag].map((it) => rate(flag, it));
  }
  if (flags["blkio-weight-device"]) blockIO.weightDevice = flags["blkio-weight-device"].map(weight);
  if (Object.keys(blockIO).length > 0) options.resources = { ...options.resources, blockIO };
}

function entries<K extends string, V>(object: Record<K, V>): [K, V][] {
  return Object.entries(object) as [K, V][];
}

/** `DEVICE[:DEST][:rwm]`: a node of the host's, or all those below a directory of the host's. */
function deviceOptions(text: string): DeviceOption[] {
  const wrong = (problem: string) => wrongValue("device", text, problem);
  const parts = text.split(":");
  if (parts.length > 3 || parts.includes("")) throw wrong("is not DEVICE[:DEST][:rwm]");
  const [source, second = source, third = "rwm"] = parts;
  const isAccess = parts.length === 2 && /^[rwm]+$/.test(second);
  const [target, access] = isAccess ? [source, second] : [second, third];
  if (!source.startsWith("/")) throw wrong("is not a path: a device begins with /dev/");
  if (!/^[rwm]+$/.test(access) || new Set(access).size < access.length) {
    throw wrong(`has "${access}" for what may be done: r, w and m, each once`);
  }
  const destination = containerPath("device", target);
  const stat = statOf(source);
  if (!stat) throw wrong("is not there");
  if (stat.isDirectory) {
    const found = nodesBelow(source).map(([path, stat]) => {
      return deviceOption(destination + path.slice(source.length), stat, access);
    });
    if (found.length === 0) throw wrong("is a directory without devices in it");
    return found;
  }
  if (!isNode(stat)) throw wrong("is not a device");
  return [deviceOption(destination, stat, access)];
}

function nodesBelow(directory: string): [string, Deno.FileInfo][] {
  return Array.from(Deno.readDirSync(directory)).flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    if (isDirectory) return nodesBelow(path);
    const stat = statOf(path);
    return stat && isNode(stat) ? [[path, stat] as [string, Deno.FileInfo]] : [];
  });
}

function isNode(stat: Deno.FileInfo): boolean {
  return Boolean(stat.isBlockDevice || stat.isCharDevice);
}

/** The node as it is on the host. Who is not root has no right to give it an owner. */
function deviceOption(path: string, stat: Deno.FileInfo, access: string): DeviceOption {
  const owner = Deno.uid() === 0 ? { uid: stat.uid!, gid: stat.gid! } : {};
  const type = stat.isBlockDevice ? "b" : "c";
  const fileMode = stat.mode! & 0o777;
  return { device: { path, type, ...deviceNumbers(stat.rdev!), fileMode, ...owner }, access };
}

/** A device number's two halves, which makedev(3) mixes. */
export function deviceNumbers(rdev: number): LinuxBlockIODevice {
  const [high, low] = [Math.floor(rdev / 2 ** 32), rdev % 2 ** 32];
  // Bits 8 to 19 of the lower half are the major's lower ones; 0 to 7 and 20 to 31 the minor's.
  const major = ((low >>> 8) & 0xfff) + (high & 0xfffff000);
  const minor = (low & 0xff) + ((low >>> 12) & 0xfff00) + (high & 0xfff) * 2 ** 20;
  return { major, minor };
}

/** `TYPE MAJOR:MINOR ACCESS`, with `*` for any number. */
function deviceRule(text: string): LinuxDeviceCgroup {
  const match = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (!match) {
    throw wrongValue("device-cgroup-rule", text, "is not TYPE MAJOR:MINOR ACCESS, as 'c 1:3 rwm'");
  }
  const [, type, major, minor, access] = match;
  const number = (digits: string) => digits === "*" ? undefined : Number(digits);
  return {
    allow: true,
    type: type as "a" | "c" | "b",
    major: number(major),
    minor: number(minor),
    access,
  };
}

/** `DISK:RATE`. */
function rate(flag: string, text: string): LinuxBlockIODevice & { rate: number } {
  const { value, numbers } = disk(flag, text);
  const rate = flag.endsWith("bps")
    ? parseSize(flag, value)
    : parseWhole(flag, value, 0, Number.MAX_SAFE_INTEGER);
  return { ...numbers, rate };
}

/** `DISK:WEIGHT`. */
function weight(text: string): LinuxBlockIODevice & { weight: number } {
  const flag = "blkio-weight-device";
  const { value, numbers } = disk(flag, text);
  return { ...numbers, weight: parseWhole(flag, value, 10, 1000) };
}

function disk(flag: string, text: string): { value: string; numbers: LinuxBlockIODevice } {
  const colon = text.lastIndexOf(":");
  const path = text.slice(0, Math.max(colon, 0));
  if (path === "") throw wrongValue(flag, text, "is not DISK:VALUE, as /dev/sda:1m");
  const stat = statOf(path);
  if (!stat) throw wrongValue(flag, path, "is not there");
  if (!stat.isBlockDevice) throw wrongValue(flag, path, "is not a block device");
  return { value: text.slice(colon + 1), numbers: deviceNumbers(stat.rdev!) };
}
