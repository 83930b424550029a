/**
 * From an image and options to a spec: Docker's defaults, and where they change.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES } from "../../runtime/capabilities.ts";
import {
  DEFAULT_MASKED_PATHS,
  DEFAULT_READONLY_PATHS,
  type RunOptions,
  specFromImage,
  thermalThrottlePaths,
} from "../../runtime/image_config.ts";
import { stringifySpec, validateSpec } from "../../runtime/validate.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { image, make, options, RANGE, SECCOMP } from "./image_config/samples.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Deno.test("with nothing asked for, a container is what Docker makes it", () => {
  assertEquals(make({ Cmd: ["sh"] }), {
    ociVersion: "1.2.1",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0, umask: 0o22, additionalGids: [0] },
      args: ["sh"],
      env: [PATH, "HOSTNAME=0123456789ab", "HOME=/root"],
      cwd: "/",
      capabilities: {
        bounding: [...DEFAULT_CAPABILITIES],
        effective: [...DEFAULT_CAPABILITIES],
        permitted: [...DEFAULT_CAPABILITIES],
      },
      noNewPrivileges: true,
      oomScoreAdj: 0,
    },
    root: { path: "/rootfs", readonly: false },
    hostname: "0123456789ab",
    mounts: [
      {
        destination: "/proc",
        type: "proc",
        source: "proc",
        options: ["nosuid", "noexec", "nodev"],
      },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        destination: "/sys",
        type: "sysfs",
        source: "sysfs",
        options: ["nosuid", "noexec", "nodev", "ro"],
      },
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "ro"],
      },
      {
        destination: "/dev/mqueue",
        type: "mqueue",
        source: "mqueue",
        options: ["nosuid", "noexec", "nodev"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
      },
    ],
    annotations: {},
    linux: {
      namespaces: [
        { type: "mount" },
        { type: "pid" },
        { type: "network" },
        { type: "ipc" },
        { type: "uts" },
        { type: "cgroup" },
      ],
      resources: { devices: [{ allow: false, access: "rwm" }] },
      sysctl: {
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv4.ping_group_range": "0 2147483647",
      },
      seccomp: SECCOMP,
      maskedPaths: [...DEFAULT_MASKED_PATHS],
      readonlyPaths: [...DEFAULT_READONLY_PATHS],
    },
  });
});

Deno.test("what is made from its arguments leaves them as they were", () => {
  const mounts = [
    { destination: "/a/b", type: "tmpfs", source: "tmpfs" },
    { destination: "/a", type: "tmpfs", source: "tmpfs" },
  ];
  const given = options({ ...RANGE, mounts, tmpfs: { "/t": ["size=1m"] }, env: ["A=1"] });
  const config = image({ Env: ["B=2"], Cmd: ["sh"] });
  const before = structuredClone([given, config]);
  specFromImage(config, given);
  assertEquals([given, config], before);
});

Deno.test("a privileged container has everything", () => {
  const spec = make({ Cmd: ["sh"] }, { privileged: true, seccomp: "unconfined" });
  assertEquals(spec.process?.capabilities?.effective, [...CAPABILITY_NAMES]);
  assertEquals(spec.process?.noNewPrivileges, false);
  assertEquals(spec.linux?.resources?.devices, [{ allow: true, access: "rwm" }]);
  assertEquals([spec.linux?.maskedPaths, spec.linux?.readonlyPaths], [[], []]);
  assertEquals(spec.linux?.seccomp, undefined);
  for (const { destination, options } of spec.mounts ?? []) {
    assert(!options?.includes("ro"), destination);
  }
  const strict = make({ Cmd: ["sh"] }, {
    privileged: true,
    noNewPrivileges: true,
    maskedPaths: ["/a"],
  });
  assertEquals([strict.process?.noNewPrivileges, strict.linux?.maskedPaths], [true, ["/a"]]);
});

Deno.test("devices come with rules, and a FIFO needs none", () => {
  const { linux } = make({ Cmd: ["sh"] }, {
    devices: [
      { device: { path: "/dev/fuse", type: "c", major: 10, minor: 229 }, access: "rw" },
      { device: { path: "/dev/sda", type: "b", major: 8, minor: 0 }, access: "r" },
      { device: { path: "/dev/initctl", type: "p" }, access: "rw" },
    ],
    deviceCgroupRules: [{ allow: true, type: "c", major: 42, minor: -1, access: "rwm" }],
  });
  assertEquals(linux?.devices?.map(({ path }) => path), ["/dev/fuse", "/dev/sda", "/dev/initctl"]);
  assertEquals(linux?.resources?.devices, [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
    { allow: true, type: "b", major: 8, minor: 0, access: "r" },
    { allow: true, type: "c", major: 42, minor: -1, access: "rwm" },
  ]);
});

Deno.test("the stop signal is kept as an annotation, the user's before the image's", () => {
  const annotations = (changes: Partial<RunOptions>) =>
    make({ Cmd: ["sh"], StopSignal: "SIGQUIT" }, changes).annotations;
  const key = "org.opencontainers.image.stopSignal";
  assertEquals(annotations({ annotations: { a: "b" } }), { [key]: "SIGQUIT", a: "b" });
  assertEquals(annotations({ stopSignal: "SIGINT" }), { [key]: "SIGINT" });
});

Deno.test("the remaining options stand where the specification has them", () => {
  const { process, root, linux, domainname } = make({ Cmd: ["sh"] }, {
    readonly: true,
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    domainname: "example.org",
    shmSize: 4096,
    apparmorProfile: "p",
    selinuxLabel: "l",
    mountLabel: "m",
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 64, hard: 64 }],
    oomScoreAdj: 500,
    sysctls: { "net.ipv4.ip_unprivileged_port_start": "1024" },
    resources: { memory: { limit: 33554432 } },
    cgroupsPath: "/tiffin/x",
    rootfsPropagation: "rslave",
    readonlyPaths: [],
  });
  assertEquals(root?.readonly, true);
  assertEquals(domainname, "example.org");
  assertEquals([process?.terminal, process?.consoleSize?.width], [true, 80]);
  assertEquals([process?.apparmorProfile, process?.selinuxLabel], ["p", "l"]);
  assertEquals([process?.rlimits?.[0].hard, process?.oomScoreAdj], [64, 500]);
  assertEquals([linux?.mountLabel, linux?.cgroupsPath], ["m", "/tiffin/x"]);
  assertEquals([linux?.rootfsPropagation, linux?.readonlyPaths], ["rslave", []]);
  assertEquals(linux?.resources?.memory, { limit: 33554432 });
  assertEquals(linux?.sysctl?.["net.ipv4.ip_unprivileged_port_start"], "1024");
});

Deno.test("thermal_throttle is masked for each CPU where the machine has it", async () => {
  await using root = await tempRoot();
  const cpus = `${root.path}/cpu`;
  await Deno.mkdir(`${cpus}/cpuidle`, { recursive: true });
  assertEquals(thermalThrottlePaths(cpus), []);
  for (const cpu of ["cpu0", "cpu1", "cpu10"]) {
    await Deno.mkdir(`${cpus}/${cpu}/thermal_throttle`, { recursive: true });
  }
  assertEquals(thermalThrottlePaths(cpus), [
    `${cpus}/cpu0/thermal_throttle`,
    `${cpus}/cpu1/thermal_throttle`,
    `${cpus}/cpu10/thermal_throttle`,
  ]);
});

Deno.test({
  ...needs("runc takes our spec, and makes of it what we say", { root: true, programs: ["runc"] }),
  async fn() {
    await using root = await tempRoot();
    const bundle = `${root.path}/bundle`;
    await Deno.mkdir(`${bundle}/rootfs`, { recursive: true });
    for (const name of ["bin", "lib", "lib64"]) {
      await Deno.symlink(`usr/${name}`, `${bundle}/rootfs/${name}`);
    }
    const script = "grep -E '^(CapEff|NoNewPrivs|Groups):' /proc/self/status; umask; hostname; " +
      "stat -f -c %b*%S /dev/shm; cat /proc/sys/net/ipv4/ping_group_range; touch /usr/x || exit 7";
    const spec = specFromImage(
      image({ Env: ["LC_ALL=C"] }),
      options({
        rootfs: "rootfs",
        seccomp: "unconfined",
        command: ["sh", "-c", script],
        mounts: [
          { destination: "/usr", type: "bind", source: "/usr", options: ["rbind", "rro"] },
        ],
        cgroupsPath: `/tiffin-test-${Deno.pid}`,
      }),
    );
    await Deno.writeTextFile(`${bundle}/config.json`, stringifySpec(validateSpec(spec)));
    const { code, stdout, stderr } = await new Deno.Command("runc", {
      args: ["--root", `${root.path}/runc`, "run", "-b", bundle, `tiffin-test-${Deno.pid}`],
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(out.trim().split(/\s+/), [
      ...["Groups:", "0", "CapEff:", "00000000a80425fb", "NoNewPrivs:", "1"],
      ...["0022", "0123456789ab", "16384*4096", "0", "2147483647"],
    ], err);
    assertEquals([code, err.trim()], [7, "touch: cannot touch '/usr/x': Read-only file system"]);
  },
});
