/**
 * A container worked out: everything that its start needs, found out before anything is touched.
 *
 * So what would be done can be shown instead, and bad input is refused while there is nothing to
 * undo.
 *
 * @module
 */

import { later } from "./later.ts";
import type { Weave } from "../ffi/program.ts";
import type { ContainerRequest } from "./container_request.ts";
import type { BirthRequest } from "./birth/birth.ts";
import { ownExecutable } from "./birth/executable.ts";
import { type Draft, draft } from "./birth/launch.ts";
import { ignoredSignals } from "./birth/process.ts";
import type { RootSource } from "./birth/rootfs.ts";
import { boundingSet, resolveCapabilities } from "./capabilities.ts";
import { readCgroupHost } from "./cgroups/host.ts";
import { cgroupPath, planCgroup } from "./cgroups/planner.ts";
import { hostFiles, readHostFile } from "./host_files.ts";
import {
  DEFAULT_MASKED_PATHS,
  type RunOptions,
  specFromImage,
  thermalThrottlePaths,
} from "./image_config.ts";
import { type Image, lowerDirectories } from "./images/store.ts";
import { lookUpUser } from "./known_user.ts";
import type { ContainerNetwork } from "./network/choice.ts";
import { resolverOf, wantsNetwork } from "./network/request.ts";
import { formatStat, identify } from "./processes.ts";
import {
  claimFile,
  type ContainerRecord,
  containersDirectory,
  newId,
  processFile,
  recordFile,
} from "./records.ts";
import type { Identity } from "./rootless.ts";
import { loadSeccomp, seccompFlags, seccompHost } from "./seccomp/load.ts";
import type { SeccompHost } from "./seccomp/profile.ts";
import type { LinuxSeccomp, Spec } from "./spec.ts";

export type { ContainerRequest };

/** A container that could be started. */
export interface Prepared {
  /** what its directory will say of it */
  record: ContainerRecord;
  /** its directory below the data root */
  directory: string;
  /** the one description of the container */
  spec: Spec;
  /** its birth, written down */
  draft: Draft;
  /** where images and containers are kept */
  dataRoot: string;
  /** whether it has been made before: a start that fails leaves it as it was */
  isAgain: boolean;
  /** takes what it has of networks; gives its birth, anew where somebody else was quicker */
  claim?(): Promise<Draft>;
  /** what is not as usual, for somebody to be told */
  warning?: string;
}

/**
 * Works out a container, and writes its birth down; nothing is touched.
 *
 * @param weave steps around each call of the birth, for traces and debuggers
 * @throws {SpecError} {@link CgroupError} and others, for what cannot be honoured
 */
