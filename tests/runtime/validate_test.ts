/**
 * What is refused in a config.json, and in which words.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { sysctlPath } from "../../runtime/birth/namespaces.ts";
import { SpecError, validateSpec } from "../../runtime/validate.ts";
import { smallSpec, wholeSpec } from "./spec_samples.ts";

/** A change that makes the whole spec wrong: where, to what, and the words of the error. */
type Case = [path: string, value: unknown, message: string];

const GONE = undefined;
const long = "x".repeat(70);

/** Wrong values of single fields: the error names the very path that was changed. */
const FIELDS: Case[] = [
  ["ociVersion", GONE, "is required"],
  ["ociVersion", 1, "must be a string, got 1"],
  ["ociVersion", "2.0.0", 'must be a version of the 1.x series like "1.2.1", got "2.0.0"'],
  ["ociVersion", "1.2", 'must be a version of the 1.x series like "1.2.1", got "1.2"'],
  ["process", "sh", 'must be an object, got "sh"'],
  ["process", ["sh"], "must be an object, got a list"],
  ["process.terminal", 1, "must be true or false, got 1"],
  ["process.consoleSize.height", 65536, "must be a whole number, at most 65535, got 65536"],
  ["process.user", GONE, "is required"],
  ["process.user.uid", "root", 'must be a whole number, got "root"'],
  ["process.user.uid", -1, "must be a whole number, at least 0, got -1"],
  ["process.user.gid", 2 ** 32 - 1, "must be a whole number, at most 4294967294, got 4294967295"],
  ["process.user.umask", 0o1000, "must be a whole number, at most 511, got 512"],
  ["process.user.additionalGids[1]", 1.5, "must be a whole number, got 1.5"],
  ["process.args", GONE, "is required"],
  ["process.args[0]", "", "is required: the program to run"],
  ["process.args[2]", "a\0b", "must not contain a NUL byte"],
  ["process.args[2]", "\ud800", "must be valid Unicode"],
  ["process.env[1]", "EMPTY", 'must be a string like KEY=value, got "EMPTY"'],
  ["process.env[1]", "=x", 'must be a string like KEY=value, got "=x"'],
  ["process.cwd", "srv", 'must be an absolute path, got "srv"'],
  [
    "process.capabilities.bounding[0]",
    "CAP_CHWON",
    'must be a known name, got "CAP_CHWON"; did you mean "CAP_CHOWN"?',
  ],
  ["process.rlimits[0].type", "NOFILE", 'must be a known name, got "NOFILE"'],
  ["process.rlimits[0].soft", 2 ** 21, "must not be above the hard limit 1048576, got 2097152"],
  ["process.rlimits[1].type", "RLIMIT_NOFILE", 'must not be listed twice, got "RLIMIT_NOFILE"'],
  ["process.oomScoreAdj", 1001, "must be a whole number, at most 1000, got 1001"],
  ["process.scheduler.policy", "SCHED_FIFO ", "must be one of"],
  ["process.scheduler.priority", 5, "must be 0 with SCHED_DEADLINE, got 5"],
  ["process.ioPriority.priority", 8, "must be a whole number, at most 7, got 8"],
  ["process.execCPUAffinity.final", "0-", "must be a list of numbers and ranges"],
  ["root.path", "", 'must not be empty, got ""'],
  ["hostname", "a b", 'must be at most 64 visible ASCII characters, got "a b"'],
  ["hostname", long, `must be at most 64 visible ASCII characters, got "${"x".repeat(60)}…"`],
  ["mounts[0].destination", GONE, "is required"],
  ["mounts[1].source", GONE, 'is required with the option "rbind"'],
  ["mounts[1].gidMappings", GONE, "is required: an idmapped mount has both mappings or none"],
  ["hooks.poststop[0].path", "hook", 'must be an absolute path, got "hook"'],
  ["hooks.prestart[0].timeout", 0, "must be a whole number of seconds, at least 1, got 0"],
  ['annotations["org.example.key"]', 5, "must be a string, got 5"],
  [
    "linux.namespaces[1].type",
    "net",
    'must be one of "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", got "net"',
  ],
  ["linux.namespaces[1].type", "pid", 'must not be listed twice, got "pid"'],
  ["linux.namespaces[0].path", "ns/pid", 'must be an absolute path, got "ns/pid"'],
  ["linux.uidMappings[1].size", 0, "must be a whole number of IDs, at least 1, got 0"],
  [
    "linux.uidMappings[1].size",
    2 ** 32 - 1,
    "must be at most 4294867295 IDs here, got 4294967295",
  ],
  ["linux.uidMappings[1].containerID", 0, "must not overlap entry [0], got 0"],
  ["linux.gidMappings[0].hostID", 165534, "must not overlap entry [1], got 165534"],
  ["linux.timeOffsets", { realtime: {} }, "has a wrong key: it must be one of"],
  ['linux.timeOffsets["boottime"].nanosecs', 1e9, "must be a whole number of nanoseconds"],
  ["linux.devices[0].type", "d", 'must be one of "c", "u", "b", "p", got "d"'],
  ["linux.devices[0].minor", GONE, "is required"],
  ["linux.devices[0].major", 4096, "must be a whole number, at most 4095, got 4096"],
  ["linux.cgroupsPath", "a/../../b", 'must not contain "..", got "a/../../b"'],
  ["linux.resources.memory.limit", "32m", 'must be a whole number of bytes, got "32m"'],
  ["linux.resources.memory.limit", -2, "must be a whole number of bytes, at least -1, got -2"],
  [
    "linux.resources.memory.swap",
    5,
    "counts memory too: must be at least the limit 536870912, got 5",
  ],
  ["linux.resources.devices[0].access", "rx", 'must be letters of "rwm", got "rx"'],
  ["linux.resources.cpu.cpus", "0,", "must be a list of numbers and ranges"],
  ["linux.resources.pids.limit", GONE, "is required"],
  ["linux.resources.blockIO.weight", 1001, "must be a whole number, at most 1000, got 1001"],
  ["linux.resources.hugepageLimits[0].pageSize", "2M", 'must be a size like "2MB", got "2M"'],
  ['linux.resources.rdma["mlx5_1"]', [], "must be an object, got a list"],
  ["linux.resources.unified", { "../x": "" }, "has a wrong key: it must be the name of a file"],
  ['linux.sysctl["kernel.shmmax"]', 65536, "must be a string, got 65536"],
  ["linux.seccomp.defaultAction", "SCMP_ACT_NOTIFY", "must not be SCMP_ACT_NOTIFY"],
  ["linux.seccomp.listenerPath", "run", 'must be an absolute path, got "run"'],
  ["linux.seccomp.architectures[0]", "x86_64", 'must be a known name, got "x86_64"'],
  ["linux.seccomp.syscalls[0].names", [], "must not be empty"],
  ["linux.seccomp.syscalls[0].args[0].index", 6, "must be a whole number, at most 5, got 6"],
  ["linux.seccomp.syscalls[0].args[0].op", "==", "must be one of"],
  ["linux.rootfsPropagation", "", "must be one of"],
  ["linux.maskedPaths[0]", "proc", 'must be an absolute path, got "proc"'],
  ["linux.intelRdt.closID", "..", "must be the name of a file"],
  ["linux.personality.flags", ["X"], "must be empty: the specification defines no flag"],
];

