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

import { later } from "../later.ts";
import { allowEverything, deviceLines, deviceRules } from "./devices.ts";
import { type CgroupFiles, hostFiles } from "./host.ts";
import type { Limit } from "./limits.ts";
import {
  CgroupError,
  type CgroupHost,
  type CgroupMount,
  type CgroupPlan,
  type CgroupRequest,
  joinsOf,
} from "./plan.ts";
import { findPlace, type Place, type Wanted } from "./tree.ts";
import type { Setting } from "./values.ts";

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
export async function planCgroup(
  host: CgroupHost,
  request: CgroupRequest,
  files: CgroupFiles = hostFiles,
): Promise<CgroupPlan> {
  return await new Planner(host, request, files).plan();
}

/** One use of {@linkcode planCgroup}: what it knows, and the plan as it grows. */
class Planner {
  private readonly made: CgroupPlan;
  /** Version 1's mounts in which the group has a directory, each with the nearest that was there. */
  private readonly v1Parents = new Map<string, string>();

  constructor(
    private readonly host: CgroupHost,
    private readonly request: CgroupRequest,
    private readonly files: CgroupFiles,
  ) {
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

  async plan(): Promise<CgroupPlan> {
    const { made } = this;
    const limits = await this.limits();
    const place = this.planV2(limits.v2);
    this.planV1(limits.v1, place);
    await this.planDevices(place);
    this.refuseOthers();
    made.joins = joinsOf(made.record);
    if (made.record.v2 || made.joins.length) this.planMounts();
    return made;
  }

  /** A group that is there already is somebody's; who clears up after a failure would empty it. */
  private refuseOthers(): void {
    for (const { path, shared } of this.made.directories) {
      if (shared || !this.files.exists(path)) continue;
      throw new CgroupError("linux.cgroupsPath", `${path} is there already: choose another path`);
    }
  }

  /** The modules that know limits are loaded when there are any: most containers have none. */
  private async limits(): Promise<{ v1: Limit[]; v2: Limit[] }> {
    const { devices: _, ...resources } = this.request.resources ?? {};
    for (const _ in resources) {
      const { limitsOf } = await later<typeof import("./limits.ts")>(import.meta, "./limits.ts");
      return limitsOf(this.host, resources);
    }
    return { v1: [], v2: [] };
  }

  /** The group of version 2, with those controllers that version 1 does not have. */
  private planV2(limits: Limit[]): Place | undefined {
    const { host, made, files, request } = this;
    if (!host.v2) return undefined;
    const wanted = new Map<string, Wanted>();
    for (const { controller, field } of limits) {
      if (controller && !wanted.has(controller)) wanted.set(controller, { controller, field });
    }
    for (const controller of ALWAYS) {
      if (!host.v1.has(controller) && !wanted.has(controller)) {
        wanted.set(controller, { controller });
      }
    }
    const place = findPlace(host.v2, request, [...wanted.values()], files);
    if (!place) return undefined;

    const { directory, parent, directories, writes } = place;
    made.directories.push(...directories);
    made.writes.push(...writes);
    this.writeLimits(directory, limits, host.v2.mount, parent);
    made.into = directory;
    made.record.v2 = directory;
    made.record.made.push(...place.made);
    return place;
  }

  /** A group in each version 1 hierarchy that has one of the controllers, or one of those wanted always. */
  private planV1(limits: Limit[], place: Place | undefined): void {
    const { host, request } = this;
    if (request.rootless) {
      if (limits.length) throw new CgroupError(limits[0].field, NOT_FOR_USERS);
      return;
    }
    for (const limit of limits) {
      const { mount, writable } = host.v1.get(limit.controller!)!;
      if (!writable) {
        const why = `${mount} may not be written to: mount it read-write`;
        throw new CgroupError(limit.field, why);
      }
      const directory = this.enterV1(limit.controller!);
      this.writeLimits(directory, [limit], mount, this.v1Parents.get(mount)!);
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
      if (sharing.includes("cpuset")) this.inheritCpuset(level, parent);
    }
    v1Parents.set(mount, parent);
    return directory;
  }

  /** A new cpuset is empty, and nobody can join it or one below it before both lists are filled. */
  private inheritCpuset(directory: string, parent: string): void {
    const why = "as the parent has it: an empty list lets nobody join";
    this.write(
      directory,
      ["cpuset.cpus", "cpuset.mems"].map((file) => {
        return { file, value: this.files.read(`${parent}/${file}`)?.trim() ?? "", why };
      }),
    );
  }

  /** Control over devices, which the specification has denied unless it is allowed. */
  private async planDevices(place: Place | undefined): Promise<void> {
    const { host, request, made } = this;
    // in a user namespace nobody can make a node, and the kernel checks its owner's rights
    if (request.rootless) return;
    const rules = deviceRules(request.resources ?? {});
    if (allowEverything(rules)) return;
    if (host.v1.get("devices")?.writable) {
      this.write(this.enterV1("devices"), deviceLines(rules));
    } else if (place) {
      const { deviceProgram } = await later<typeof import("./device_program.ts")>(
        import.meta,
        "./device_program.ts",
      );
      made.deviceProgram = deviceProgram(rules);
    } else {
      throw new CgroupError("linux.resources.devices", NO_DEVICES);
    }
  }

  private writeLimits(directory: string, limits: Limit[], mount: string, parent: string): void {
    const { files, request: { swapIsDefault } } = this;
    const ground = { files, mount, parent, swapIsDefault };
    for (const limit of limits) this.write(directory, limit.write(ground));
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
    if (Object.keys(v1).length === 0) {
      made.mounts.push({ target: "", type: "cgroup2", data: "", group: v2, why: "its own group" });
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
      const [group] = names.map((name) => v1[name]);
      const why = "its own group";
      const mount: CgroupMount = { target, type: "cgroup", data: target, group, why };
      made.mounts.push(mount);
      if (names.length > 1) made.links.push(...names.map((name) => ({ name, target })));
    }
    if (v2) {
      const group = v2;
      made.mounts.push({
        target: "unified",
        type: "cgroup2",
        data: "",
        group,
        why: "its own group",
      });
    }
  }
}

const NOT_FOR_USERS =
  "an ordinary user cannot limit anything on this host, which has its controllers on version 1: run " +
  "as root, or boot it with systemd.unified_cgroup_hierarchy=1";

const NO_DEVICES =
  "there is nothing to keep a container's root from making and opening the host's disks with: mount " +
  "version 1's devices hierarchy or cgroup2 writable, or allow every device to do without";

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
  if (isScopePath(cgroupsPath)) {
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

/** Whether a `cgroupsPath` has systemd's form, `slice:prefix:name`. */
export function isScopePath(cgroupsPath: string | undefined): cgroupsPath is string {
  return /^[^/:]*:[^/:]*:[^/:]+$/.test(cgroupsPath ?? "");
}
