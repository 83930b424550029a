/**
 * A container as Docker's API describes it, as far as its fields mean something here.
 *
 * https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container/operation/ContainerInspect
 *
 * @module
 */

import type { LogRequest } from "../runtime/container_request.ts";
import type { ContainerInfo } from "../runtime/containers.ts";
import { readHealth, readHealthLog } from "../runtime/health_file.ts";
import { restartsOf } from "../runtime/lifecycle/restarts.ts";
import { type Member, type Network, readState } from "../runtime/network/state.ts";
import type { ContainerRecord } from "../runtime/records.ts";

/** What Docker writes where there was no such time. */
const NEVER = "0001-01-01T00:00:00Z";

/** All that is known of a container. */
export function describeContainer(root: string, info: ContainerInfo): object {
  const { id, record, directory } = info;
  const { command: [path, ...args], image, imageDigest, name, request } = record;
  const state = readState(root);
  return {
    Id: id,
    Created: record.created,
    Path: path,
    Args: args,
    State: describeState(info),
    Image: typeof request.from === "string" ? "" : request.from.id,
    ImageManifestDescriptor: imageDigest && { digest: imageDigest },
    ResolvConfPath: `${directory}/resolv.conf`,
    HostnamePath: `${directory}/hostname`,
    HostsPath: `${directory}/hosts`,
    LogPath: request.log?.driver === "none" ? "" : `${directory}/log`,
    Name: name === undefined ? "" : `/${name}`,
    RestartCount: restartsOf(directory),
    Driver: "overlayfs",
    Platform: "linux",
    HostConfig: hostConfig(record),
    GraphDriver: { Name: "overlay", Data: { UpperDir: `${directory}/upper` } },
    Mounts: mounts(root, info),
    Config: config(record, image),
    NetworkSettings: networkSettings(
      state.members.find((member) => member.id === id),
      state.networks,
    ),
  };
}

function describeState(info: ContainerInfo): object {
  const { state, process, status, started, directory } = info;
  const health = readHealth(directory);
  return {
    Status: state,
    Running: process !== undefined,
    Paused: state === "paused",
    Restarting: state === "restarting",
    OOMKilled: status?.exit.isOutOfMemory ?? false,
    Dead: false,
    Pid: process?.pid ?? 0,
    ExitCode: status?.exit.code ?? 0,
    Error: "",
    StartedAt: (started ?? status?.started)?.toISOString() ?? NEVER,
    FinishedAt: status?.ended.toISOString() ?? NEVER,
    ...(health && { Health: { Status: health, ...readHealthLog(directory) } }),
  };
}

/** What was asked of the host. */
function hostConfig({ request }: ContainerRecord): object {
  const { options, network, restart, keep, rm, cgroupParent, log } = request;
  const { resources: { memory, cpu, pids, blockIO } = {} } = options;
  const ports = (network?.publish ?? []).flatMap(({ ip, host, container, protocol }) =>
    Array.from(
      { length: container.to - container.from + 1 },
      (_, i) =>
        [`${container.from + i}/${protocol}`, [{
          HostIp: ip ?? "",
          HostPort: host ? String(host.from + i) : "",
        }]] as const,
    )
  );
  const networks = network?.networks?.map(({ name }) => name);
  return {
    Binds: (options.mounts ?? []).filter(({ source }) => source)
      .map(({ source, destination }) => `${source}:${destination}`),
    NetworkMode: options.network ??
      (network?.shares ? `container:${network.shares}` : networks?.[0] ?? "bridge"),
    PortBindings: Object.fromEntries(ports),
    PublishAllPorts: network?.publishAll ?? false,
    LogConfig: { Type: log?.driver ?? "local", Config: logOptions(log) },
    RestartPolicy: { Name: restart?.name ?? "no", MaximumRetryCount: restart?.limit ?? 0 },
    AutoRemove: rm ?? !keep,
    CapAdd: options.capAdd ?? null,
    CapDrop: options.capDrop ?? null,
    Dns: network?.dns ?? [],
    DnsOptions: network?.dnsOptions ?? [],
    DnsSearch: network?.dnsSearch ?? [],
    ExtraHosts: request.extraHosts ?? null,
    GroupAdd: request.groups ?? null,
    IpcMode: options.ipc ?? "private",
    PidMode: options.pid ?? "",
    UTSMode: options.uts ?? "",
    CgroupnsMode: options.cgroupns ?? "private",
    CgroupParent: cgroupParent ?? "",
    Privileged: options.privileged ?? false,
    ReadonlyRootfs: options.readonly ?? false,
    ShmSize: options.shmSize ?? 64 * 1024 * 1024,
    Sysctls: options.sysctls ?? {},
    Tmpfs: Object.fromEntries(
      Object.entries(options.tmpfs ?? {}).map(([path, words]) => [path, words.join(",")]),
    ),
    Ulimits: (options.rlimits ?? []).map(({ type, soft, hard }) => ({
      Name: type.slice("RLIMIT_".length).toLowerCase(),
      Soft: soft === 2 ** 64 ? -1 : soft,
      Hard: hard === 2 ** 64 ? -1 : hard,
    })),
    Memory: memory?.limit ?? 0,
    MemorySwap: memory?.swap ?? 0,
    MemoryReservation: memory?.reservation ?? 0,
    CpuShares: cpu?.shares ?? 0,
    CpuPeriod: cpu?.period ?? 0,
    CpuQuota: cpu?.quota ?? 0,
    CpusetCpus: cpu?.cpus ?? "",
    CpusetMems: cpu?.mems ?? "",
    PidsLimit: pids?.limit ?? null,
    BlkioWeight: blockIO?.weight ?? 0,
    OomScoreAdj: options.oomScoreAdj ?? 0,
  };
}

