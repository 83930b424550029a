/**
 * Specs for tests: the smallest one, and one that has every field there is.
 *
 * @module
 */

import type { Spec } from "../../runtime/spec.ts";

/** A type with every field, at every depth, made obligatory. */
type Whole<T> = T extends readonly (infer E)[] ? Whole<E>[]
  : T extends object ? { [K in keyof T]-?: Whole<T[K]> }
  : T;

/** The smallest spec that can be started. */
export function smallSpec(): Spec {
  return {
    ociVersion: "1.2.1",
    process: { user: { uid: 0, gid: 0 }, args: ["sh"], cwd: "/" },
    root: { path: "rootfs" },
    linux: { namespaces: [{ type: "mount" }, { type: "pid" }] },
  };
}

/** A spec in which nothing is left out: the compiler sees to it. */
export function wholeSpec(): Whole<Spec> {
  const ids = () => [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 100000, size: 65535 },
  ];
  const hook = () => ({ path: "/usr/bin/hook", args: ["hook"], env: ["A=b=c"], timeout: 5 });
  const disk = { major: 8, minor: 16 };
  const capabilities = () => ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"];
  return {
    ociVersion: "1.2.1-rc.1+build.5",
    process: {
      terminal: true,
      consoleSize: { height: 24, width: 80 },
      user: { uid: 33, gid: 33, umask: 0o22, additionalGids: [5, 33], username: "www-data" },
      args: ["sh", "-c", "", "exit 7"],
      env: ["PATH=/bin", "EMPTY=", "LINES=a\nb"],
      cwd: "/srv",
      capabilities: {
        bounding: capabilities(),
        effective: capabilities(),
        inheritable: capabilities(),
        permitted: capabilities(),
        ambient: capabilities(),
      },
      rlimits: [
        { type: "RLIMIT_NOFILE", soft: 1024, hard: 1048576 },
        { type: "RLIMIT_CORE", soft: 0, hard: 18446744073709551615 },
      ],
      noNewPrivileges: true,
      apparmorProfile: "tiffin-default",
      selinuxLabel: "system_u:system_r:container_t:s0:c1,c2",
      oomScoreAdj: -999,
      scheduler: {
        policy: "SCHED_DEADLINE",
        nice: 19,
        priority: 0,
        flags: ["SCHED_FLAG_RESET_ON_FORK"],
        runtime: 1_000_000,
        deadline: 2_000_000,
        period: 4_000_000,
      },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 7 },
      execCPUAffinity: { initial: "0-3,7", final: "0-6:2/4" },
    },
    root: { path: "/var/lib/rootfs", readonly: true },
    hostname: "box",
    domainname: "example.org",
    mounts: [
      {
        destination: "/proc",
        type: "proc",
        source: "proc",
        options: ["nosuid"],
        uidMappings: ids(),
        gidMappings: ids(),
      },
      {
        destination: "data",
        type: "bind",
        source: "/srv/data",
        options: ["rbind", "rro"],
        uidMappings: [],
        gidMappings: [],
      },
    ],
    hooks: {
      prestart: [hook()],
      createRuntime: [hook()],
      createContainer: [hook()],
      startContainer: [hook()],
      poststart: [hook()],
      poststop: [hook()],
    },
    annotations: { "org.example.key": "value", "org.example.empty": "" },
    linux: {
      namespaces: [
        { type: "pid", path: "/proc/1/ns/pid" },
        { type: "network", path: "/run/netns/a" },
        { type: "mount", path: "/proc/1/ns/mnt" },
        { type: "ipc", path: "/proc/1/ns/ipc" },
        { type: "uts", path: "/proc/1/ns/uts" },
        { type: "user", path: "/proc/1/ns/user" },
        { type: "cgroup", path: "/proc/1/ns/cgroup" },
        { type: "time", path: "/proc/1/ns/time" },
      ],
      uidMappings: ids(),
      gidMappings: ids(),
      timeOffsets: {
        monotonic: { secs: 172800, nanosecs: 0 },
        boottime: { secs: -604800, nanosecs: 999999999 },
      },
      devices: [
        {
          path: "/dev/fuse",
          type: "c",
          major: 10,
          minor: 229,
          fileMode: 0o20666,
          uid: 0,
          gid: 0,
        },
      ],
      cgroupsPath: "/tiffin/box",
      resources: {
        devices: [{ allow: true, type: "c", major: 10, minor: -1, access: "rw" }],
        memory: {
          limit: 536870912,
          reservation: 268435456,
          swap: -1,
          kernel: -1,
          kernelTCP: -1,
          swappiness: 100,
          disableOOMKiller: false,
          useHierarchy: true,
          checkBeforeUpdate: true,
        },
        cpu: {
          shares: 1024,
          quota: -1,
          burst: 1000,
          period: 100000,
          realtimeRuntime: 950000,
          realtimePeriod: 1000000,
          cpus: "2-3",
          mems: "",
          idle: 0,
        },
        pids: { limit: -1 },
        blockIO: {
          weight: 10,
          leafWeight: 1000,
          weightDevice: [{ ...disk, weight: 500, leafWeight: 300 }],
          throttleReadBpsDevice: [{ ...disk, rate: 600 }],
          throttleWriteBpsDevice: [{ ...disk, rate: 0 }],
          throttleReadIOPSDevice: [{ ...disk, rate: 600 }],
          throttleWriteIOPSDevice: [{ ...disk, rate: 300 }],
        },
        hugepageLimits: [{ pageSize: "2MB", limit: 9223372036854772000 }],
        network: { classID: 0x00100001, priorities: [{ name: "eth0", priority: 500 }] },
        rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } },
        unified: { "memory.high": "1073741824", "cgroup.max.depth": "4" },
      },
      sysctl: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "65536" },
      seccomp: {
        defaultAction: "SCMP_ACT_ERRNO",
        defaultErrnoRet: 38,
        architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
        flags: ["SECCOMP_FILTER_FLAG_LOG"],
        listenerPath: "/run/listener.sock",
        listenerMetadata: "box",
        syscalls: [{
          names: ["personality"],
          action: "SCMP_ACT_TRACE",
          errnoRet: 1,
          args: [{
            index: 0,
            value: 0xffff_ffff_ffff_fff7n,
            valueTwo: 8,
            op: "SCMP_CMP_MASKED_EQ",
          }],
        }],
      },
      rootfsPropagation: "rslave",
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
      mountLabel: "system_u:object_r:container_file_t:s0:c1,c2",
      intelRdt: {
        closID: "guaranteed",
        l3CacheSchema: "L3:0=7f0;1=1f",
        memBwSchema: "MB:0=20;1=70",
        enableCMT: true,
        enableMBM: true,
      },
      personality: { domain: "LINUX", flags: [] },
    },
  };
}
