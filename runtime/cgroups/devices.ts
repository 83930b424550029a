/**
 * Which devices a container may open and make, as rules in order: made complete here, and written
 * for version 1, whose kernel takes a list of exceptions. Version 2 takes a program instead, see
 * device_program.ts.
 *
 * A container's root has CAP_MKNOD, so without this control it could make itself a node for the
 * host's disk, and read it.
 *
 * @module
 */

import type { LinuxDeviceCgroup, LinuxResources } from "../spec/resources.ts";
import { CgroupError } from "./plan.ts";
import type { Setting } from "./values.ts";

/** Bits of what is done with a device, as bpf(2)'s `struct bpf_cgroup_dev_ctx` numbers them. */
export const ACCESS = { m: 1, r: 2, w: 4 } as const;
const EVERY_ACCESS = ACCESS.m | ACCESS.r | ACCESS.w;

/** A rule with nothing left out. */
export interface DeviceRule {
  /** True to allow. */
  allow: boolean;
  /** `a` for both. */
  type: "a" | "b" | "c";
  /** -1 for every one. */
  major: number;
  /** -1 for every one. */
  minor: number;
  /** Bits of {@linkcode ACCESS}. */
  access: number;
  /** What it is about, in one line. */
  why: string;
}

const ANY = -1;

const allow = (type: "b" | "c", major: number, minor: number, access: number, why: string) => {
  return { allow: true, type, major, minor, access, why };
};

/**
 * What every container may use: its default devices and pseudo-terminals, see "Default Devices" in
 * the specification's config-linux.md. Any node may be *made*, as Docker has it, since making one
 * does not open it. Left out of Docker's list are 5:1, which is the host's console here (the
 * container's own is one of 136), and 10:200, tun, which `--device /dev/net/tun` adds.
 */
const DEFAULTS: DeviceRule[] = [
  allow("c", ANY, ANY, ACCESS.m, "any node may be made, which does not open it"),
  allow("b", ANY, ANY, ACCESS.m, "any node may be made, which does not open it"),
  allow("c", 1, 3, EVERY_ACCESS, "/dev/null"),
  allow("c", 1, 5, EVERY_ACCESS, "/dev/zero"),
  allow("c", 1, 7, EVERY_ACCESS, "/dev/full"),
  allow("c", 1, 8, EVERY_ACCESS, "/dev/random"),
  allow("c", 1, 9, EVERY_ACCESS, "/dev/urandom"),
  allow("c", 5, 0, EVERY_ACCESS, "/dev/tty"),
  allow("c", 5, 2, EVERY_ACCESS, "/dev/ptmx, which opens a new pseudo-terminal"),
  allow("c", 136, ANY, EVERY_ACCESS, "/dev/pts/*, the pseudo-terminals"),
];

const DENY_ALL = complete({ allow: false }, 0);

/**
 * The rules of the specification with those that every container has. A rule about everything
 * starts over, so the defaults stand behind the last of these, where later rules may still narrow
 * them.
 */
export function deviceRules({ devices = [] }: LinuxResources): DeviceRule[] {
  const asked = devices.map(complete);
  const start = asked.findLastIndex(aboutEverything);
  return [asked[start] ?? DENY_ALL, ...DEFAULTS, ...asked.slice(start + 1)];
}

function complete(rule: LinuxDeviceCgroup, i: number): DeviceRule {
  const { allow, type = "a", major = ANY, minor = ANY, access = "rwm" } = rule;
  const field = `linux.resources.devices[${i}]`;
  if (!/^[abc]$/.test(type)) throw new CgroupError(`${field}.type`, `"${type}" is not a, b or c`);
  if (!/^[rwm]+$/.test(access)) {
    throw new CgroupError(`${field}.access`, `"${access}" has something else than r, w and m`);
  }
  let bits = 0;
  for (const letter of access) bits |= ACCESS[letter as keyof typeof ACCESS];
  return {
    allow,
    type,
    major: Math.max(major, ANY),
    minor: Math.max(minor, ANY),
    access: bits,
    why: `asked for by ${field}`,
  };
}

