/**
 * Which limits containers can have: for each of them a group is planned, as `run` would do it, and
 * the plan says whether it could be had.
 *
 * @module
 */

import { readCgroupHost, words } from "../cgroups/host.ts";
import { CgroupError, type CgroupHost } from "../cgroups/plan.ts";
import { planCgroup } from "../cgroups/planner.ts";
import type { LinuxResources } from "../spec.ts";
import type { Finding, Host } from "./finding.ts";

/** A limit that `run` can be asked for. */
interface Limit {
  /** the controller that it needs */
  controller: string;
  /** the flag that asks for it */
  flag: string;
  /** a small one, as the specification has it */
  resources: LinuxResources;
}

const LIMITS: Limit[] = [
  { controller: "cpu", flag: "--cpus", resources: { cpu: { quota: 50_000, period: 100_000 } } },
  { controller: "cpuset", flag: "--cpuset-cpus", resources: { cpu: { cpus: "0" } } },
  { controller: "io", flag: "--blkio-weight", resources: { blockIO: { weight: 500 } } },
  { controller: "memory", flag: "--memory", resources: { memory: { limit: 64 << 20 } } },
  { controller: "pids", flag: "--pids-limit", resources: { pids: { limit: 50 } } },
];
const SWAP: LinuxResources = { memory: { limit: 64 << 20, swap: 128 << 20 } };

/** The hierarchy, each controller, delegation, swap. */
export async function examineCgroups(host: Host): Promise<Finding[]> {
  const groups = readCgroupHost(host);
  if (groups.mode === "none") {
    return [{
      subject: "control groups",
      state: "limited",
      found: "not mounted: no limit can be set",
      fix: "sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup",
    }];
  }
  const limits: Finding[] = [];
  for (const limit of LIMITS) limits.push(await examineLimit(host, groups, limit));
  const found = groups.mode === "v2"
    ? "version 2"
    : "version 1, with version 2 beside it for what has no limits";
  return [
    { subject: "control groups", state: "good", found },
    ...together(limits),
    ...(host.uid === 0 ? [] : [await examineDelegation(host, groups)]),
    await examineSwap(host, groups),
  ];
}

/** Limits that are refused for the same reason are told in one finding. */
function together(limits: Finding[]): Finding[] {
  const [{ found, fix }] = limits;
  const isOne = limits.every((limit) => limit.state !== "good" && limit.found === found);
  return isOne ? [{ subject: "all limits", state: "limited", found, fix }] : limits;
}

/** Why a group with these limits cannot be had; nothing where it can. */
async function refusal(
  host: Host,
  groups: CgroupHost,
  resources: LinuxResources,
): Promise<string | undefined> {
  try {
    await planCgroup(groups, { path: "/tiffin-doctor", resources, rootless: host.uid !== 0 }, host);
  } catch (error) {
    if (error instanceof CgroupError) return error.message.slice(error.field.length + 2);
    throw error;
  }
}

async function examineLimit(
  host: Host,
  groups: CgroupHost,
  { controller, flag, resources }: Limit,
): Promise<Finding> {
  const subject = `limit ${flag}`;
  const problem = await refusal(host, groups, resources);
  if (problem === undefined) {
    return { subject, state: "good", found: `controller ${controller} works` };
  }
  return { subject, state: "limited", found: problem, fix: fixFor(host, groups, controller) };
}

/** What gives a user a controller. */
function fixFor(host: Host, { mode, v2, v1 }: CgroupHost, controller: string): string {
  const old = controller === "io" ? "blkio" : controller;
  const isOffered = v1.has(old) || (v2?.controllers.includes(controller) ?? false);
  if (!isOffered) {
    return onBoot(controller === "memory" ? "cgroup_enable=memory" : "cgroup_no_v1=all");
  }
  if (host.uid === 0) return "sudo mount -o remount,rw /sys/fs/cgroup";
  if (!host.exists("/run/systemd/system")) return AS_ROOT;
  if (mode !== "v2") return onBoot("systemd.unified_cgroup_hierarchy=1");
  const service = `${v2!.mount}/user.slice/user-${host.uid}.slice/user@${host.uid}.service`;
  const given = words(host.read(`${service}/cgroup.controllers`));
  return given.includes(controller) ? IN_A_SCOPE : HAND_DOWN;
}

/** Version 1 and systems without systemd hand nothing down. */
const AS_ROOT = 'sudo env "PATH=$PATH" deno run -A mod.ts run …';
/** A group of the user's own, systemd-run(1). */
const IN_A_SCOPE = "systemd-run --user --scope -p Delegate=yes deno run -A mod.ts run …";
/** All controllers for every user's services, systemd.resource-control(5). */
const HAND_DOWN = "sudo mkdir -p /etc/systemd/system/user@.service.d && " +
  "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | " +
  "sudo tee /etc/systemd/system/user@.service.d/delegate.conf && " +
  "sudo systemctl daemon-reload   # then log in again";

/** Adds a word to the kernel's command line, grub-mkconfig(8). */
function onBoot(word: string): string {
  return `sudo sed -i 's/^GRUB_CMDLINE_LINUX="/&${word} /' /etc/default/grub && ` +
    "sudo update-grub && sudo reboot";
}

async function examineDelegation(host: Host, groups: CgroupHost): Promise<Finding> {
  const subject = "delegation";
  const plan = await planCgroup(groups, { path: "/tiffin-doctor", rootless: true }, host);
  if (plan.directories.length > 0) {
    return { subject, state: "good", found: `groups are made as ${plan.directories.at(-1)!.path}` };
  }
  return {
    subject,
    state: "limited",
    found: "this user may make no control groups: containers have no limits and no stats",
    fix: groups.mode === "v2" && host.exists("/run/systemd/system") ? IN_A_SCOPE : AS_ROOT,
  };
}

async function examineSwap(host: Host, groups: CgroupHost): Promise<Finding> {
  const subject = "limit --memory-swap";
  const problem = await refusal(host, groups, SWAP);
  if (problem === undefined) return { subject, state: "good", found: "swap is counted" };
  const isMemoryAtAll = await refusal(host, groups, { memory: SWAP.memory && { limit: 64 << 20 } });
  return {
    subject,
    state: "limited",
    found: problem,
    fix: isMemoryAtAll === undefined ? onBoot("swapaccount=1") : fixFor(host, groups, "memory"),
  };
}
