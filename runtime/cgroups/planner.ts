/**
 * Plans a container's control group: which controllers it gets, in which version, and every
 * directory and write that this takes. Nothing is touched here, and a limit that cannot be honoured
 * is an error here.
 *
 * Each controller lives in one version only: where version 1 has it, its files there are used, else
 * those of version 2. A group of version 2 is made on a hybrid host too, also when no controller
 * lives there: it kills with one write, freezes, and counts processor time without any.
 *
 * @module
 */

import type { LinuxResources } from "../spec/resources.ts";
import { deviceProgram } from "./device_program.ts";
import { allowEverything, deviceLines, deviceRules } from "./devices.ts";
import { type CgroupFiles, hostFiles } from "./host.ts";
import {
  CgroupError,
  type CgroupHost,
  type CgroupMount,
  type CgroupPlan,
  type CgroupRequest,
} from "./plan.ts";
import { findPlace, type Place, type Wanted } from "./tree.ts";
import * as v1 from "./v1.ts";
import * as v2 from "./v2.ts";
import { type Ground, pids, rdma, type Setting } from "./values.ts";

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

/** A controller that is asked for something. */
interface Asked extends Controller {
  /** The field that asks. */
  field: string;
}

/** Good to have when nothing is asked: to tell a death by memory limit, and to count. */
const ALWAYS = ["memory", "pids"];

/**
 * Plans a group.
 *
 * @param host what the machine offers
 * @param request what is wanted
 * @param files where to look things up
 * @throws {CgroupError} when a limit cannot be honoured
 */
export function planCgroup(
  host: CgroupHost,
  request: CgroupRequest,
  files: CgroupFiles = hostFiles,
): CgroupPlan {
  return new Planner(host, request, files).plan();
}

/** One use of {@linkcode planCgroup}: what it knows, and the plan as it grows. */
class Planner {
  private readonly resources: LinuxResources;
  private readonly made: CgroupPlan;
  /** Version 1's mounts in which the group has a directory, each with the nearest that was there. */
  private readonly v1Parents = new Map<string, string>();

  constructor(
    private readonly host: CgroupHost,
    private readonly request: CgroupRequest,
    private readonly files: CgroupFiles,
  ) {
    this.resources = request.resources ?? {};
    const { path } = request;
    this.made = {
      path,
      directories: [],
      writes: [],
      joins: [],
      mounts: [],
      links: [],
      record: { path, v1: {}, made: [] },
    };
  }

  plan(): CgroupPlan {
    const { host, resources, made } = this;
    const inV1: Asked[] = [];
    const inV2: Asked[] = [];
    for (const controller of CONTROLLERS) {
      const field = askedBy(controller, resources);
      if (!field) continue;
      const name = controller.v1?.name;
      (name && host.v1.has(name) ? inV1 : inV2).push({ ...controller, field });
    }
    const place = this.planV2(inV2);
    this.planV1(inV1, place);
    this.planDevices(place);
    if (made.record.v2 || made.joins.length) this.planMounts();
    return made;
  }

  /** The group of version 2, with those controllers that version 1 does not have. */
  private planV2(controllers: Asked[]): Place | undefined {
    const { host, resources, made, files, request } = this;
    const wanted: Wanted[] = [];
    for (const { v1, v2, field } of controllers) {
      if (!v2) throw new CgroupError(field, `needs version 1's ${v1!.name} controller`);
      wanted.push({ controller: v2.name, field });
    }
    for (const file in resources.unified) {
      const field = `linux.resources.unified["${file}"]`;
      const [controller] = file.split(".");
      if (host.v1.has(controller)) {
        throw new CgroupError(field, `is a file of version 2, but ${controller} is on version 1`);
      }
      // cgroup.* is there in every group
      if (controller !== "cgroup") wanted.push({ controller, field });
    }
    if (!host.v2) {
      if (wanted.length) throw new CgroupError(wanted[0].field!, notMounted(wanted[0].controller));
      return undefined;
    }
    for (const controller of ALWAYS) {
      if (!host.v1.has(controller)) wanted.push({ controller });
    }
    const unique = wanted.filter(({ controller }, i) =>
      wanted.findIndex((other) => other.controller === controller) === i
    );
    const place = findPlace(host.v2, request, unique, files);
    if (!place) return undefined;

    const { directory, parent, directories, writes } = place;
    made.directories.push(...directories);
    made.writes.push(...writes);
    const ground = { files, mount: host.v2.mount, parent };
    for (const { v2 } of controllers) this.write(directory, v2!.write(resources, ground));
    this.write(directory, v2.unified(resources));
    made.into = directory;
    made.record.v2 = directory;
    made.record.made.push(...place.made);
    return place;
  }

  /** A group in each version 1 hierarchy that has one of the controllers, or one of those wanted always. */
  private planV1(controllers: Asked[], place: Place | undefined): void {
    const { host, resources, request, files } = this;
    if (request.rootless) {
      if (controllers.length) throw new CgroupError(controllers[0].field, NOT_FOR_USERS);
      return;
    }
    for (const { v1, field } of controllers) {
      const { mount, writable } = host.v1.get(v1!.name)!;
      if (!writable) {
        throw new CgroupError(field, `${mount} may not be written to: mount it read-write`);
      }
      const directory = this.enterV1(v1!.name);
      const parent = this.v1Parents.get(mount)!;
      this.write(directory, v1!.write(resources, { files, mount, parent }));
    }
    // without version 2, only the freezer holds a group still while all in it are killed
    for (const name of place ? ALWAYS : [...ALWAYS, "freezer"]) {
      if (host.v1.get(name)?.writable) this.enterV1(name);
    }
  }