/** Whether nothing that was said before a rule can matter after it. */
export function aboutEverything({ type, major, minor, access }: DeviceRule): boolean {
  return type === "a" && major === ANY && minor === ANY && access === EVERY_ACCESS;
}

/** Whether the rules leave nothing to control, as `--privileged` has it. */
export function allowEverything(rules: DeviceRule[]): boolean {
  return rules.every((rule) => rule.allow) && rules.some(aboutEverything);
}

/**
 * The rules as version 1's `devices.allow` and `devices.deny` take them: one default, and a list of
 * exceptions to it. The kernel only takes back an exception that it was given in the same words, and
 * silently ignores others, so all of this is worked out here.
 */
export function deviceLines(rules: DeviceRule[]): Setting[] {
  let standard = false;
  let exceptions: DeviceRule[] = [];
  for (const rule of rules) {
    if (aboutEverything(rule)) {
      standard = rule.allow;
      exceptions = [];
      continue;
    }
    const change = rule.allow === standard ? takeBack : addException;
    if (rule.type === "a") {
      change(exceptions, { ...rule, type: "b" });
      change(exceptions, { ...rule, type: "c" });
    } else change(exceptions, { ...rule });
  }
  const start = standard ? "everything that the parent allows" : "nothing";
  const lines = [{ file: file(standard), value: "a", why: `start from ${start}` }];
  for (const rule of exceptions) {
    if (rule.access) lines.push({ file: file(!standard), value: line(rule), why: rule.why });
  }
  return lines;
}

const file = (allow: boolean) => allow ? "devices.allow" : "devices.deny";

/** `c 1:3 rwm`. */
function line({ type, major, minor, access }: DeviceRule): string {
  const device = `${major === ANY ? "*" : major}:${minor === ANY ? "*" : minor}`;
  const read = access & ACCESS.r ? "r" : "";
  const write = access & ACCESS.w ? "w" : "";
  const make = access & ACCESS.m ? "m" : "";
  return `${type} ${device} ${read}${write}${make}`;
}

/** Whether all devices of one rule are devices of the other. */
function covers(wide: DeviceRule, narrow: DeviceRule): boolean {
  return wide.type === narrow.type &&
    (wide.major === ANY || wide.major === narrow.major) &&
    (wide.minor === ANY || wide.minor === narrow.minor);
}

function overlap(a: DeviceRule, b: DeviceRule): boolean {
  const meet = (x: number, y: number) => x === ANY || y === ANY || x === y;
  return a.type === b.type && meet(a.major, b.major) && meet(a.minor, b.minor);
}

/**
 * Adds an exception. The kernel wants a single one to allow all that is done at once (read and
 * write, in an open), so a narrow one takes over the bits of a wide one.
 */
function addException(exceptions: DeviceRule[], rule: DeviceRule): void {
  let known = false;
  const { access } = rule;
  for (const old of exceptions) {
    if (old.type !== rule.type) continue;
    const inside = covers(old, rule);
    const outside = covers(rule, old);
    if (!inside && !outside && overlap(old, rule)) throw cannotSay(rule, old);
    if (inside) rule.access |= old.access;
    if (outside) old.access |= access;
    known ||= inside && outside;
  }
  if (!known) exceptions.push(rule);
}

/** Takes an exception back, which version 1 can do for whole exceptions only. */
function takeBack(exceptions: DeviceRule[], rule: DeviceRule): void {
  for (const old of exceptions) {
    if (!(old.access & rule.access) || !overlap(old, rule)) continue;
    // Docker takes /dev/fuse back whole; that it can still be made is no right to open it
    if (isMaking(old) && !covers(rule, old)) continue;
    if (!covers(rule, old)) throw cannotSay(rule, old);
    old.access &= ~rule.access;
  }
}

/** Whether a rule is the one by which every container may make any node. */
function isMaking({ major, minor, access }: DeviceRule): boolean {
  return major === ANY && minor === ANY && access === ACCESS.m;
}

function cannotSay(rule: DeviceRule, old: DeviceRule): CgroupError {
  return new CgroupError(
    "linux.resources.devices",
    `"${line(rule)}" means some of what "${line(old)}" means, and version 1 of control groups ` +
      "cannot say so; name the devices one by one instead",
  );
}
