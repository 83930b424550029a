/**
 * What this engine does of the specification that Debian's runc does not: bundles started for real.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertNotEquals } from "@std/assert/not-equals";
import { libc } from "../../ffi/libc.ts";
import { differences, hostSnapshot } from "../helpers/host.ts";
import { needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { BUSYBOX } from "./birth/trial.ts";
import { type Config, makeBundle, runOurs } from "./bundles.ts";
import { hold, namespaceOf } from "./holder.ts";

const NEEDED = { root: true, files: [BUSYBOX] } as const;

/** Starts a bundle, and looks at what its script printed; the host is the same before and after. */
function runs(
  name: string,
  script: string,
  change: (config: Config, directory: string) => void | Promise<void>,
  check: (output: string, directory: string) => void | Promise<void>,
  files: string[] = [],
): void {
  Deno.test({
    ...needs(`a bundle: ${name}`, { ...NEEDED, files: [BUSYBOX, ...files] }),
    async fn() {
      await using root = await tempRoot();
      const bundle = await makeBundle(root.path);
      // who is root in a user namespace only has to come as far as the bundle
      await Deno.chmod(root.path, 0o711);
      await bundle.write(script, (config) => change(config, root.path));
      const before = hostSnapshot(root.path);
      const { error, output, code } = await runOurs(bundle, { ownCgroup: false });
      assertEquals([error, code], ["", 0], output);
      const mounts = (line: string) => line.startsWith("mounts:");
      assertEquals(differences(before, hostSnapshot(root.path)).filter(mounts), []);
      await check(output, root.path);
    },
  });
}

runs(
  "clocks that are ahead, in a time namespace of its own",
  "cat /proc/uptime; readlink /proc/self/ns/time; cat /proc/self/timens_offsets",
  ({ linux }) => {
    linux.namespaces.push({ type: "time" });
    linux.timeOffsets = { boottime: { secs: 1_000_000, nanosecs: 5 }, monotonic: { secs: 3600 } };
  },
  (output) => {
    const [uptime, namespace, ...offsets] = output.trimEnd().split("\n");
    const host = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
    const ahead = Number(uptime.split(" ")[0]) - host;
    assertEquals(ahead > 999_000 && ahead < 1_001_000, true, uptime);
    assertNotEquals(namespace, Deno.readLinkSync("/proc/self/ns/time"));
    assertEquals(offsets.map((line) => line.split(/\s+/)), [
      ["monotonic", "3600", "0"],
      ["boottime", "1000000", "5"],
    ]);
  },
  ["/proc/self/ns/time"],
);

runs(
  "clocks in a user namespace of its own too",
  "cat /proc/self/timens_offsets; cat /proc/self/uid_map",
  ({ linux, mounts }) => {
    const map = [{ containerID: 0, hostID: 100_000, size: 1000 }];
    linux.namespaces.push({ type: "time" }, { type: "user" });
    Object.assign(linux, {
      uidMappings: map,
      gidMappings: map,
      timeOffsets: { boottime: { secs: 9 } },
    });
    mounts.splice(2);
  },
  (output) => assertMatch(output, /boottime\s+9\s+0\n\s*0\s+100000\s+1000/),
  ["/proc/self/ns/time"],
);

runs(
  "a scheduling policy and its niceness, for all that it starts",
  "cut -d' ' -f19,41 /proc/self/stat",
  ({ process }) => {
    process.scheduler = { policy: "SCHED_BATCH", nice: 7 };
  },
  // proc_pid_stat(5): niceness, and the policy by its number in sched(7)
  (output) => assertEquals(output, "7 3\n"),
);

runs(
  "the execution domain of a 32-bit machine",
  "uname -m; cat /proc/self/personality",
  ({ linux }) => {
    linux.personality = { domain: "LINUX32" };
  },
  (output) => {
    const machine = Deno.build.arch === "x86_64" ? "i686" : "armv8l";
    assertEquals(output, `${machine}\n00000008\n`);
  },
);

for (
  const [propagation, root, proc] of [
    ["shared", "shared", "-"],
    ["rshared", "shared", "shared"],
    ["unbindable", "unbindable", "-"],
    ["runbindable", "unbindable", "unbindable"],
  ] as const
) {
  runs(
    `a root that is ${propagation}`,
    "cut -d' ' -f5,7 /proc/self/mountinfo | grep -e '^/ ' -e '^/proc ' | cut -d' ' -f2 | cut -d: -f1",
    ({ linux }) => {
      linux.rootfsPropagation = propagation;
    },
    (output) => assertEquals(output.trim().split("\n"), [root, proc]),
  );
}

/** The owner of a file as the container sees it, and of one that it makes, as the disk has it. */
async function mapped(
  { mounts }: Config,
  directory: string,
  options: string[],
  more: Partial<Config["mounts"][0]> = {},
): Promise<void> {
  const source = `${directory}/source`;
  await Deno.mkdir(`${source}/inner`, { recursive: true });
  await Deno.mkdir(`${directory}/bundle/rootfs/mnt`);
  await Deno.writeTextFile(`${source}/file`, "");
  await Deno.chown(`${source}/file`, 5, 6);
  await Deno.chmod(source, 0o777);
  mounts.push({ destination: "/mnt", source, type: "bind", options, ...more });
}

