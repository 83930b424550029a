/**
 * Docker's own opinion: the same words given to the `docker` command, and to ours.
 *
 * `docker create` sends what it made of its flags to a daemon as JSON; the daemon here is a few
 * lines that keep it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { parseRunFlags, type RunCommand } from "../../../cli/run_flags.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";

/** What docker sends, as far as both know it: Docker's API, "ContainerCreate". */
interface Created {
  Image?: string;
  Cmd?: string[] | null;
  Entrypoint?: string[] | null;
  Env?: string[] | null;
  Hostname?: string;
  Domainname?: string;
  User?: string;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  Tty?: boolean;
  StopSignal?: string;
  HostConfig: {
    Memory?: number;
    MemorySwap?: number;
    MemoryReservation?: number;
    MemorySwappiness?: number | null;
    NanoCpus?: number;
    CpuShares?: number;
    CpuPeriod?: number;
    CpuQuota?: number;
    CpusetCpus?: string;
    PidsLimit?: number | null;
    BlkioWeight?: number;
    OomScoreAdj?: number;
    ShmSize?: number;
    Ulimits?: { Name: string; Soft: number; Hard: number }[] | null;
    CapAdd?: string[] | null;
    CapDrop?: string[] | null;
    GroupAdd?: string[] | null;
    Sysctls?: Record<string, string>;
    Tmpfs?: Record<string, string>;
    ReadonlyRootfs?: boolean;
    Privileged?: boolean;
    AutoRemove?: boolean;
    Binds?: string[] | null;
    Devices?: Device[] | null;
  };
}

interface Device {
  PathOnHost: string;
  PathInContainer: string;
  CgroupPermissions: string;
}

/** The same from our own reading of the words. */
function created(command: RunCommand): Created {
  const { options, image, user, groups, labels, terminal, rm } = command;
  const { resources: { memory, cpu, pids, blockIO } = {}, rlimits, tmpfs, sysctls } = options;
  const isNano = cpu?.period === 100_000 && cpu.quota !== undefined;
  const unlimited = (limit: number) => limit === 2 ** 64 ? -1 : limit;
  return {
    Image: image,
    Cmd: command.command,
    Entrypoint: options.entrypoint?.length === 0 ? [""] : options.entrypoint,
    Env: options.env,
    Hostname: options.hostname,
    Domainname: options.domainname,
    User: user,
    WorkingDir: options.workdir,
    Labels: labels,
    Tty: terminal,
    StopSignal: options.stopSignal,
    HostConfig: {
      Memory: memory?.limit,
      MemorySwap: command.swapIsDefault ? undefined : memory?.swap,
      MemoryReservation: memory?.reservation,
      MemorySwappiness: memory?.swappiness,
      NanoCpus: isNano ? cpu.quota! * 10_000 : undefined,
      CpuShares: cpu?.shares,
      CpuPeriod: isNano ? undefined : cpu?.period,
      CpuQuota: isNano ? undefined : cpu?.quota,
      CpusetCpus: cpu?.cpus,
      PidsLimit: pids?.limit,
      BlkioWeight: blockIO?.weight,
      OomScoreAdj: options.oomScoreAdj,
      ShmSize: options.shmSize,
      Ulimits: rlimits?.map(({ type, soft, hard }) => ({
        Name: type.slice("RLIMIT_".length).toLowerCase(),
        Soft: unlimited(soft),
        Hard: unlimited(hard),
      })),
      CapAdd: options.capAdd,
      CapDrop: options.capDrop,
      GroupAdd: groups,
      Sysctls: sysctls,
      Tmpfs: tmpfs && Object.fromEntries(Object.entries(tmpfs).map(([at, it]) => [at, it.join()])),
      ReadonlyRootfs: options.readonly,
      Privileged: options.privileged,
      AutoRemove: rm,
      Binds: options.mounts?.map(({ source, destination }) => `${source}:${destination}`),
      Devices: options.devices?.map(({ device, access }) => ({
        PathOnHost: "/dev/zero",
        PathInContainer: device.path,
        CgroupPermissions: access,
      })),
    },
  };
}