export async function prepare(request: ContainerRequest, weave?: Weave): Promise<Prepared> {
  const { dataRoot, from, options: asked, detach, id = newId(), isAgain = false, ...rest } =
    request;
  const directory = `${containersDirectory(dataRoot)}/${id}`;
  const identity = Deno.uid() === 0
    ? undefined
    : (await later<typeof import("./rootless.ts")>(import.meta, "./rootless.ts")).hostIdentity();
  const layers = typeof from === "string" ? [from] : lowerDirectories(from);
  const config = typeof from === "string" ? NO_CONFIG : from.config;
  const wanted = request.user ?? config.config?.User ?? "";
  const { user, groupAdd } = await lookUpUser(request, layers, wanted);
  const status = Deno.readTextFileSync("/proc/self/status");
  const network = wantsNetwork(request)
    ? await (await later<typeof import("./network/choice.ts")>(import.meta, "./network/choice.ts"))
      .chooseNetwork(request.network, {
        dataRoot,
        id,
        name: request.name,
        exposed: Object.keys(config.config?.ExposedPorts ?? {}),
        hasHealthCheck: !request.health?.isOff &&
          (request.health?.command ?? config.config?.Healthcheck) !== undefined,
        names: [hostnameOf(asked, id), asked.domainname].filter(Boolean).join("."),
        isRoot: identity === undefined,
        status,
      })
    : undefined;
  const options = network?.joins
    ? { ...asked, network: network.joins, hostname: network.hostname }
    : asked;
  const filesFor = (network?: ContainerNetwork) =>
    hostFiles(directory, (options.mounts ?? []).map((mount) => mount.destination), {
      hostname: hostnameOf(options, id),
      sharesNetwork: options.network === "host",
      extraHosts: request.extraHosts,
      network: network?.lines ?? { resolver: resolverOf(request.network) },
      read: readHostFile,
    });
  const files = filesFor(network);
  const volumes = request.volumes?.length || Object.keys(config.config?.Volumes ?? {}).length
    ? (await later<typeof import("./volumes.ts")>(import.meta, "./volumes.ts"))
      .chooseVolumes(request, directory, layers)
    : { mounts: [] };
  // root of a user namespace has them all; root of the host what its own maker left to it
  const wantsMore = options.privileged || options.capAdd;
  const allCapabilities = wantsMore && !identity ? boundingSet(status) : undefined;
  const capabilities = resolveCapabilities({
    add: options.capAdd,
    drop: options.capDrop,
    privileged: options.privileged,
    all: allCapabilities,
  });
  const profile = await profileOf(request, capabilities);
  const spec = specFromImage(config, {
    ...options,
    allCapabilities,
    ...(request.cgroupParent ? { cgroupsPath: `${request.cgroupParent}/${id}` } : {}),
    id,
    rootfs: typeof from === "string" ? from : directory,
    resolvedUser: user,
    groupAdd,
    hostname: hostnameOf(options, id),
    maskedPaths: maskedPaths(options),
    mounts: [...files.map((file) => file.mount), ...options.mounts ?? [], ...volumes.mounts],
    // the default profile stands for itself: its 350 names in the spec would be of use to nobody
    seccomp: profile && "defaultAction" in profile ? profile : "unconfined",
    ...(identity ? rootlessOptions(identity) : {}),
  });
  const { ociVersion } = spec;
  const chapters = isPlain(options)
    ? undefined
    : await (await later<typeof import("./birth/chapters.ts")>(
      import.meta,
      "./birth/chapters.ts",
    )).checkedChapters(spec, { ociVersion, id, bundle: directory });
  const cgroup = await planCgroup(readCgroupHost(), {
    path: cgroupPath(spec.linux?.cgroupsPath, id),
    resources: spec.linux?.resources,
    rootless: identity !== undefined,
    swapIsDefault: request.swapIsDefault,
  });
  const record: ContainerRecord = {
    id,
    name: request.name,
    keep: request.keep,
    image: typeof from === "string" ? from : from.name,
    imageDigest: typeof from === "string" ? undefined : from.digest,
    command: spec.process!.args!,
    process: spec.process,
    labels: request.labels,
    created: new Date().toISOString(),
    cgroup: cgroup.record,
    request: {
      ...rest,
      options: asked,
      from: typeof from === "string" ? from : withoutManifest(from),
    },
  };
  const birthWith = (network?: ContainerNetwork): BirthRequest => ({
    ...birth,
    files: [...birth.files, ...filesFor(network)],
    network: network?.part,
  });
  const birth: BirthRequest = {
    spec: spec as BirthRequest["spec"],
    root: rootOf(request, layers, id, identity !== undefined),
    claim: { path: claimFile(dataRoot, id), content: formatStat(identify("self")!) },
    directories: [
      ...(isAgain
        ? []
        : directoriesOf(directory, typeof from === "string" ? undefined : layers[0])),
      ...sourceDirectories([
        ...volumes.mounts.map((mount) => mount.source!),
        ...request.makeDirectories ?? [],
      ]),
    ],
    files: isAgain ? [] : [{
      path: recordFile(directory),
      content: JSON.stringify(record),
      why: "whoever finds this directory later knows what belongs to it",
    }],
    cgroup,
    seccomp: profile && {
      filter: await loadSeccomp(`${dataRoot}/cache`, profile),
      flags: seccompFlags(profile),
    },
    chapters: (chapters ?? volumes.chapters) && {
      ...chapters,
      ...volumes.chapters,
      answers: { ...chapters?.answers, ...volumes.chapters?.answers },
    },
    ignoredSignals: ignoredSignals(status),
    executable: ownExecutable(),
    isFile: (path) => files.some((file) => file.path === path) || isFile(path),
    mayChangeGroups: identity?.hasRange ?? true,
    dieWithParent: true,
    hasInput: request.hasInput ?? true,
    processFile: processFile(directory),
    monitor: detach &&
      (await later<typeof import("./detach.ts")>(import.meta, "./detach.ts"))
        .monitorOf(detach, { dataRoot, id, directory, cgroup: cgroup.record }),
  };
  const writer = identity?.writer ?? { denySetgroups: false };
  const first = draft(birthWith(network), writer, weave);
  const claim = network?.claim && (async () => {
    const claimed = await network.claim!();
    return claimed === network ? first : draft(birthWith(claimed), writer, weave);
  });
  return {
    record,
    directory,
    spec,
    draft: first,
    dataRoot,
    isAgain,
    claim,
    warning: network?.warning,
  };
}

