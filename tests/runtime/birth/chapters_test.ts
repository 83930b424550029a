/**
 * The chapters that few births have, as values: which calls, in which order. Nothing is called.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { loadChapters } from "../../../runtime/birth/chapters.ts";
import { offsetLines } from "../../../runtime/birth/clocks.ts";
import { draft } from "../../../runtime/birth/launch.ts";
import { CgroupError } from "../../../runtime/cgroups/plan.ts";
import { affinityMask } from "../../../runtime/birth/traits.ts";
import type { BirthRequest } from "../../../runtime/birth/birth.ts";
import { assertOrder, childCalls, PIVOT, place } from "./calls.ts";
import { requestFor, type Trial } from "./trial.ts";

const SUBJECT = { ociVersion: "1.2.1", id: "one", bundle: "/bundle" };

async function chaptersOf(trial: Trial, isOrdinaryUser = false): Promise<Partial<BirthRequest>> {
  const chapters = await loadChapters(requestFor("/rootfs", trial).spec, SUBJECT);
  return { chapters: { ...chapters, isOrdinaryUser }, processFile: "/process" };
}

async function written(trial: Trial, isOrdinaryUser = false): Promise<string[]> {
  return childCalls(trial, await chaptersOf(trial, isOrdinaryUser));
}

const namespaces = (...list: [string, string?][]): Trial => ({
  linux: {
    namespaces: list.map(([type, path]) => ({ type: type as "pid", path })),
  },
});

Deno.test("a plain spec asks for no chapter", async () => {
  const { chapters } = await chaptersOf({});
  assertEquals(chapters, { answers: {}, isOrdinaryUser: false });
});

Deno.test("what can be joined by the first process itself needs nobody in between", async () => {
  const list = await written(namespaces(["mount"], ["pid"], ["network", "/n"], ["time", "/t"]));
  assertEquals(list.filter((call) => call.includes("clone3(")), []);
  assertOrder(list, 'network = open("/n"', "setns(network, CLONE_NEWNET)", PIVOT);
});

const JOINED: [string, string?][] = [
  ["mount", "/m"],
  ["user", "/u"],
  ["pid", "/p"],
  ["network", "/n"],
  ["uts"],
];

Deno.test("root joins everything before the user namespace, and the mounts last of all", async () => {
  const list = await written(namespaces(...JOINED));
  assertOrder(
    list,
    "setns(pid, CLONE_NEWPID)",
    "setns(network, CLONE_NEWNET)",
    "setns(user, CLONE_NEWUSER)",
    "pid = clone3({flags=CLONE_PARENT|CLONE_NEWUTS|CLONE_CLEAR_SIGHAND}, 88)",
    'self = open("/proc/self/stat"',
    "setns(mount, CLONE_NEWNS)",
    PIVOT,
  );
  assertEquals(list.some((call) => call.startsWith('send(3, "w"')), false);
});

Deno.test("an ordinary user has no right to anything before it is in the user namespace", async () => {
  assertOrder(
    await written(namespaces(...JOINED), true),
    "setns(user, CLONE_NEWUSER)",
    "setns(pid, CLONE_NEWPID)",
    "setns(network, CLONE_NEWNET)",
    "pid = clone3(",
  );
});

Deno.test("a new user namespace comes after what is joined, and waits for its maps in the child", async () => {
  const trial = namespaces(["mount"], ["user"], ["network", "/n"], ["cgroup"]);
  trial.linux!.uidMappings = trial.linux!.gidMappings = [{
    containerID: 0,
    hostID: 1000,
    size: 1000,
  }];
  assertOrder(
    await written(trial),
    "setns(network, CLONE_NEWNET)",
    "pid = clone3({flags=CLONE_PARENT|CLONE_NEWNS|CLONE_NEWUSER|CLONE_CLEAR_SIGHAND}, 88)",
    'send(3, "w", 1, MSG_NOSIGNAL)',
    "unshare(CLONE_NEWCGROUP)",
  );
});

Deno.test("clocks are shifted before anybody goes by them", async () => {
  const trial = namespaces(["mount"], ["time"]);
  trial.linux!.timeOffsets = { boottime: { secs: 7, nanosecs: 5 }, monotonic: { secs: -1 } };
  assertOrder(
    await written(trial),
    "unshare(CLONE_NEWTIME)",
    'file = open("/proc/self/timens_offsets"',
    'write(file, "boottime 7 5\\nmonotonic -1 0\\n"',
    'time = open("/proc/self/ns/time_for_children"',
    "setns(time, CLONE_NEWTIME)",
    PIVOT,
  );
  assertEquals(offsetLines({}), "");
});

Deno.test("hooks see the container's tree before it is the root, and the host's files", async () => {
  const hook = [{ path: "/hook" }];
  const list = await written({
    spec: {
      hooks: { prestart: hook, createContainer: hook, startContainer: hook },
      mounts: [{ destination: "/proc", type: "proc" }],
    },
  });
  const plain = list.filter((call) => !call.startsWith("execve("));
  assertOrder(
    plain,
    'mounts = open("/proc/self/ns/mnt"',
    'chroot(".")',
    'mount("proc", "/proc"',
    "setns(mounts, CLONE_NEWNS)",
    'send(3, "h", 1, MSG_NOSIGNAL)',
    PIVOT,
  );
  const hooks = [...list.keys()].filter((i) => list[i].startsWith('execve("/hook"'));
  assertEquals(hooks.map((i) => i < place(list, PIVOT)), [true, false]);
  assertEquals(hooks.map((i) => i < place(list, "setresuid(0")), [true, false]);
});

Deno.test("a hook's time is waited for, and it is killed after it", async () => {
  const hooks = { createContainer: [{ path: "/hook", timeout: 3 }] };
  const list = await written({ spec: { hooks } });
  assertOrder(
    list,
    "helper = clone(CLONE_PIDFD, 0, &pidfd, 0, 0)",
    'execve("/hook", ["/hook"], [])',
    "poll([{fd=pidfd, events=POLLIN}], 1, 3000)",
    "kill(helper, SIGKILL)",
  );
});

Deno.test("what takes rights over the host's files is made by the parent, and sent", async () => {
  const map = [{ containerID: 0, hostID: 100, size: 10 }];
  const trial: Trial = {
    spec: {
      mounts: [
        {
          destination: "/mapped",
          source: "/data",
          type: "bind",
          options: ["rbind", "ro"],
          uidMappings: map,
          gidMappings: map,
        },
        { destination: "/copy", type: "tmpfs", options: ["tmpcopyup", "size=1m"] },
      ],
    },
  };
  const request = {
    ...requestFor("/rootfs", trial),
    ...await chaptersOf(trial),
    isFile: () => false,
  };
  const { program, clone } = draft(request, { denySetgroups: false }).birth;
  const all = program.steps.map((step) => program.format(step));
  const [parent, child] = [
    all.slice(0, program.steps.indexOf(clone)),
    all.slice(program.steps.indexOf(clone)),
  ];
  assertOrder(
    parent,
    'tree of /data = open_tree(AT_FDCWD, "/data"',
    "helper = clone3({flags=CLONE_NEWUSER, exit_signal=SIGCHLD}, 88)",
    'file = open("/proc/$helper/uid_map"',
    'user = open("/proc/$helper/ns/user"',
    'mount_setattr(tree of /data, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_IDMAP, userns_fd=user}',
    'tmpfs context = fsopen("tmpfs"',
    'fsconfig(tmpfs context, FSCONFIG_SET_STRING, "size", "1m", 0)',
    'execve("/usr/bin/cp"',
    "kill(helper, SIGKILL)",
  );
  const [close, ...received] = [
    place(child, "close_range("),
    ...[...child.keys()].filter((i) => child[i].startsWith("recvmsg(3,")),
  ];
  assertEquals(received.map((i) => i - close > 0 && i < place(child, PIVOT)), [true, true]);
  assertEquals(child.filter((call) => call.startsWith("move_mount(received")).length, 2);
  assertEquals(child.some((call) => call.includes('open_tree(AT_FDCWD, "/data"')), false);
});

Deno.test("a policy, an execution domain and labels, while there are rights to set them", async () => {
  assertOrder(
    await written({
      process: {
        scheduler: { policy: "SCHED_BATCH", nice: 5, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
        apparmorProfile: "docker-default",
        selinuxLabel: "system_u:system_r:container_t:s0:c1,c2",
      },
      linux: {
        namespaces: [{ type: "mount" }],
        personality: { domain: "LINUX32" },
      },
    }),
    "sched_setattr(0, {sched_policy=SCHED_BATCH, sched_flags=SCHED_FLAG_RESET_ON_FORK, " +
      "sched_nice=5}, 0)",
    "personality(0x8)",
    'file = open("/proc/self/attr/apparmor/exec"',
    'write(file, "exec docker-default"',
    'file = open("/proc/self/attr/exec"',
    'write(file, "system_u:system_r:container_t:s0:c1,c2"',
    "prctl(PR_SET_KEEPCAPS, 1",
  );
});

Deno.test("a listener is announced before anything else is filtered", async () => {
  const seccomp = { filter: new Uint8Array(8), flags: 8 };
  const trial: Trial = {
    linux: {
      namespaces: [{ type: "mount" }],
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        listenerPath: "/l",
        syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
      },
    },
  };
  const list = childCalls(trial, { ...await chaptersOf(trial), seccomp });
  const filter = place(list, "listener = seccomp(");
  assertEquals(list[filter + 1], 'write(3, "l", 1)');
  assertEquals(list[filter + 2].startsWith("read(3, &answer, 1)"), true);
});

Deno.test("a list of processors as a mask", () => {
  assertEquals([...affinityMask("0-1,3")], [0b1011, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(affinityMask("64").length, 16);
  assertEquals(affinityMask("64")[8], 1);
  for (const list of ["0,5-2", "0-3:1/2", "0-99999999"]) {
    assertThrows(() => affinityMask(list), CgroupError, "is not a list");
  }
});
