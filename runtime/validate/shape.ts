/**
 * The shape of a config.json, field by field: type, range, form, and what must be there.
 *
 * The tables follow the interfaces of `spec.ts`, and the compiler compares the two: a field without
 * a check, or an enumeration that lacks a name, does not compile. A rule between fields stands here
 * where it concerns one object; the rules that concern the whole are in `../validate.ts`.
 *
 * https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config.md
 *
 * @module
 */

import { show } from "../words.ts";
import { CAPABILITY_NAMES } from "../capabilities.ts";
import type * as OCI from "../spec.ts";
import * as is from "./checks.ts";
import { array, boolean, integer, map, object, oneOf, required, text } from "./checks.ts";
import type { Check, Problem } from "./checks.ts";
import { resources, seccomp } from "./limits.ts";

/** A user or group ID; 2^32 - 1 is -1, which setresuid(2) reads as "leave it". */
const id = integer(0, 2 ** 32 - 2);
const someText = text(/./s, "must not be empty");
const texts = array(is.anyText);
const absolutePaths = array(is.absolutePath);
const environment = array(text(/^[^=]+=/, "must be a string like KEY=value"));

/** A rule for lists: no two elements are of one type. */
function unique(list: { type: string }[]): Problem | undefined {
  const seen = new Set<string>();
  for (const [i, { type }] of list.entries()) {
    if (seen.has(type)) {
      return is.wrongField(`[${i}].type`, `must not be listed twice, got ${show(type)}`);
    }
    seen.add(type);
  }
}

/** One line of a uid_map or gid_map, under the kernel's rules. See user_namespaces(7). */
const idMapping = object<OCI.LinuxIDMapping>({
  containerID: required(id),
  hostID: required(id),
  size: required(integer(1, 2 ** 32 - 1, "IDs")),
}, ({ containerID, hostID, size }) => {
  const room = 2 ** 32 - 1 - Math.max(containerID, hostID);
  if (size > room) return is.wrongField("size", `must be at most ${room} IDs here, got ${size}`);
});

const idMappings = array(idMapping, (maps) => {
  // UID_GID_MAP_MAX_EXTENTS of the kernel's include/linux/user_namespace.h
  if (maps.length > 340) {
    return is.wrongField("[340]", "is one entry too many: the kernel takes 340");
  }
  for (const side of ["containerID", "hostID"] as const) {
    const sorted = maps.map((map, i) => ({ i, from: map[side], to: map[side] + map.size }));
    sorted.sort((a, b) => a.from - b.from);
    for (let n = 1; n < sorted.length; n++) {
      const [before, { i, from }] = [sorted[n - 1], sorted[n]];
      if (from < before.to) {
        return is.wrongField(`[${i}].${side}`, `must not overlap entry [${before.i}], got ${from}`);
      }
    }
  }
});

const mount = object<OCI.Mount>({
  destination: required(someText),
  type: is.anyText,
  source: is.anyText,
  options: texts,
  uidMappings: idMappings,
  gidMappings: idMappings,
}, ({ options, source, uidMappings, gidMappings }) => {
  const bind = options?.find((option) => option === "bind" || option === "rbind");
  if (bind && !source) {
    return is.wrongField("source", `is required with the option ${show(bind)}`);
  }
  if (!uidMappings !== !gidMappings) {
    const missing = uidMappings ? "gidMappings" : "uidMappings";
    return is.wrongField(missing, "is required: an idmapped mount has both mappings or none");
  }
});

const capabilities = array(oneOf(...CAPABILITY_NAMES));

const rlimit = object<OCI.Rlimit>({
  type: required(oneOf(
    "RLIMIT_AS",
    "RLIMIT_CORE",
    "RLIMIT_CPU",
    "RLIMIT_DATA",
    "RLIMIT_FSIZE",
    "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_NOFILE",
    "RLIMIT_NPROC",
    "RLIMIT_RSS",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
    "RLIMIT_SIGPENDING",
    "RLIMIT_STACK",
  )),
  soft: required(is.uint64),
  hard: required(is.uint64),
}, ({ soft, hard }) => {
  if (soft > hard) {
    return is.wrongField("soft", `must not be above the hard limit ${hard}, got ${soft}`);
  }
});

const scheduler = object<OCI.Scheduler>({
  policy: required(oneOf(
    "SCHED_OTHER",
    "SCHED_FIFO",
    "SCHED_RR",
    "SCHED_BATCH",
    "SCHED_ISO",
    "SCHED_IDLE",
    "SCHED_DEADLINE",
  )),
  nice: integer(-20, 19),
  priority: integer(0, 99),
  flags: array(oneOf(
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
  )),
  runtime: is.uint64,
  deadline: is.uint64,
  period: is.uint64,
}, ({ policy, priority, runtime, deadline, period }) => {
  const realTime = policy === "SCHED_FIFO" || policy === "SCHED_RR";
  if (realTime !== (priority ?? 0) > 0) {
    const range = realTime ? "from 1 to 99" : "0";
    return is.wrongField("priority", `must be ${range} with ${policy}, got ${show(priority)}`);
  }
  if (policy !== "SCHED_DEADLINE" && (runtime || deadline || period)) {
    const name = runtime ? "runtime" : deadline ? "deadline" : "period";
    return is.wrongField(name, `must not be set with ${policy}: it is for SCHED_DEADLINE`);
  }
});

