/**
 * A container from beginning to end: prepared, started, waited for, and cleared away.
 *
 * {@linkcode prepare} finds out everything and touches nothing, so that what would be done can be
 * shown instead, and bad input is refused while there is nothing to undo. {@linkcode start} does it.
 *
 * @module
 */

import { SIG } from "../ffi/constants.ts";
import { attempt, offthread } from "../ffi/libc.ts";
import type { Weave } from "../ffi/program.ts";
import type { BirthRequest } from "./birth/birth.ts";
import { type Draft, draft, launch } from "./birth/launch.ts";
import { ignoredSignals } from "./birth/process.ts";
import type { RootSource } from "./birth/rootfs.ts";
import { readCgroupHost } from "./cgroups/host.ts";
import { cgroupPath, planCgroup } from "./cgroups/planner.ts";
import { hostname, hosts, readHostFile, resolvConf } from "./host_files.ts";
import { type RunOptions, specFromImage } from "./image_config.ts";
import { type Image, lowerDirectories } from "./images/store.ts";
import { identify } from "./processes.ts";
import {
  clearLeftovers,
  type ContainerRecord,
  containersDirectory,
  processFile,
  removeDirectory,
} from "./records.ts";
import type { Identity } from "./rootless.ts";
import { loadSeccomp, seccompFlags, seccompHost } from "./seccomp/load.ts";
import type { LinuxSeccomp, Mount, Process, Spec } from "./spec.ts";
import { refuseUnsupported } from "./unsupported.ts";
import { resolveUser } from "./users.ts";
import { validateSpec } from "./validate.ts";

/** What a container is made from. */
export interface ContainerRequest {
  /** where images, layers and containers are kept */
  dataRoot: string;
  /** an image whose layers are unpacked, or an absolute path of a directory that is the root */
  from: Image | string;
  /** `--name` */
  name?: string;
  /** Docker's `--user`: names or numbers; unless given, the image's */
  user?: string;
  /** further groups, names or numbers */
  groups?: string[];
  /** lines `address name` for /etc/hosts */
  extraHosts?: string[];
  /** system calls: unless given, Docker's default profile for the container's capabilities */
  seccomp?: LinuxSeccomp | "unconfined";
  /** everything else */
  options: Omit<RunOptions, "id" | "rootfs" | "resolvedUser" | "seccomp" | "groupAdd">;
}

/** A container that could be started. */
export interface Prepared {
  record: ContainerRecord;
  /** its directory below the data root */
  directory: string;
  spec: Spec;
  draft: Draft;
  dataRoot: string;
}

/** How a container ended. */
export interface Exit {
  /** 0 to 255; 128 and the signal's number for a process that was killed by one */
  code: number;
  /** the signal that killed it */
  signal?: number;
  /** whether it was killed because the memory limit was reached */
  isOutOfMemory: boolean;
}

/**
 * Works out a container, and writes its birth down; nothing is touched.
 *
 * @param weave steps around each call of the birth, for traces and debuggers
 * @throws {SpecError} {@link CgroupError} and others, for what cannot be honoured
 */