const shift = (containerID: number, hostID: number) => [{ containerID, hostID, size: 1000 }];

runs(
  "files that belong to others than on the disk",
  "stat -c '%u %g' /mnt/file; touch /mnt/new || true",
  (config, directory) =>
    mapped(config, directory, ["rbind", "nosuid"], {
      uidMappings: shift(0, 2000),
      gidMappings: shift(0, 3000),
    }),
  async (output, directory) => {
    assertEquals(output, "2005 3006\ntouch: /mnt/new: Value too large for defined data type\n");
    assertEquals((await Deno.stat(`${directory}/source/file`)).uid, 5);
  },
);

runs(
  "files on the disk are root's, and root's in a user namespace: idmap takes its mapping",
  "stat -c '%u %g' /mnt/file; touch /mnt/new; stat -c '%u' /mnt/new; cat /proc/self/uid_map",
  async (config, directory) => {
    await mapped(config, directory, ["rbind", "idmap"]);
    config.linux.namespaces.push({ type: "user" });
    config.linux.uidMappings = config.linux.gidMappings = shift(0, 100_000);
    config.mounts.splice(2, 1);
    await Deno.chmod(`${directory}/bundle/rootfs/tmp`, 0o777);
  },
  async (output, directory) => {
    assertMatch(output, /^5 6\n0\n\s*0\s+100000\s+1000\n$/);
    assertEquals((await Deno.stat(`${directory}/source/new`)).uid, 0);
  },
);

Deno.test({
  ...needs("a bundle: a user namespace that is joined, and new ones in it", {
    ...NEEDED,
    programs: ["unshare"],
  }),
  async fn() {
    await using root = await tempRoot();
    const bundle = await makeBundle(root.path);
    await Deno.chmod(`${bundle.rootfs}/tmp`, 0o777);
    await using held = await hold(["--user", "--map-root-user", "--net", "--pid", "--fork"]);
    const ns = (name: string) => `/proc/${held.pid}/ns/${name}`;
    await bundle.write(
      "for n in user net pid uts; do readlink /proc/self/ns/$n; done; id -u; hostname; echo $$; " +
        "cat /proc/self/uid_map",
      (config) => {
        config.linux.namespaces = [
          { type: "user", path: ns("user") },
          { type: "network", path: ns("net") },
          { type: "pid", path: ns("pid") },
          { type: "mount" },
          { type: "uts" },
        ];
        config.mounts.splice(2);
      },
    );
    const { output, error } = await runOurs(bundle, { ownCgroup: false });
    assertEquals(error, "");
    const [user, net, pid, uts, id, name, own, map] = output.split("\n");
    assertEquals(
      [user, net, pid],
      ["user", "net", "pid"].map((name) => namespaceOf(held.pid, name)),
    );
    assertNotEquals(uts, Deno.readLinkSync("/proc/self/ns/uts"));
    assertEquals([id, name, Number(own) > 1], ["0", "box", true]);
    assertEquals(map.trim().split(/\s+/), ["0", "0", "1"]);
  },
});

Deno.test({
  ...needs("a bundle: a mount namespace that is joined, with another's mounts in it", {
    ...NEEDED,
    programs: ["unshare", "mount"],
  }),
  async fn() {
    await using root = await tempRoot();
    const bundle = await makeBundle(root.path);
    const shared = `${root.path}/shared`;
    await Deno.mkdir(shared);
    await using held = await hold(
      ["--mount", "--propagation", "private"],
      `mount -t tmpfs tmpfs ${shared}; touch ${shared}/there; exec sleep 60`,
    );
    await bundle.write("ls /mnt; readlink /proc/self/ns/mnt", (config) => {
      config.linux.namespaces = [
        { type: "mount", path: `/proc/${held.pid}/ns/mnt` },
        { type: "pid" },
        { type: "uts" },
      ];
      config.mounts.splice(2);
      config.mounts.push({ destination: "/mnt", source: shared, type: "bind", options: ["rbind"] });
    });
    const { output, error } = await runOurs(bundle, { ownCgroup: false });
    assertEquals([error, output], ["", `there\n${namespaceOf(held.pid, "mnt")}\n`]);
  },
});

Deno.test({
  ...needs("a bundle: nothing is left of a process in between, and errors of its are told", NEEDED),
  async fn() {
    await using root = await tempRoot();
    const bundle = await makeBundle(root.path);
    await bundle.write("true", (config) => {
      config.linux.namespaces = [
        { type: "mount" },
        { type: "uts" },
        { type: "pid", path: "/proc/self/ns/net" },
      ];
    });
    const { error } = await runOurs(bundle, { ownCgroup: false });
    assertMatch(error, /^namespaces: setns\(.*EINVAL.*is not a namespace of the kind/);
    // every child has been waited for: there is none
    let last = "";
    try {
      libc.waitpid(-1, null, 0);
    } catch (error) {
      last = (error as Error).message;
    }
    assertMatch(last, /ECHILD/);
  },
});