/**
 * What both say of the fields that ours has. Docker writes some form of nothing where nothing was
 * said, and gives lists that it keeps as maps in any order.
 */
function comparable(said: Created, ours: Created): unknown {
  const common = (whole: object, keys: object) =>
    Object.entries(whole).filter(([key, value]) => key in keys && !isNothing(key, value))
      .map(([key, value]) => [key, UNORDERED.has(key) ? sorted(value as unknown[]) : value]);
  return [
    ...common(said, { ...ours, HostConfig: undefined }),
    ...common(said.HostConfig, ours.HostConfig),
  ]
    .filter(([key]) => key !== "HostConfig").map(([key, value]) => `${key}: ${Deno.inspect(value)}`)
    .sort();
}

const UNORDERED = new Set(["Env", "Ulimits"]);

function sorted(list: unknown[]): string[] {
  return list.map((item) => Deno.inspect(item, { sorted: true })).sort();
}

function isNothing(key: string, value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return !value || key === "MemorySwappiness" && value === -1;
}

/** Words before an image that both understand in the same way. */
const LINES: string[][] = [
  [],
  ["-it", "--rm"],
  ["-it=false", "--rm=0"],
  ["-eA=b", "-e", "C=d", "--env=E=", "--env", "F= g "],
  ["-e", "-x=1"],
  ["-h", "box", "--domainname=lan", "-w", "/tmp", "-u", "1:2"],
  ["-m", "32m", "--memory-swap", "-1", "--memory-reservation=16m"],
  ["-m1.5g", "--memory-swap=2G"],
  ["-m=64MiB", "--memory-swappiness", "60"],
  ["--cpus", "0.5"],
  ["--cpus", "1.25", "-c", "512"],
  ["--cpu-period", "50000", "--cpu-quota=-1", "--cpuset-cpus", "0"],
  ["--pids-limit", "-1"],
  ["--pids-limit=8", "--blkio-weight", "300", "--oom-score-adj", "-5"],
  ["--shm-size", "128m", "--read-only", "--privileged"],
  ["--ulimit", "nofile=64:128", "--ulimit", "core=-1"],
  ["--cap-add", "CAP_NET_ADMIN", "--cap-drop=ALL", "--group-add", "disk"],
  ["--sysctl", "net.ipv4.ip_forward=1", "--tmpfs", "/x:size=1m,exec", "--tmpfs", "/y"],
  ["-l", "a=b", "-lc=d", "--label", "e"],
  ["-v", "/etc:/x", "--volume=/usr:/y"],
  ["--entrypoint", "/bin/ls", "--stop-signal", "SIGQUIT"],
  ["--entrypoint="],
  ["--device", "/dev/zero:/dev/x:r", "--device", "/dev/zero"],
  ["--"],
];

Deno.test({
  ...needs("docker and Tiffin make the same of the same words", { programs: ["docker"] }),
  async fn(context) {
    await using root = await tempRoot();
    let sent: Created | undefined;
    const path = `${root.path}/socket`;
    const server = Deno.serve({ path, onListen: () => {} }, async (request) => {
      if (new URL(request.url).pathname.endsWith("/containers/create")) sent = await request.json();
      const headers = { "API-Version": "1.40", "OSType": "linux" };
      return Response.json({ Id: "0123", Warnings: [] }, { status: 201, headers });
    });
    for (const words of LINES) {
      await context.step(words.join(" ") || "no flags", async () => {
        const line = [...words, "image", "sh", "-c", "--", "-x"];
        const { success, stderr } = await new Deno.Command("docker", {
          args: ["create", ...line],
          env: { DOCKER_HOST: `unix://${path}`, DOCKER_CONFIG: root.path },
        }).output();
        assertEquals(success, true, new TextDecoder().decode(stderr));
        const ours = created(await parseRunFlags(line));
        // docker takes its binds out of a map, in an order of its own
        sent!.HostConfig.Binds?.sort();
        ours.HostConfig.Binds?.sort();
        assertEquals(comparable(ours, ours), comparable(sent!, ours));
      });
    }
    await server.shutdown();
  },
});