for (const [path, value, message] of FIELDS) {
  const shown = value === GONE ? "nothing" : JSON.stringify(value)?.slice(0, 30);
  Deno.test(`refused: ${path} = ${shown}`, () => {
    const spec = wholeSpec();
    set(spec, path, value);
    const error = assertThrows(() => validateSpec(spec), SpecError);
    assertEquals(error.path, path);
    assertEquals(error.problem.slice(0, message.length), message);
    assertEquals(error.message, `config.json: ${path}: ${error.problem}`);
    assert(!error.message.endsWith("."));
  });
}

/** Changes to several fields, or errors at another place than the change. */
const RULES: [name: string, Record<string, unknown>, path: string, message: string][] = [
  [
    "a host name needs a UTS namespace",
    {
      hostname: "box",
    },
    "hostname",
    'needs a namespace of type "uts" in linux.namespaces',
  ],
  [
    "a domain name needs one too",
    {
      domainname: "example.org",
    },
    "domainname",
    'needs a namespace of type "uts" in linux.namespaces',
  ],
  [
    "ID mappings need a user namespace",
    {
      "linux.gidMappings": [{ containerID: 0, hostID: 1, size: 1 }],
    },
    "linux.gidMappings",
    'needs a namespace of type "user" in linux.namespaces',
  ],
  [
    "a new user namespace needs ID mappings",
    {
      "linux.namespaces": [{ type: "user" }],
    },
    "linux.uidMappings",
    "is required: a new user namespace has no IDs without it",
  ],
  [
    "the process's user must be mapped",
    {
      "linux.namespaces": [{ type: "user" }],
      "linux.uidMappings": [{ containerID: 0, hostID: 1, size: 10 }],
      "linux.gidMappings": [{ containerID: 0, hostID: 1, size: 1 }],
      "process.user": { uid: 10, gid: 0 },
    },
    "process.user.uid",
    "must be an ID that linux.uidMappings has, got 10",
  ],
  [
    "and so must its groups",
    {
      "linux.namespaces": [{ type: "user" }],
      "linux.uidMappings": [{ containerID: 0, hostID: 1, size: 1 }],
      "linux.gidMappings": [{ containerID: 0, hostID: 1, size: 1 }],
      "process.user": { uid: 0, gid: 0, additionalGids: [0, 5] },
    },
    "process.user.additionalGids[1]",
    "must be an ID that linux.gidMappings has, got 5",
  ],
  [
    "341 lines of a map are one too many",
    {
      "linux.uidMappings": Array.from({ length: 341 }, (_, i) => (
        { containerID: i, hostID: i, size: 1 }
      )),
    },
    "linux.uidMappings[340]",
    "is one entry too many: the kernel takes 340",
  ],
  [
    "clock offsets need a time namespace",
    {
      "linux.timeOffsets": { monotonic: { secs: 1 } },
    },
    "linux.timeOffsets",
    'needs a namespace of type "time" in linux.namespaces',
  ],
  [
    "masking needs a mount namespace",
    {
      "linux.namespaces": [],
      "linux.maskedPaths": ["/proc/kcore"],
    },
    "linux.maskedPaths",
    'needs a namespace of type "mount" in linux.namespaces',
  ],
  [
    "and so does making paths read-only",
    {
      "linux.namespaces": [],
      "linux.readonlyPaths": ["/proc/sys"],
    },
    "linux.readonlyPaths",
    'needs a namespace of type "mount" in linux.namespaces',
  ],
  [
    "an errno only goes with two actions",
    {
      "linux.seccomp": { defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1 },
    },
    "linux.seccomp.defaultErrnoRet",
    "must not be set with SCMP_ACT_ALLOW",
  ],
  [
    "a notifying rule needs a listener",
    {
      "linux.seccomp": {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mount"], action: "SCMP_ACT_NOTIFY" }],
      },
    },
    "linux.seccomp.syscalls[0].action",
    "needs a listenerPath",
  ],
  [
    "and so does its metadata",
    {
      "linux.seccomp": { defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x" },
    },
    "linux.seccomp.listenerMetadata",
    "needs a listenerPath",
  ],
  [
    "real-time scheduling needs a priority",
    {
      "process.scheduler": { policy: "SCHED_FIFO" },
    },
    "process.scheduler.priority",
    "must be from 1 to 99 with SCHED_FIFO, got nothing",
  ],
  [
    "a deadline needs its policy",
    {
      "process.scheduler": { policy: "SCHED_BATCH", period: 5 },
    },
    "process.scheduler.period",
    "must not be set with SCHED_BATCH: it is for SCHED_DEADLINE",
  ],
  [
    "a device's weight is one of two",
    {
      "linux.resources": { blockIO: { weightDevice: [{ major: 8, minor: 0 }] } },
    },
    "linux.resources.blockIO.weightDevice[0].weight",
    "is required where leafWeight is not given",
  ],
  [
    "an RDMA limit is one of two",
    {
      "linux.resources": { rdma: { mlx5_1: {} } },
    },
    'linux.resources.rdma["mlx5_1"].hcaHandles',
    "is required where hcaObjects is not given",
  ],
  ["no arguments", { "process.args": [] }, "process.args[0]", "is required: the program to run"],
];

for (const [name, changes, path, message] of RULES) {
  Deno.test(`rule: ${name}`, () => {
    const spec = smallSpec();
    for (const [at, value] of Object.entries(changes)) set(spec, at, value);
    const error = assertThrows(() => validateSpec(spec), SpecError);
    assertEquals([error.path, error.problem.slice(0, message.length)], [path, message]);
  });
}

Deno.test("a joined user namespace has whatever IDs it has", () => {
  const spec = smallSpec();
  spec.linux!.namespaces!.push({ type: "user", path: "/proc/1/ns/user" });
  spec.process!.user.uid = 70000;
  validateSpec(spec);
});

Deno.test("a sysctl is written only where a namespace of the container's has it", () => {
  const check = (key: string, ...types: ("network" | "ipc" | "uts")[]) => {
    const spec = smallSpec();
    for (const type of types) spec.linux!.namespaces!.push({ type });
    spec.linux!.sysctl = { [key]: "1" };
    validateSpec(spec);
  };
  check("net.ipv4.ip_forward", "network");
  check("net/ipv4/conf/eth0.1/forwarding", "network");
  check("fs.mqueue.msg_max", "ipc");
  check("kernel.shm_rmid_forced", "ipc");
  check("kernel.domainname", "uts");
  const refused = (key: string, problem: string) =>
    assertThrows(() => check(key, "network", "ipc", "uts"), SpecError, problem);
  for (const key of ["kernel.core_pattern", "vm.swappiness", "kernel.shm", "kernel.sem2", "net"]) {
    refused(key, "must belong to a namespace");
  }
  for (const key of ["net/../kernel/core_pattern", "net..core", "net.ipv4.", "/net/core/x"]) {
    refused(key, "must be a name like net.ipv4.ip_forward");
  }
  refused("kernel.hostname", "must be given as hostname");
  assertThrows(() => check("net.core.somaxconn", "ipc"), SpecError, 'of type "network"');
  assertThrows(() => check("kernel.msgmax", "network"), SpecError, 'of type "ipc"');
});

Deno.test("the first separator of a sysctl's name says which one it is", () => {
  assertEquals(sysctlPath("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  assertEquals(sysctlPath("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
  assertEquals(sysctlPath("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
  assertEquals(sysctlPath("net"), "net");
});

Deno.test("a message shows no control character of the file's", () => {
  const spec = smallSpec();
  spec.process!.cwd = "\x1b[2J\x9b2J\u202e\x7f";
  const { message } = assertThrows(() => validateSpec(spec), SpecError);
  assertEquals(
    message,
    'config.json: process.cwd: must be an absolute path, got "\\u001b[2J\\u009b2J\\u202e\\u007f"',
  );
});

/** Sets, or with `undefined` removes, what stands at a path as errors write them. */
function set(root: unknown, path: string, value: unknown): void {
  const keys = [...path.matchAll(/\["(.*?)"\]|\[(\d+)\]|([^.[\]]+)/g)].map((m) =>
    m[1] ?? m[2] ?? m[3]
  );
  let parent = root as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) parent = (parent[key] ??= {}) as Record<string, unknown>;
  const last = keys.at(-1)!;
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}
