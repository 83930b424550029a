/**
 * The controllers of both versions, and the fields of `linux.resources` that ask for each.
 *
 * @module
 */

import type { LinuxResources } from "../spec/resources.ts";
import * as v1 from "./v1.ts";
import * as v2 from "./v2.ts";
import { type Ground, pids, rdma, type Setting } from "./values.ts";

/** Turns the limits that are asked for into writes. */
export type Write = (resources: LinuxResources, ground: Ground) => Setting[];

/** A controller under the names that the versions have for it, and who writes its files. */
export interface Controller {
  /** Absent when version 1 has nothing like it. */
  v1?: { name: string; write: Write };
  /** Absent when version 2 has nothing like it. */
  v2?: { name: string; write: Write };
  /** The group of fields in `linux.resources` that its limits stand in, */
  group: keyof LinuxResources;
  /** and which of them, where another controller has the rest. */
  fields?: string[];
  /** Those of them that ask for nothing. */
  except?: string[];
}

/** A controller that is asked for something. */
export interface Asked extends Controller {
  /** The field that asks. */
  field: string;
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

/** The controllers that are asked for something. */
export function askedControllers(resources: LinuxResources): Asked[] {
  const found: Asked[] = [];
  for (const controller of CONTROLLERS) {
    const field = askedBy(controller, resources);
    if (field) found.push({ ...controller, field });
  }
  return found;
}

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