  /** The group's directory in the hierarchy of a controller, made when it is the first to ask. */
  private enterV1(controller: string): string {
    const { host, request, files, made, v1Parents } = this;
    const { mount } = host.v1.get(controller)!;
    const directory = mount + request.path;
    if (v1Parents.has(mount)) return directory;

    const sharing: string[] = [];
    for (const [name, tree] of host.v1) {
      if (tree.mount !== mount) continue;
      sharing.push(name);
      made.record.v1[name] = directory;
    }
    let parent = mount;
    let level = mount;
    const steps = request.path.split("/").slice(1);
    for (const [i, step] of steps.entries()) {
      level += `/${step}`;
      const leaf = i === steps.length - 1;
      if (!leaf && files.exists(level)) {
        parent = level;
        continue;
      }
      const why = leaf ? `the container's ${sharing.join(" and ")} group` : "on the way to it";
      made.directories.push({ path: level, why, shared: !leaf });
      made.record.made.push(level);
      // nobody can join below a group without processors and memory nodes
      if (sharing.includes("cpuset") && !leaf) {
        this.write(level, v1.cpuset({}, { files, mount, parent }));
      }
    }
    v1Parents.set(mount, parent);
    made.joins.push({
      path: `${directory}/tasks`,
      why: `joins the ${sharing.join(" and ")} group: tasks moves one thread, ` +
        "without the wait for all processors that cgroup.procs has",
    });
    return directory;
  }

  /** Control over devices, which the specification has denied unless it is allowed. */
  private planDevices(place: Place | undefined): void {
    const { host, resources, request, made } = this;
    // in a user namespace nobody can make a node, and the kernel checks its owner's rights
    if (request.rootless) return;
    const rules = deviceRules(resources);
    if (allowEverything(rules)) return;
    if (host.v1.get("devices")?.writable) {
      this.write(this.enterV1("devices"), deviceLines(rules));
    } else if (place) {
      made.deviceProgram = deviceProgram(rules);
    } else {
      throw new CgroupError("linux.resources.devices", NO_DEVICES);
    }
  }

  private write(directory: string, settings: Setting[]): void {
    for (const { file, ...setting } of settings) {
      this.made.writes.push({ path: `${directory}/${file}`, ...setting });
    }
  }

  /** Only hierarchies in which the container has a group: of any other it would see the host's. */
  private planMounts(): void {
    const { host, made } = this;
    const { v1, v2 } = made.record;
    if (host.mode === "v2") {
      made.mounts.push({ target: "", type: "cgroup2", data: "", why: "its own group" });
      return;
    }
    const why = "a directory for each hierarchy";
    made.mounts.push({ target: "", type: "tmpfs", data: "mode=755", why });
    const byMount = new Map<string, string[]>();
    for (const name of Object.keys(v1)) {
      const { mount } = host.v1.get(name)!;
      byMount.set(mount, [...byMount.get(mount) ?? [], name]);
    }
    for (const names of byMount.values()) {
      const target = names.join(",");
      const mount: CgroupMount = { target, type: "cgroup", data: target, why: "its own group" };
      made.mounts.push(mount);
      if (names.length > 1) made.links.push(...names.map((name) => ({ name, target })));
    }
    if (v2) {
      made.mounts.push({ target: "unified", type: "cgroup2", data: "", why: "its own group" });
    }
  }
}

const NOT_FOR_USERS =
  "an ordinary user cannot limit anything on this host, which has its controllers on version 1: run " +
  "as root, or boot it with systemd.unified_cgroup_hierarchy=1";

const NO_DEVICES =
  "there is nothing to keep a container's root from making and opening the host's disks with: mount " +
  "version 1's devices hierarchy or cgroup2 writable, or allow every device to do without";

function notMounted(controller: string): string {
  return `this host has no ${controller} controller: mount cgroup2 at /sys/fs/cgroup`;
}

/**
 * The path of a container's group from `linux.cgroupsPath`; a relative one, of which the
 * specification leaves the start to us, starts at the root too.
 *
 * @param cgroupsPath the field, if there is one
 * @param id the container's id, which names the group otherwise
 * @throws {CgroupError} for a path that leads out, or systemd's form
 */
export function cgroupPath(cgroupsPath: string | undefined, id: string): string {
  if (!cgroupsPath) return `/tiffin-${id}`;
  const fail = (why: string) => {
    throw new CgroupError("linux.cgroupsPath", `"${cgroupsPath}" ${why}`);
  };
  if (/^[^/:]*:[^/:]*:[^/:]+$/.test(cgroupsPath)) {
    fail(
      "is systemd's form, slice:prefix:name, for which systemd would have to be asked; " +
        'use a path, for example with "native.cgroupdriver=cgroupfs" in Docker',
    );
  }
  const steps = cgroupsPath.split("/").filter((step) => step !== "" && step !== ".");
  if (steps.includes("..")) fail("leads upwards");
  if (!steps.length) fail("is the root, which is not a container's to have");
  return `/${steps.join("/")}`;
}
