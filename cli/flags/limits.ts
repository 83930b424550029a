/**
 * Limits: `--memory`, `--cpus`, `--pids-limit`, `--ulimit` and their like, by Docker's rules.
 *
 * What a host's cgroups cannot do is found out by the runtime, which looks at them; here stands
 * what is wrong on any host.
 *
 * @module
 */

import { sharesOfWeight } from "../../runtime/cgroups/values.ts";
import type { LinuxCPU, LinuxMemory, Rlimit, RlimitType } from "../../runtime/spec.ts";
import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongFlag, wrongValue } from "./grammar.ts";
import { parseSize, parseWhole, parseWord } from "./values.ts";

/** A process does not even start with less. Docker's limit is the same. */
const LEAST_MEMORY = 6 * 1024 * 1024;

/** The period that `--cpus` is counted in, in microseconds: the kernel's default. */
const PERIOD = 100_000;

/** The least quota that the kernel takes, in microseconds. */
const LEAST_QUOTA = 1000;

const MOST = Number.MAX_SAFE_INTEGER;

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { options } = command;
  const { "pids-limit": pids, "blkio-weight": weight, "oom-score-adj": score } = flags;
  const { "cgroup-parent": parent } = flags;
  const resources = { ...options.resources };
  const memory = readMemory(flags);
  const cpu = readCpu(flags);
  if (Object.keys(memory).length > 0) resources.memory = memory;
  if (Object.keys(cpu).length > 0) resources.cpu = cpu;
  if (pids !== undefined) {
    // 0 is no limit in Docker, as -1 is.
    resources.pids = { limit: parseWhole("pids-limit", pids, -1, 2 ** 22) || -1 };
  }
  if (weight !== undefined && weight !== "0") {
    const number = parseWhole("blkio-weight", weight, 10, 1000);
    resources.blockIO = { ...resources.blockIO, weight: number };
  }
  if (Object.keys(resources).length > 0) options.resources = resources;
  command.swapIsDefault = memory.swap !== undefined && flags["memory-swap"] === undefined;
  if (score !== undefined) options.oomScoreAdj = parseWhole("oom-score-adj", score, -1000, 1000);
  if (flags.ulimit) options.rlimits = readUlimits(flags.ulimit);
  if (parent !== undefined) command.cgroupParent = cgroupParent(parent);
}

function readMemory(flags: RunFlags): LinuxMemory {
  const memory: LinuxMemory = {};
  const size = (flag: "memory" | "memory-reservation") => {
    const text = flags[flag];
    // 0 is no limit in Docker.
    const bytes = text === undefined ? 0 : parseSize(flag, text);
    if (text === undefined || bytes === 0) return undefined;
    if (bytes >= LEAST_MEMORY) return bytes;
    throw wrongValue(flag, text, "is too little for any process: write 6m or more");
  };
  const limit = size("memory");
  const reservation = size("memory-reservation");
  if (limit !== undefined && reservation !== undefined && reservation > limit) {
    throw wrongFlag("--memory-reservation is more than --memory: it is a part of it");
  }
  const swap = readSwap(flags["memory-swap"], limit);
  if (limit !== undefined) memory.limit = limit;
  if (reservation !== undefined) memory.reservation = reservation;
  if (swap !== undefined) memory.swap = swap;
  const swappiness = flags["memory-swappiness"];
  if (swappiness !== undefined && swappiness !== "-1") {
    memory.swappiness = parseWhole("memory-swappiness", swappiness, 0, 100);
  }
  if (flags["oom-kill-disable"]) {
    if (limit === undefined) {
      throw wrongFlag("--oom-kill-disable without --memory lets it take all of the host's memory");
    }
    memory.disableOOMKiller = true;
  }
  return memory;
}

/** Memory and swap together; as much swap as memory, where only that has a limit. */
function readSwap(text: string | undefined, limit: number | undefined): number | undefined {
  const swap = text === undefined ? 0 : text === "-1" ? -1 : parseSize("memory-swap", text);
  if (swap === 0) return limit === undefined ? undefined : limit * 2;
  if (limit === undefined) {
    throw wrongFlag("--memory-swap is memory and swap together: give --memory too");
  }
  if (swap === -1 || swap >= limit) return swap;
  throw wrongFlag("--memory-swap is memory and swap together: it cannot be less than --memory");
}

