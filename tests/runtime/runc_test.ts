/**
 * The same bundle, started by this engine and by runc: the program in it sees the same.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertNotEquals } from "@std/assert/not-equals";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { BUSYBOX } from "./birth/trial.ts";
import { type Config, makeBundle, runOurs, runRunc } from "./bundles.ts";
import { hold, namespaceOf } from "./holder.ts";

/** Compares what a script prints; `expected` is part of it, so that two failures are no success. */
function same(
  name: string,
  script: string,
  change: (config: Config, directory: string) => void | Promise<void>,
  expected: string,
): void {
  Deno.test({
    ...needs(`as with runc: ${name}`, { root: true, programs: ["runc"], files: [BUSYBOX] }),
    async fn() {
      await using root = await tempRoot();
      const bundle = await makeBundle(root.path);
      await bundle.write(script, (config) => change(config, root.path));
      const [ours, theirs] = [await runOurs(bundle), await runRunc(bundle)];
      assertEquals([ours.error, ours.output], ["", theirs.output], theirs.error);
      assertEquals(ours.code, theirs.code);
      assertEquals(ours.output.includes(expected), true, ours.output);
    },
  });
}

same(
  "the process",
  "pwd; env | sort; id; umask; ulimit -n; ulimit -c; grep -E '^(Cap|NoNew|SigBlk)' " +
    "/proc/self/status; " +
    "cat /proc/self/oom_score_adj",
  ({ process }) => {
    Object.assign(process, {
      cwd: "/tmp",
      user: { uid: 5, gid: 6, additionalGids: [7, 8], umask: 0o27 },
      rlimits: [
        { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
        { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      ],
      oomScoreAdj: 300,
      capabilities: {
        bounding: ["CAP_KILL", "CAP_CHOWN"],
        permitted: ["CAP_KILL"],
        effective: ["CAP_KILL"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      },
    });
  },
  "uid=5 gid=6 groups=7,8",
);

same(
  "devices",
  "ls -ln /dev | sed 's/ [A-Z][a-z][a-z] .*[0-9][0-9]:[0-9][0-9] / /' | grep -v -e ' core ' -e total; " +
    "stat -c '%A %t %T %u %g' /opt/disk",
  ({ linux }) => {
    linux.devices = [
      { path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 0o640, uid: 3, gid: 4 },
      { path: "/dev/fifo", type: "p", fileMode: 0o600 },
      { path: "/opt/disk", type: "b", major: 7, minor: 300, fileMode: 0o600 },
    ];
  },
  "crw-r-----",
);

/** What mountinfo says of the mounts below a directory: where, with which flags, how they travel. */
const MOUNTS = (below: string) =>
  `grep ' ${below}' /proc/self/mountinfo | cut -d' ' -f5- | ` +
  `sed -e 's/shared:[0-9]*/shared/' -e 's/master:[0-9]*/master/' -e 's/ - .*//'`;

same(
  "mount options, those for all that is below too",
  `${MOUNTS("/mnt")}; touch /mnt/one/x; touch /mnt/all/shm/x`,
  ({ mounts }) => {
    // the host's /dev has other mounts below it
    const bind = { source: "/dev", type: "bind" };
    mounts.push(
      { ...bind, destination: "/mnt/one", options: ["rbind", "ro", "nosuid", "noatime"] },
      { ...bind, destination: "/mnt/all", options: ["rbind", "rro", "rnoexec", "rnosuid"] },
      {
        destination: "/mnt/memory",
        source: "tmpfs",
        type: "tmpfs",
        options: ["size=1m", "noexec", "nodiratime"],
      },
    );
  },
  "/mnt/all/shm ro,nosuid,noexec,relatime",
);

for (const propagation of ["private", "rprivate", "slave", "rslave"] as const) {
  same(
    `a root that is ${propagation}`,
    `${MOUNTS("/")} | grep -e '^/ ' -e /proc`,
    ({ linux }) => {
      linux.rootfsPropagation = propagation;
    },
    "/proc",
  );
}

same(
  "a tmpfs that begins with what the image has",
  "cd /data; ls -lnR . | grep -v total | sed 's/ [A-Z][a-z][a-z] .*[0-9][0-9]:[0-9][0-9] / /'; " +
    `cat inner/file; stat -c %a .; ${MOUNTS("/data")}`,
  async ({ mounts }, directory) => {
    const data = `${directory}/bundle/rootfs/data`;
    await Deno.mkdir(`${data}/inner`, { recursive: true });
    await Deno.writeTextFile(`${data}/inner/file`, "kept\n");
    await Deno.chown(`${data}/inner/file`, 5, 6);
    await Deno.symlink("/etc/shadow", `${data}/link`);
    await Deno.chmod(data, 0o750);
    mounts.push({
      destination: "/data",
      type: "tmpfs",
      source: "tmpfs",
      options: ["tmpcopyup", "nosuid", "size=1m"],
    });
  },
  "kept",
);

same(
  "masked and read-only paths, parameters, names",
  `cat /proc/kcore | wc -c; ls /sys/firmware; touch /proc/sys/x; ${MOUNTS("/proc/")}; hostname; ` +
    "cat /proc/sys/net/ipv4/ip_forward",
  ({ linux }) => {
    linux.maskedPaths = ["/proc/kcore", "/proc/keys", "/sys/firmware", "/no/such/path"];
    linux.readonlyPaths = ["/proc/sys", "/proc/bus", "/no/such/path"];
    linux.sysctl = { "net.ipv4.ip_forward": "1" };
  },
  "box",
);

same(
  "limits of version 1 of control groups",
  "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes " +
    "memory/memory.swappiness cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us " +
    "cpuset/cpuset.cpus pids/pids.max",
  ({ linux, mounts }) => {
    mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" });
    linux.namespaces.push({ type: "cgroup" });
    linux.resources = {
      memory: { limit: 64 << 20, reservation: 32 << 20, swappiness: 20, checkBeforeUpdate: true },
      cpu: { shares: 512, quota: 40_000, period: 50_000, cpus: "0" },
      pids: { limit: 33 },
    };
  },
  "67108864",
);

Deno.test({
  ...needs("as with runc: namespaces joined by path", {
    root: true,
    programs: ["runc", "unshare"],
    files: [BUSYBOX],
  }),
  async fn() {
    await using root = await tempRoot();
    const bundle = await makeBundle(root.path);
    await using held = await hold(["--pid", "--fork", "--net", "--uts", "--ipc"]);
    const paths = { pid: "pid", network: "net", uts: "uts", ipc: "ipc" };
    const look = "for n in pid net uts ipc; do readlink /proc/self/ns/$n; done";
    await bundle.write(`${look}; ls /proc | grep -c '^[0-9]'`, (config) => {
      delete config.hostname;
      config.linux.namespaces = [
        { type: "mount" },
        ...Object.entries(paths).map(([type, name]) => ({
          type: type as keyof typeof paths,
          path: `/proc/${held.pid}/ns/${name}`,
        })),
      ];
    });
    const [ours, theirs] = [await runOurs(bundle), await runRunc(bundle)];
    assertEquals([ours.error, ours.output], ["", theirs.output], theirs.error);
    const own = Object.values(paths).map((name) => namespaceOf(held.pid, name));
    assertEquals(ours.output.split("\n").slice(0, 4), own);
    assertNotEquals(own[0], namespaceOf("self", "pid"));
  },
});
