/**
 * A bundle: a directory with a config.json and a root file system, as engines hand it over
 * (runtime-spec, bundle.md), and everything that its start needs.
 *
 * @module
 */

import type { BirthRequest } from "./birth/birth.ts";
import { loadChapters } from "./birth/chapters.ts";
import { SAYS } from "./birth/line.ts";
import type { MapWriter } from "./birth/maps.ts";
import { isBind } from "./birth/mounts.ts";
import { ownExecutable } from "./birth/executable.ts";
import { ignoredSignals } from "./birth/process.ts";
import { readCgroupHost } from "./cgroups/host.ts";
import type { CgroupPlan } from "./cgroups/plan.ts";
import { cgroupPath, isScopePath, planCgroup } from "./cgroups/planner.ts";
import { later } from "./later.ts";
import { loadSeccomp, seccompFlags } from "./seccomp/load.ts";
import type { Mount, Process, Spec } from "./spec.ts";
import { refuseUnsupported } from "./unsupported.ts";
import { parseSpec, SpecError } from "./validate.ts";

/** A bundle that was read and found to be good. */
export interface Bundle {
  /** its directory, an absolute path without links */
  path: string;
  /** its config.json, with the paths of the host's made absolute */
  spec: Spec & { process: Process };
  /** the directory of its root file system */
  root: string;
}

/** Far more than the largest config.json of an engine's; what is longer is none. */
const LONGEST_CONFIG = 16 << 20;

/**
 * Reads a bundle.
 *
 * @param directory the bundle's
 * @throws {SpecError} for what is wrong in its config.json, or cannot be honoured here
 */
export function readBundle(directory: string): Bundle {
  const path = realPath(directory, "the bundle");
  const spec = parseSpec(readConfig(`${path}/config.json`));
  refuseUnsupported(spec);
  if (!spec.root) throw new SpecError("root", "is required");
  const root = realPath(absolute(path, spec.root.path), "root.path");
  if (!Deno.statSync(root).isDirectory) throw new SpecError("root.path", `${root} is no directory`);
  const mounts = spec.mounts?.map((mount): Mount =>
    isBind(mount) && mount.source !== undefined
      ? { ...mount, source: absolute(path, mount.source) }
      : mount
  );
  const { mountLabel } = spec.linux ?? {};
  return {
    path,
    spec: {
      ...spec,
      process: spec.process!,
      mounts: mountLabel ? mounts?.map((mount) => labelled(mount, mountLabel)) : mounts,
    },
    root,
  };
}

function readConfig(path: string): string {
  const { isFile, size } = stat(path, "config.json");
  if (!isFile) throw new SpecError("", `${path} is no regular file`);
  if (size > LONGEST_CONFIG) {
    throw new SpecError("", `${path} has more than ${LONGEST_CONFIG} bytes`);
  }
  return Deno.readTextFileSync(path);
}

function stat(path: string, what: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    // engines look for these words as they are written here
    const isMissing = error instanceof Deno.errors.NotFound;
    const why = isMissing ? "no such file or directory" : (error as Error).message;
    throw new Error(`${what}: ${path}: ${why}`, { cause: error });
  }
}

function realPath(path: string, what: string): string {
  stat(path, what);
  return Deno.realPathSync(path);
}

function absolute(directory: string, path: string): string {
  return path.startsWith("/") ? path : `${directory}/${path}`;
}

/** File systems that keep no labels of their own: SELinux gives all their files this one. */
const UNLABELLED = ["tmpfs", "devpts", "mqueue"];

function labelled(mount: Mount, label: string): Mount {
  if (!UNLABELLED.includes(mount.type ?? "")) return mount;
  return { ...mount, options: [...mount.options ?? [], `context="${label}"`] };
}

/** What a start needs beside the bundle. */
export interface BundleStart {
  /** the container's id */
  id: string;
  /** where compiled filters are kept */
  cache: string;
  /** the file that says who answers for the container, see {@linkcode BirthRequest.claim} */
  claim?: BirthRequest["claim"];
  /** the file that will say who its first process is */
  processFile: string;
  /** false: its standard input is /dev/null. Unless given, it is this process's own */
  hasInput?: boolean;
  /** whether the container is killed when the process that starts it dies. Unless given, it is not */
  dieWithParent?: boolean;
  /** directories and files to make first */
  directories?: BirthRequest["directories"];
  /** files of the host's to write next */
  files?: BirthRequest["files"];
  /** whether it waits at a gate before its program begins; whoever starts it gives the descriptor */
  waits?: boolean;
  /** whether its root is moved to the top, where pivot_root(2) cannot be had */
  movesRoot?: boolean;
  /** whether it stays in the session keyring of whoever starts it */
  keepsKeyring?: boolean;
  /** how many descriptors after standard error are passed on to its program */
  keep?: number;
  /** false: the container stays in the control group of whoever starts it */
  ownCgroup?: boolean;
}