function readCpu(flags: RunFlags): LinuxCPU {
  const cpu: LinuxCPU = {};
  const whole = (flag: keyof RunFlags & `cpu-${string}`, min: number, max: number) => {
    const text = flags[flag] as string | undefined;
    // 0 leaves it as it is, in Docker.
    return text === undefined || text === "0" ? undefined : parseWhole(flag, text, min, max);
  };
  const set = (field: keyof LinuxCPU & string, value: number | string | undefined) => {
    if (value !== undefined) Object.assign(cpu, { [field]: value });
  };
  const { cpus, "cpu-quota": quota } = flags;
  for (const flag of ["cpu-quota", "cpu-period"] as const) {
    if (cpus !== undefined && flags[flag] !== undefined) {
      throw wrongFlag(`--cpus and --${flag} say the same thing: give one of them`);
    }
  }
  if (flags["cpu-shares"] !== undefined && flags["cpu-weight"] !== undefined) {
    throw wrongFlag("--cpu-shares and --cpu-weight say the same thing: give one of them");
  }
  set("quota", quota === "-1" ? -1 : whole("cpu-quota", LEAST_QUOTA, MOST));
  set("period", whole("cpu-period", 1000, 1_000_000));
  if (cpus !== undefined) Object.assign(cpu, bandwidth(cpus));
  set("shares", whole("cpu-shares", 2, 262_144));
  const weight = whole("cpu-weight", 1, 10_000);
  if (weight !== undefined) cpu.shares = sharesOfWeight(weight);
  set("realtimePeriod", whole("cpu-rt-period", 1, MOST));
  set("realtimeRuntime", whole("cpu-rt-runtime", 1, MOST));
  set("cpus", list("cpuset-cpus", flags["cpuset-cpus"]));
  set("mems", list("cpuset-mems", flags["cpuset-mems"]));
  return cpu;
}

/** How many CPUs' time, as the time in each period. */
function bandwidth(text: string): Pick<LinuxCPU, "quota" | "period"> {
  const number = /^(\d+(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(number)) throw wrongValue("cpus", text, "is not a number of CPUs, as 0.5 or 2");
  const quota = Math.round(number * PERIOD);
  if (number === 0) return {};
  if (quota >= LEAST_QUOTA && quota <= MOST) return { quota, period: PERIOD };
  throw wrongValue("cpus", text, "is less than the kernel can count: 0.01 is the least");
}

/** A list of numbers and ranges, as cpuset(7) has it. */
function list(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return text;
  throw wrongValue(flag, text, "is not a list of numbers and ranges, as 0-3,7");
}

/** What Docker calls the resources of setrlimit(2), and `as`, which Docker leaves out. */
const ULIMITS = [
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
] as const;

/** `NAME=SOFT[:HARD]`; the last of those with the same name counts. */
function readUlimits(texts: string[]): Rlimit[] {
  const limits = new Map<RlimitType, Rlimit>();
  for (const text of texts) {
    const match = /^([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/.exec(text);
    if (!match) throw wrongValue("ulimit", text, "is not NAME=SOFT[:HARD], as nofile=1024:2048");
    const name = parseWord("ulimit", match[1], ULIMITS);
    const soft = rlimit(match[2]);
    const hard = rlimit(match[3] ?? match[2]);
    if (soft > hard) throw wrongValue("ulimit", text, "has a soft limit above the hard one");
    const type: RlimitType = `RLIMIT_${name.toUpperCase() as Uppercase<typeof name>}`;
    limits.set(type, { type, soft, hard });
  }
  return [...limits.values()];
}

/** RLIM_INFINITY is 2^64 - 1, which a number rounds up. */
function rlimit(text: string): number {
  return text === "-1" || text === "unlimited" ? 2 ** 64 : Number(text);
}

/** A group's path, from the cgroup mount's root. */
function cgroupParent(path: string): string {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length > 0 && !parts.includes("..") && !parts.includes(".")) {
    if (!path.endsWith(".slice")) return `/${parts.join("/")}`;
    throw wrongValue(
      "cgroup-parent",
      path,
      "is a slice of systemd's, which is not asked for cgroups here: give a path",
    );
  }
  throw wrongValue("cgroup-parent", path, "is not the path of a cgroup, as /class/group1");
}