/** What was said of its log, as Docker keeps it: words. */
function logOptions({ size, files }: LogRequest = {}): Record<string, string> {
  return {
    ...(size !== undefined && { "max-size": exactSize(size) }),
    ...(files !== undefined && { "max-file": String(files) }),
  };
}

/** Bytes in the largest unit that they are a whole number of. */
function exactSize(bytes: number): string {
  const exponent = [3, 2, 1].find((exponent) => bytes > 0 && bytes % 1024 ** exponent === 0) ?? 0;
  return `${bytes / 1024 ** exponent}${["", "k", "m", "g"][exponent]}`;
}

/** What its first process was given. */
function config({ request, process, labels, command }: ContainerRecord, image: string): object {
  const { options, user, from, hasInput, stopTimeout } = request;
  const own = typeof from === "string" ? undefined : from.config.config;
  return {
    Hostname: process?.env?.find((entry) => entry.startsWith("HOSTNAME="))?.slice(9) ?? "",
    Domainname: options.domainname ?? "",
    User: user ?? own?.User ?? "",
    Tty: options.terminal ?? false,
    OpenStdin: hasInput ?? false,
    ExposedPorts: own?.ExposedPorts ?? {},
    Env: process?.env ?? [],
    Cmd: options.command ?? own?.Cmd ?? command,
    Entrypoint: options.entrypoint ?? own?.Entrypoint ?? null,
    Image: image,
    WorkingDir: process?.cwd ?? "/",
    Labels: { ...own?.Labels, ...labels },
    StopSignal: options.stopSignal ?? own?.StopSignal ?? "SIGTERM",
    ...(stopTimeout !== undefined && { StopTimeout: stopTimeout }),
  };
}

function mounts(root: string, { record, directory }: ContainerInfo): object[] {
  const { volumes = [], options } = record.request;
  const isWritable = (words: string[] = []) => !words.includes("ro");
  return [
    ...volumes.map(({ name, destination, options }, i) => ({
      Type: "volume",
      Name: name ?? `volume-${i}`,
      Source: name ? `${root}/volumes/${name}/_data` : `${directory}/volume-${i}`,
      Destination: destination,
      RW: isWritable(options),
    })),
    ...(options.mounts ?? []).map(({ type, source, destination, options }) => ({
      Type: type ?? "bind",
      Source: source ?? "",
      Destination: destination,
      RW: isWritable(options),
    })),
  ];
}

/** Its places in networks, while it has them. */
function networkSettings(member: Member | undefined, networks: readonly Network[]): object {
  const ports: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { ip, host, container, protocol } of member?.ports ?? []) {
    const bindings = ports[`${container}/${protocol}`] ??= [];
    bindings.push({ HostIp: ip ?? "0.0.0.0", HostPort: String(host) });
  }
  const places = (member?.endpoints ?? []).map((endpoint) => {
    const network = networks.find(({ id }) => id === endpoint.network);
    return [network?.name ?? endpoint.network, {
      NetworkID: endpoint.network,
      Gateway: network?.gateway ?? "",
      IPAddress: endpoint.address,
      IPPrefixLen: Number(network?.subnet.split("/")[1] ?? 0),
      GlobalIPv6Address: endpoint.address6 ?? "",
      MacAddress: endpoint.mac,
      Aliases: endpoint.aliases,
    }] as const;
  });
  return {
    Ports: ports,
    IPAddress: places[0]?.[1].IPAddress ?? "",
    Gateway: places[0]?.[1].Gateway ?? "",
    MacAddress: places[0]?.[1].MacAddress ?? "",
    Networks: Object.fromEntries(places),
  };
}
