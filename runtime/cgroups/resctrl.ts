/**
 * Shares of the processor's caches and memory bandwidth: Intel's RDT, by the resctrl file system
 * (the kernel's Documentation/filesystems/resctrl.rst; runtime-spec, config-linux.md, "IntelRdt").
 *
 * A class of service is a directory with a file of limits and a file of tasks, so it is planned,
 * joined and removed as one more directory of the container's control group.
 *
 * @module
 */

import type { LinuxIntelRdt } from "../spec.ts";
import { type CgroupFiles, hostFiles } from "./host.ts";
import { CgroupError, type CgroupPlan } from "./plan.ts";

const FIELD = "linux.intelRdt";

/**
 * Adds a class of service to the plan of a container's control group.
 *
 * @param id the container's, which names the class unless the spec does
 * @throws {CgroupError} where this host has no such thing, or another of the same name
 */
export function planResctrl(
  plan: CgroupPlan,
  rdt: LinuxIntelRdt,
  id: string,
  files: CgroupFiles = hostFiles,
): void {
  const mount = mountPoint(files.read("/proc/self/mountinfo") ?? "");
  if (!mount) {
    throw new CgroupError(
      FIELD,
      "resctrl is not mounted: on a processor that has RDT, mount -t resctrl resctrl /sys/fs/resctrl",
    );
  }
  refuseMissing(mount, rdt, files);
  const { closID, enableCMT, enableMBM } = rdt;
  const schemas = [rdt.l3CacheSchema, rdt.memBwSchema].filter((schema) => schema !== undefined);
  const directory = `${mount}/${closID ?? id}`;
  const isThere = files.exists(directory);
  if (isThere && closID === undefined) {
    throw new CgroupError(
      FIELD,
      `${directory} is there already: choose another id, or name a closID`,
    );
  }
  if (isThere) compare(schemas, files.read(`${directory}/schemata`) ?? "", directory);
  else if (closID !== undefined && schemas.length === 0) {
    throw new CgroupError(
      `${FIELD}.closID`,
      `${directory} is not there, and no schema to make it by`,
    );
  } else {
    make(plan, directory, "the container's class of service");
    if (schemas.length) {
      plan.writes.push({
        path: `${directory}/schemata`,
        // the kernel refuses a line without an end
        value: schemas.map((schema) => `${schema.trim()}\n`).join(""),
        why: "its shares of caches and memory bandwidth",
      });
    }
  }
  join(plan, directory);
  // a class that is only this container's is watched as such
  if (!isThere || !(enableCMT || enableMBM)) return;
  const watched = `${directory}/mon_groups/${id}`;
  make(plan, watched, "counted apart from the others of its class");
  join(plan, watched);
}

function make(plan: CgroupPlan, path: string, why: string): void {
  plan.directories.push({ path, why, shared: false });
  plan.record.made.push(path);
}

function join(plan: CgroupPlan, directory: string): void {
  plan.joins.push({ path: `${directory}/tasks`, why: "joins it: processors count by task" });
}

function mountPoint(mountinfo: string): string | undefined {
  return mountinfo.split("\n").find((line) => line.includes(" - resctrl "))?.split(" ")[4];
}

/** What the processor or the mount does not have. */
function refuseMissing(mount: string, rdt: LinuxIntelRdt, files: CgroupFiles): void {
  const features = (files.read(`${mount}/info/L3_MON/mon_features`) ?? "").split("\n");
  const has = (name: string) => files.exists(`${mount}/info/${name}`);
  const checks: [keyof LinuxIntelRdt, boolean, string][] = [
    ["l3CacheSchema", has("L3") || has("L3CODE"), "to share its third-level cache"],
    ["memBwSchema", has("MB"), "to share memory bandwidth"],
    ["enableCMT", features.includes("llc_occupancy"), "to watch how much of a cache is used"],
    ["enableMBM", features.includes("mbm_total_bytes"), "to watch memory bandwidth"],
  ];
  for (const [field, isThere, what] of checks) {
    if (!rdt[field] || isThere) continue;
    throw new CgroupError(
      `${FIELD}.${field}`,
      `this machine offers no way ${what}: see ${mount}/info`,
    );
  }
}

/** A class that is there must be what the spec says, or others in it would change with it. */
function compare(schemas: string[], there: string, directory: string): void {
  const normal = (text: string) =>
    text.split("\n").map((line) => line.replaceAll(/\s/g, "")).filter((line) => line !== "");
  const lines = normal(there);
  for (const line of schemas.flatMap(normal)) {
    if (lines.includes(line)) continue;
    throw new CgroupError(
      `${FIELD}.closID`,
      `${directory} is there, but its schemata has no ${line}`,
    );
  }
}
