/**
 * Namespaces, and what can be mounted in them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import type { RunOptions } from "../../../runtime/image_config.ts";
import { SpecError } from "../../../runtime/validate.ts";
import { make, RANGE, SINGLE } from "./samples.ts";

Deno.test("a mount of the user's takes the place of a default one, parents first", () => {
  const bind = (destination: string) => (
    { destination, type: "bind", source: "/srv", options: ["rbind"] }
  );
  const { mounts } = make({ Cmd: ["sh"] }, {
    mounts: [bind("/a/b/c"), bind("/a"), bind("/dev/")],
    tmpfs: { "/run": ["rw", "exec", "size=1m"], "/sys/fs/cgroup": [] },
  });
  assertEquals(mounts?.map((mount) => mount.destination), [
    ...["/proc", "/sys", "/a", "/dev/", "/run", "/a/b/c", "/sys/fs/cgroup"],
  ]);
  assertEquals(mounts?.[4], {
    destination: "/run",
    type: "tmpfs",
    source: "tmpfs",
    options: ["noexec", "nosuid", "nodev", "rw", "exec", "size=1m"],
  });
});

Deno.test("namespaces are the host's, joined or new", () => {
  const { linux, hostname, process, mounts } = make({ Cmd: ["sh"] }, {
    pid: "host",
    network: "/run/netns/a",
    ipc: "host",
    uts: "host",
    cgroupns: "private",
    hostname: "the-host",
    sysctls: { "net.core.somaxconn": "256" },
  });
  assertEquals(linux?.namespaces, [
    { type: "mount" },
    { type: "network", path: "/run/netns/a" },
    { type: "cgroup" },
  ]);
  assertEquals([hostname, process?.env?.[1]], [undefined, "HOSTNAME=the-host"]);
  assertEquals(linux?.sysctl, { "net.core.somaxconn": "256" });
  const shm = mounts?.find(({ destination }) => destination === "/dev/shm");
  assertEquals([shm?.type, shm?.source], ["bind", "/dev/shm"]);
  assertEquals(mounts?.find(({ destination }) => destination === "/proc")?.type, "proc");

  const none = make({ Cmd: ["sh"] }, { ipc: "none", network: "none", hasCgroupMount: false });
  assertEquals(none.linux?.namespaces?.length, 6);
  const destinations = none.mounts?.map(({ destination }) => destination);
  assertEquals(destinations, ["/proc", "/dev", "/dev/pts", "/sys", "/dev/mqueue"]);
});

Deno.test("an ordinary user with ranges of IDs has nearly all of it", () => {
  const whole = make({ Cmd: ["sh"] });
  const { process, mounts, linux } = make({ Cmd: ["sh"] }, {
    ...RANGE,
    resources: { pids: { limit: 8 } },
  });
  assertEquals(linux?.namespaces, [{ type: "user" }, ...whole.linux!.namespaces!]);
  assertEquals(linux?.uidMappings, RANGE.uidMappings);
  assertEquals(mounts, whole.mounts);
  assertEquals(linux?.resources, { pids: { limit: 8 } });
  assertEquals(linux?.sysctl, { "net.ipv4.ip_unprivileged_port_start": "0" });
  const { oomScoreAdj: _, ...rest } = whole.process!;
  assertEquals(process, rest);
});

Deno.test("with a single ID there is no group for terminals, and none to add", () => {
  const { process, mounts } = make({ Cmd: ["sh"] }, {
    ...SINGLE,
    resolvedUser: { uid: 0, gid: 0, additionalGids: [1, 10], home: "/root" },
  });
  assertEquals(process?.user, { uid: 0, gid: 0, umask: 0o22 });
  const pts = mounts?.find(({ destination }) => destination === "/dev/pts");
  assertEquals(pts?.options?.filter((option) => option.startsWith("gid")), []);
  assertThrows(
    () => make({ Cmd: ["sh"] }, { ...SINGLE, groupAdd: [10] }),
    SpecError,
    "process.user.additionalGids[0]: must be an ID that linux.gidMappings has, got 10",
  );
});

Deno.test("what a user namespace may not mount is bound from the host", () => {
  const shared = { pid: "host", network: "host", ipc: "host" } as const;
  const types = (changes: Partial<RunOptions>) =>
    Object.fromEntries(
      make({ Cmd: ["sh"] }, changes).mounts!.map(({ destination, type }) => [destination, type]),
    );
  const rootless = types({ ...RANGE, ...shared });
  for (const path of ["/proc", "/sys", "/dev/mqueue", "/dev/shm"]) {
    assertEquals(rootless[path], "bind", path);
  }
  const sys = make({ Cmd: ["sh"] }, { ...RANGE, network: "host" }).mounts
    ?.find(({ destination }) => destination === "/sys");
  assertEquals(sys?.options, ["rbind", "rro", "nosuid", "noexec", "nodev"]);
  // Joined along with its owner, a network may be shown; alone, it may not.
  assertEquals(types({ network: "/n", userns: "/u" })["/sys"], "sysfs");
  assertEquals(types({ ...RANGE, network: "/n" })["/sys"], "bind");
  assertEquals(types(shared)["/sys"], "sysfs");
});

Deno.test("--userns host wins over mappings", () => {
  const { linux } = make({ Cmd: ["sh"] }, { ...RANGE, rootless: false, userns: "host" });
  assertEquals(linux?.uidMappings, undefined);
  assertEquals(linux?.namespaces?.some(({ type }) => type === "user"), false);
  assertEquals(linux?.sysctl?.["net.ipv4.ping_group_range"], "0 2147483647");
});