export async function prepare(request: ContainerRequest, weave?: Weave): Promise<Prepared> {
  const { dataRoot, from } = request;
  const id = newId();
  const directory = `${containersDirectory(dataRoot)}/${id}`;
  const identity = Deno.uid() === 0 ? undefined : (await import("./rootless.ts")).hostIdentity();
  const layers = typeof from === "string" ? [from] : lowerDirectories(from);
  const config = typeof from === "string" ? NO_CONFIG : from.config;
  const wanted = request.user ?? config.config?.User ?? "";
  const { user, groupAdd } = resolveUser(layers, wanted, request.groups ?? []);
  const files = hostFiles(request, id, directory);
  const spec = specFromImage(config, {
    ...request.options,
    id,
    rootfs: typeof from === "string" ? from : `${directory}/rootfs`,
    resolvedUser: user,
    groupAdd,
    mounts: [...files.map((file) => file.mount), ...request.options.mounts ?? []],
    // the default profile is a filter and not a list: see seccompOf
    seccomp: request.seccomp ?? "unconfined",
    ...(identity ? rootlessOptions(identity) : {}),
  });
  validateSpec(spec);
  refuseUnsupported(spec);
  const cgroup = planCgroup(readCgroupHost(), {
    path: cgroupPath(spec.linux?.cgroupsPath, id),
    resources: spec.linux?.resources,
    rootless: identity !== undefined,
  });
  const record: ContainerRecord = {
    id,
    name: request.name,
    image: typeof from === "string" ? from : from.name,
    command: spec.process!.args!,
    created: new Date().toISOString(),
    owner: identify("self")!,
    cgroup: cgroup.record,
  };
  const birth: BirthRequest = {
    spec: spec as BirthRequest["spec"],
    root: rootOf(from, layers, dataRoot, id, identity !== undefined),
    directories: directoriesOf(directory, typeof from === "string" ? undefined : layers[0]),
    files: [
      {
        path: `${directory}/record.json`,
        content: JSON.stringify(record),
        why: "whoever finds this directory later knows what belongs to it",
      },
      ...files,
    ],
    cgroup,
    seccomp: await seccompOf(request, spec.process!),
    ignoredSignals: ignoredSignals(Deno.readTextFileSync("/proc/self/status")),
    isFile: (path) => files.some((file) => file.path === path) || isFile(path),
    mayChangeGroups: identity?.hasRange ?? true,
    dieWithParent: true,
  };
  const writer = identity?.writer ?? { denySetgroups: false };
  return { record, directory, spec, draft: draft(birth, writer, weave), dataRoot };
}

/** Starts what was prepared. @throws {StartError} after everything is undone */
export async function start(prepared: Prepared): Promise<Container> {
  const { dataRoot, directory, draft } = prepared;
  Deno.mkdirSync(containersDirectory(dataRoot), { recursive: true, mode: 0o700 });
  await clearLeftovers(dataRoot);
  try {
    const { pid, terminal } = await launch(draft, async (failure) => {
      const { examine } = await import("./diagnosis.ts");
      return await examine(failure);
    });
    Deno.writeTextFileSync(
      processFile(directory),
      JSON.stringify(identify(pid) ?? { pid, start: 0 }),
    );
    return new Container(prepared, pid, terminal);
  } catch (error) {
    await undo(prepared, error);
    throw error;
  }
}

/** Undoes a start that failed; what goes wrong on the way does not hide why it failed. */
async function undo(prepared: Prepared, error: unknown): Promise<void> {
  try {
    await clearAway(prepared);
  } catch (second) {
    if (error instanceof Error) error.cause ??= second;
  }
}

/** A container that runs. */
export class Container {
  readonly id: string;

  constructor(
    private readonly prepared: Prepared,
    /** its first process, as the host counts */
    readonly pid: number,
    /** the master of its terminal, if it has one; whoever made the container closes it */
    readonly terminal: number | undefined,
  ) {
    this.id = prepared.record.id;
  }

  /** Sends a signal to the first process; one that has ended already gets none. */
  signal(signal: number): void {
    attempt.kill(this.pid, signal);
  }

  /** Waits until the container's first process has ended, and clears the container away. */
  async wait(): Promise<Exit> {
    const status = new Uint8Array(4);
    await offthread.waitpid(this.pid, status, 0);
    const exit = readStatus(new DataView(status.buffer).getInt32(0, true));
    const { cgroup } = this.prepared.record;
    if (exit.signal === SIG.KILL && cgroup) {
      const { readOom } = await import("./cgroups/stats.ts");
      exit.isOutOfMemory = readOom(cgroup) > 0;
    }
    await clearAway(this.prepared);
    return exit;
  }
}

/** Removes a container's control group and directory. */
async function clearAway({ record, directory }: Prepared): Promise<void> {
  try {
    if (record.cgroup) {
      const { removeCgroup } = await import("./cgroups/lifecycle.ts");
      await removeCgroup(record.cgroup);
    }
  } finally {
    await removeDirectory(directory);
  }
}