const process = object<OCI.Process>({
  terminal: boolean,
  consoleSize: object<OCI.ConsoleSize>({
    height: required(is.uint16),
    width: required(is.uint16),
  }),
  user: required(object<OCI.User>({
    uid: required(id),
    gid: required(id),
    umask: integer(0, 0o777),
    additionalGids: array(id),
    username: is.anyText,
  })),
  args: required(array(is.anyText, (args) => {
    if (!args[0]) return is.wrongField("[0]", "is required: the program to run");
  })),
  env: environment,
  cwd: required(is.absolutePath),
  capabilities: object<OCI.LinuxCapabilities>({
    bounding: capabilities,
    effective: capabilities,
    inheritable: capabilities,
    permitted: capabilities,
    ambient: capabilities,
  }),
  rlimits: array(rlimit, unique),
  noNewPrivileges: boolean,
  apparmorProfile: is.anyText,
  selinuxLabel: is.anyText,
  oomScoreAdj: integer(-1000, 1000),
  scheduler,
  ioPriority: object<OCI.IOPriority>({
    class: required(oneOf("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE")),
    priority: required(integer(0, 7)),
  }),
  execCPUAffinity: object<OCI.ExecCPUAffinity>({ initial: is.cpuList, final: is.cpuList }),
});

const hooks = array(object<OCI.Hook>({
  path: required(is.absolutePath),
  args: texts,
  env: environment,
  timeout: integer(1, 2 ** 31 - 1, "seconds"),
}));

const device = object<OCI.LinuxDevice>({
  path: required(is.absolutePath),
  type: required(oneOf("c", "u", "b", "p")),
  major: is.major,
  minor: is.minor,
  // Some programs leave the file type's bits in, so there may be more than permissions.
  fileMode: is.uint32,
  uid: id,
  gid: id,
}, (device) => {
  for (const number of ["major", "minor"] as const) {
    if (device.type !== "p" && device[number] === undefined) {
      return is.wrongField(number, "is required");
    }
  }
});

/** What sethostname(2) and setdomainname(2) take: 64 bytes (__NEW_UTS_LEN). */
const hostText = text(/^[\x21-\x7e]{0,64}$/, "must be at most 64 visible ASCII characters");

const linux = object<OCI.Linux>({
  namespaces: array(
    object<OCI.LinuxNamespace>({
      type: required(
        oneOf("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"),
      ),
      path: is.absolutePath,
    }),
    unique,
  ),
  uidMappings: idMappings,
  gidMappings: idMappings,
  timeOffsets: map(
    oneOf("monotonic", "boottime"),
    object<OCI.LinuxTimeOffset>({
      secs: is.int64,
      nanosecs: integer(0, 999_999_999, "nanoseconds"),
    }),
  ),
  devices: array(device),
  cgroupsPath: text(/^(?!(.*\/)?\.\.(\/|$))/s, 'must not contain ".."'),
  resources,
  sysctl: map(someText, is.anyText),
  seccomp,
  rootfsPropagation: oneOf(
    "private",
    "rprivate",
    "slave",
    "rslave",
    "shared",
    "rshared",
    "unbindable",
    "runbindable",
  ),
  maskedPaths: absolutePaths,
  readonlyPaths: absolutePaths,
  mountLabel: is.anyText,
  intelRdt: object<OCI.LinuxIntelRdt>({
    closID: is.fileName,
    l3CacheSchema: is.anyText,
    memBwSchema: is.anyText,
    enableCMT: boolean,
    enableMBM: boolean,
  }),
  personality: object<OCI.LinuxPersonality>({
    domain: required(oneOf("LINUX", "LINUX32")),
    flags: array(is.anyText, (flags) => {
      if (flags.length > 0) return is.wrong("must be empty: the specification defines no flag");
    }),
  }),
});

/** A whole config.json. */
export const spec: Check<OCI.Spec> = object<OCI.Spec>({
  ociVersion: required(
    text(/^1\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$/, 'must be a version of the 1.x series like "1.2.1"'),
  ),
  process,
  root: object<OCI.Root>({ path: required(someText), readonly: boolean }),
  hostname: hostText,
  domainname: hostText,
  mounts: array(mount),
  hooks: object<OCI.Hooks>({
    prestart: hooks,
    createRuntime: hooks,
    createContainer: hooks,
    startContainer: hooks,
    poststart: hooks,
    poststop: hooks,
  }),
  annotations: map(someText, is.anyText),
  linux,
});