/** Whether a volume's source is not a directory; one that is missing is found out at its own call. */
function isFile(path: string): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** What a record keeps of an image: its manifest says nothing that the rest does not. */
function withoutManifest({ name, digest, id, config, layers }: Omit<Image, "manifest">) {
  return { name, digest, id, config, layers };
}

/** A root directory without an image says nothing of what to run. */
const NO_CONFIG: Image["config"] = {
  architecture: Deno.build.arch,
  os: "linux",
  rootfs: { type: "layers", diff_ids: [] },
};

/** What the root of a container is made of. */
export function rootOf(
  { from, dataRoot, keep = false }: ContainerRequest,
  layers: string[],
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
    mountPoint: own,
    userxattr,
    isThrownAway: !keep,
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
  ];
}

/** Directories that a mount takes from the host and that need not be there yet, parents first. */
function sourceDirectories(paths: string[]): BirthRequest["directories"] {
  const all = paths.flatMap((path) => {
    const parts = path.split("/");
    return parts.slice(1).map((_, i) => parts.slice(0, i + 2).join("/"));
  });
  return [...new Set(all)].map((path) => ({
    path,
    mode: 0o755,
    shared: true,
    why: "a mount's source, which Docker makes where it is missing",
  }));
}

function rootlessOptions({ uidMappings, gidMappings }: Identity): Partial<RunOptions> {
  return { rootless: true, uidMappings, gidMappings };
}

/**
 * Whether nothing was asked for but an image, a command and a network by its word: such a spec is
 * made of our own defaults and of what was checked when the image was stored, and needs no second
 * look.
 */
function isPlain({ network, ...options }: ContainerRequest["options"]): boolean {
  const harmless = ["command", "terminal", "consoleSize"];
  return (network === undefined || network === "none" || network === "host") &&
    Object.entries(options).every(([name, value]) =>
      value === undefined || harmless.includes(name)
    );
}

/** Docker's masked paths, and those that only some machines have. */
function maskedPaths({ maskedPaths, privileged }: Partial<RunOptions>): string[] | undefined {
  if (maskedPaths || privileged) return maskedPaths;
  const more = thermalThrottlePaths();
  return more.length ? [...DEFAULT_MASKED_PATHS, ...more] : undefined;
}

/** The name of the container: with the host's network it is the host's, as Docker has it. */
function hostnameOf({ hostname, uts, network }: Partial<RunOptions>, id: string): string {
  const sharesName = uts === "host" || network === "host";
  return hostname ?? (sharesName ? Deno.hostname() : id.slice(0, 12));
}

/** The profile of the container's system calls: one that was given, or what Docker's depends on. */
export async function profileOf(
  { seccomp, options }: Pick<ContainerRequest, "seccomp" | "options">,
  capabilities: string[],
): Promise<LinuxSeccomp | SeccompHost | undefined> {
  if (seccomp === "unconfined" || (!seccomp && options.privileged)) return;
  const host = seccompHost(capabilities);
  if (!seccomp) return host;
  const { resolveProfile } = await later<typeof import("./seccomp/profile.ts")>(
    import.meta,
    "./seccomp/profile.ts",
  );
  return resolveProfile(seccomp, host);
}