/** What waitpid(2) says of how a process ended. */
function readStatus(status: number): Exit {
  const signal = status & 0x7f;
  if (signal) return { code: 128 + signal, signal, isOutOfMemory: false };
  return { code: status >> 8 & 0xff, isOutOfMemory: false };
}

/** Whether a volume's source is not a directory; one that is missing is found out at its own call. */
function isFile(path: string): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** 64 hexadecimal digits, as Docker's. */
function newId(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

/** A root directory without an image says nothing of what to run. */
const NO_CONFIG: Image["config"] = {
  architecture: Deno.build.arch,
  os: "linux",
  rootfs: { type: "layers", diff_ids: [] },
};

function rootOf(
  from: Image | string,
  layers: string[],
  dataRoot: string,
  id: string,
  userxattr: boolean,
): RootSource {
  if (typeof from === "string") return { kind: "directory", path: from };
  const own = `../containers/${id}`;
  return {
    kind: "overlay",
    from: `${dataRoot}/layers`,
    lower: layers.map((layer) => layer.slice(layer.lastIndexOf("/") + 1)),
    upper: `${own}/upper`,
    work: `${own}/work`,
    mountPoint: `${own}/rootfs`,
    userxattr,
  };
}

/** The directories of a container; the root of its tree has the mode that the image gives it. */
function directoriesOf(directory: string, top: string | undefined): BirthRequest["directories"] {
  const own = { path: directory, mode: 0o700, why: "everything of this container's is in here" };
  if (top === undefined) return [own];
  const mode = Deno.statSync(top).mode! & 0o7777;
  return [
    own,
    { path: `${directory}/upper`, mode, why: "takes every change to the root file system" },
    { path: `${directory}/work`, mode: 0o700, why: "overlayfs prepares its changes here" },
    { path: `${directory}/rootfs`, mode: 0o700, why: "an empty place to mount the layers on" },
  ];
}

interface HostFile {
  path: string;
  content: string;
  why: string;
  mount: Mount;
}

/** The files of /etc that are the container's own, unless something is mounted there anyway. */
function hostFiles(request: ContainerRequest, id: string, directory: string): HostFile[] {
  const { options } = request;
  const taken = new Set((options.mounts ?? []).map((mount) => mount.destination));
  const about = {
    hostname: options.hostname ?? (options.uts === "host" ? Deno.hostname() : id.slice(0, 12)),
    sharesNetwork: options.network === "host",
    extraHosts: request.extraHosts,
    read: readHostFile,
  };
  const files = { hosts, hostname, "resolv.conf": resolvConf };
  return Object.entries(files)
    .filter(([name]) => !taken.has(`/etc/${name}`))
    .map(([name, make]) => ({
      path: `${directory}/${name}`,
      content: make(about),
      why: `/etc/${name} is the container's own, not the image's`,
      mount: {
        destination: `/etc/${name}`,
        type: "bind",
        source: `${directory}/${name}`,
        options: ["bind", "rprivate"],
      },
    }));
}

function rootlessOptions({ uidMappings, gidMappings }: Identity): Partial<RunOptions> {
  return { rootless: true, uidMappings, gidMappings };
}

/**
 * The compiled filter of the container's system calls.
 *
 * Docker's default profile is asked for by what it depends on, and not as a list in the spec:
 * writing out its 350 names at every start would take longer than the start.
 */
async function seccompOf(
  { seccomp, options, dataRoot }: ContainerRequest,
  process: Process,
): Promise<BirthRequest["seccomp"]> {
  if (seccomp === "unconfined" || (!seccomp && options.privileged)) return;
  const profile = seccomp ?? seccompHost(process.capabilities?.bounding ?? []);
  return {
    filter: await loadSeccomp(`${dataRoot}/cache`, profile),
    flags: seccompFlags(profile),
  };
}