/** A bundle's start, worked out. */
export interface BundleBirth {
  /** what its birth is written from */
  request: BirthRequest;
  /** how its user and group maps are written */
  writer: MapWriter;
  /** its control group */
  cgroup?: CgroupPlan;
}

/**
 * Works out the start of a bundle; nothing is touched.
 *
 * @throws {CgroupError} and others, for what this host cannot do
 */
export async function planBundle(bundle: Bundle, start: BundleStart): Promise<BundleBirth> {
  const { path, root } = bundle;
  const spec = { ...bundle.spec, process: await withHome(bundle.spec.process, root) };
  const { id } = start;
  const identity = Deno.uid() === 0
    ? undefined
    : (await later<typeof import("./rootless.ts")>(import.meta, "./rootless.ts")).hostIdentity();
  const group = start.ownCgroup === false
    ? undefined
    : await planGroup(spec, id, identity !== undefined);
  const cgroup = group?.plan;
  const profile = spec.linux?.seccomp;
  const { ociVersion, annotations } = spec;
  const chapters = await loadChapters(spec, {
    ociVersion,
    id,
    bundle: path,
    ...(annotations ? { annotations } : {}),
  });
  if (group?.start) {
    chapters.isInScope = true;
    chapters.answers![SAYS.scope] = group.start;
  }
  if (start.waits) {
    const write = await later<typeof import("./birth/gate.ts")>(import.meta, "./birth/gate.ts");
    chapters.gate = { write, fd: -1 };
  }
  if (start.keep) {
    const { Kept } = await later<typeof import("./birth/keep.ts")>(
      import.meta,
      "./birth/keep.ts",
    );
    chapters.keeps = (program) => new Kept(program, start.keep!);
  }
  const request: BirthRequest = {
    spec,
    root: { kind: "directory", path: root, isMoved: start.movesRoot },
    claim: start.claim,
    directories: start.directories ?? [],
    files: start.files ?? [],
    cgroup,
    seccomp: profile && {
      filter: await loadSeccomp(start.cache, profile),
      flags: seccompFlags(profile),
    },
    ignoredSignals: ignoredSignals(Deno.readTextFileSync("/proc/self/status")),
    executable: ownExecutable(),
    isFile: (path) => !stat(path, "mounts").isDirectory,
    mayChangeGroups: identity ? identity.hasRange && mapsOthers(spec) : true,
    hasInput: start.hasInput ?? true,
    dieWithParent: start.dieWithParent ?? false,
    processFile: start.processFile,
    keepsKeyring: start.keepsKeyring,
    chapters,
  };
  return { request, writer: identity?.writer ?? { denySetgroups: false }, cgroup };
}

/** Whether newgidmap(1) leaves setgroups(2) allowed: it does only for more than the user's own group. */
function mapsOthers({ linux }: Spec): boolean {
  return linux?.gidMappings?.some(({ hostID, size }) => hostID !== Deno.gid() || size > 1) ?? true;
}

/** The process with a HOME: engines leave it to the runtime, which looks into the root's passwd(5). */
export async function withHome(process: Process, root: string): Promise<Process> {
  const { env = [], user } = process;
  if (env.some((entry) => entry.startsWith("HOME="))) return process;
  const { resolveUser } = await later<typeof import("./users.ts")>(import.meta, "./users.ts");
  let home = "/";
  try {
    home = resolveUser([root], String(user.uid)).user.home;
  } catch {
    // a passwd that is no sensible file has no home for anybody
  }
  return { ...process, env: [...env, `HOME=${home}`] };
}

/** A control group, and how the parent has it made where that is systemd's to do. */
interface Group {
  plan: CgroupPlan;
  start?: (pid: number) => Promise<void>;
}

async function planGroup(spec: Spec, id: string, rootless: boolean): Promise<Group> {
  const { cgroupsPath, resources, intelRdt } = spec.linux ?? {};
  const host = readCgroupHost();
  const group: Group = isScopePath(cgroupsPath)
    ? await planScope(cgroupsPath, (path) => planCgroup(host, { path, resources, rootless }))
    : {
      plan: await planCgroup(host, { path: cgroupPath(cgroupsPath, id), resources, rootless }),
    };
  if (intelRdt) {
    const { planResctrl } = await later<typeof import("./cgroups/resctrl.ts")>(
      import.meta,
      "./cgroups/resctrl.ts",
    );
    planResctrl(group.plan, intelRdt, id);
  }
  return group;
}

async function planScope(
  cgroupsPath: string,
  planAt: (path: string) => Promise<CgroupPlan>,
): Promise<Group> {
  const { inScope, parseScope, startScope } = await later<typeof import("./cgroups/scope.ts")>(
    import.meta,
    "./cgroups/scope.ts",
  );
  const isOrdinaryUser = Deno.uid() !== 0;
  const scope = parseScope(cgroupsPath, isOrdinaryUser);
  const plan = inScope(await planAt(scope.path));
  return { plan, start: (pid) => startScope(scope, pid, plan, isOrdinaryUser) };
}
