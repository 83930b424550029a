/**
 * The limits that are asked for, each with its controller in the version that this host has it in.
 *
 * @module
 */

import type { LinuxResources } from "../spec/resources.ts";
import { CgroupError, type CgroupHost } from "./plan.ts";
import * as v1 from "./v1.ts";
import * as v2 from "./v2.ts";
import { type Ground, pids, rdma, type Setting } from "./values.ts";

/** A limit that this host can honour, if its controller can be had. */
export interface Limit {
  /** Under the name that its version has for it; absent for what is there without any. */
  controller?: string;
  /** The field that asks for it. */
  field: string;
  /** What has to be written. */
  write(ground: Ground): Setting[];
}

type Write = (resources: LinuxResources, ground: Ground) => Setting[];

/** A controller under the names that the versions have for it, and who writes its files. */
interface Controller {
  v1?: { name: string; write: Write };
  v2?: { name: string; write: Write };
  /** The group of fields in `linux.resources` that its limits stand in, */
  group: keyof LinuxResources;
  /** and which of them, where another controller has the rest. */
  fields?: string[];
  /** Those of them that ask for nothing. */
  except?: string[];
}

const CONTROLLERS: Controller[] = [
  {
    v1: { name: "memory", write: v1.memory },
    v2: { name: "memory", write: v2.memory },
    group: "memory",
    except: ["useHierarchy", "checkBeforeUpdate"],
  },
  {
    v1: { name: "cpu", write: v1.cpu },
    v2: { name: "cpu", write: v2.cpu },
    group: "cpu",
    except: ["cpus", "mems"],
  },
  {
    v1: { name: "cpuset", write: v1.cpuset },
    v2: { name: "cpuset", write: v2.cpuset },
    group: "cpu",
    fields: ["cpus", "mems"],
  },
  {
    v1: { name: "pids", write: pids },
    v2: { name: "pids", write: pids },
    group: "pids",
  },
  {
    v1: { name: "blkio", write: v1.blkio },
    v2: { name: "io", write: v2.io },
    group: "blockIO",
  },
  {
    v1: { name: "hugetlb", write: v1.hugetlb },
    v2: { name: "hugetlb", write: v2.hugetlb },
    group: "hugepageLimits",
  },
  {
    v1: { name: "rdma", write: rdma },
    v2: { name: "rdma", write: rdma },
    group: "rdma",
  },
  {
    v1: { name: "net_cls", write: v1.netCls },
    group: "network",
    fields: ["classID"],
  },
  {
    v1: { name: "net_prio", write: v1.netPrio },
    group: "network",
    fields: ["priorities"],
  },
];

/**
 * The limits that are asked for, by the version that their controllers live in.
 *
 * @throws {CgroupError} for what neither version has on this host
 */
export function limitsOf(
  host: CgroupHost,
  resources: LinuxResources,
): { v1: Limit[]; v2: Limit[] } {
  const limits: { v1: Limit[]; v2: Limit[] } = { v1: [], v2: [] };
  for (const controller of CONTROLLERS) {
    const field = askedBy(controller, resources);
    if (!field) continue;
    const { v1, v2 } = controller;
    const version = v1 && host.v1.has(v1.name) ? "v1" : "v2";
    const chosen = controller[version];
    if (!chosen) throw new CgroupError(field, `needs version 1's ${v1!.name} controller`);
    const { name, write } = chosen;
    limits[version].push({
      controller: name,
      field,
      write: (ground) => write(resources, ground),
    });
    if (!host.v2 && version === "v2") {
      throw new CgroupError(field, `this host has no ${v2!.name} controller: ${MOUNT}`);
    }
  }
  for (const [file, value] of Object.entries(resources.unified ?? {})) {
    const field = `linux.resources.unified["${file}"]`;
    const controller = v2.controllerOf(file, field);
    if (host.v1.has(controller)) {
      throw new CgroupError(field, `is a file of version 2, but ${controller} is on version 1`);
    }
    if (!host.v2) throw new CgroupError(field, `is a file of version 2: ${MOUNT}`);
    limits.v2.push({
      // cgroup.* is there in every group
      controller: controller === "cgroup" ? undefined : controller,
      field,
      write: () => v2.unified(file, value),
    });
  }
  return limits;
}

const MOUNT = "mount cgroup2 at /sys/fs/cgroup";

/** The first field by which a controller is asked for something, or nothing. */
function askedBy(
  { group, fields, except = [] }: Controller,
  resources: LinuxResources,
): string | undefined {
  const values = resources[group];
  if (values === undefined) return undefined;
  for (const [name, value] of Object.entries(values)) {
    const empty = value === undefined || value === "" || (Array.isArray(value) && !value.length);
    if (empty || except.includes(name) || (fields && !fields.includes(name))) continue;
    return `linux.resources.${group}${Array.isArray(values) ? `[${name}]` : `.${name}`}`;
  }
  return undefined;
}
