/**
 * The parts of a birth that not every container has, as values: a control group, a user namespace, a
 * terminal.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { SyscallError } from "../../../ffi/errno.ts";
import { Arena } from "../../../ffi/memory.ts";
import { Program } from "../../../ffi/program.ts";
import { parseMountOptions } from "../../../runtime/birth/mount_options.ts";
import { makeLine, walkWithLine } from "../../../runtime/birth/line.ts";
import { draft } from "../../../runtime/birth/launch.ts";
import { assertOrder, calls, CGROUP, childCalls, PIVOT, place, PRIVATE } from "./calls.ts";
import { MOUNTS, requestFor, type Trial } from "./trial.ts";

Deno.test("the limits are there before the child, and it is in its group before it sees it", () => {
  const all = calls({}, { cgroup: CGROUP });
  assertOrder(
    all,
    'mkdir("/sys/fs/cgroup/group", 0755)',
    'file = open("/sys/fs/cgroup/group/pids.max"',
    'cgroup = open("/sys/fs/cgroup/group", ',
    "pid = clone3({flags=",
    'file = open("/sys/fs/cgroup/cpu/group/tasks"',
    "unshare(CLONE_NEWCGROUP)",
    PRIVATE,
  );
  assertEquals(all[place(all, "pid = clone3(")].includes("CLONE_INTO_CGROUP"), true);
});

const USER: Trial = {
  linux: { namespaces: [{ type: "user" }, { type: "mount" }, { type: "pid" }] },
};

Deno.test("in a user namespace the child waits for its maps, and takes devices along", () => {
  const list = childCalls(USER, { cgroup: CGROUP, mayChangeGroups: false });
  assertOrder(
    list,
    'send(3, "w", 1, MSG_NOSIGNAL)',
    "read(3, &answer, 1)",
    "_exit(1)",
    "setsid()",
    "tree of /dev/null = open_tree(",
    PRIVATE,
    PIVOT,
    'mknod("/dev/null", S_IFREG|0644',
    'move_mount(tree of /dev/null, "", AT_FDCWD, "/dev/null"',
  );
  assertEquals(list.filter((call) => /S_IFCHR|setgroups|cgroup\/cpu/.test(call)), []);
});

Deno.test("the parent writes the maps, groups first, and moves the child into its group", async () => {
  const request = {
    ...requestFor("/rootfs", {
      linux: {
        ...USER.linux,
        uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
        gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
      },
    }),
    cgroup: CGROUP,
  };
  const { program } = (await draft(request, { denySetgroups: true }).attend("maps", "PID"))!;
  assertOrder(
    program.steps.map((step) => program.format(step)),
    'file = open("/proc/PID/setgroups"',
    'write(file, "deny", 4)',
    'file = open("/proc/PID/gid_map"',
    'file = open("/proc/PID/uid_map"',
    'file = open("/sys/fs/cgroup/cpu/group/tasks"',
    'write(file, "PID", 3)',
  );
});

Deno.test("a terminal is opened in the container's own devpts, and becomes the three descriptors", () => {
  const list = childCalls({
    process: { terminal: true, consoleSize: { height: 50, width: 132 } },
    spec: { mounts: [...MOUNTS, { destination: "/dev/pts", type: "devpts", source: "devpts" }] },
  });
  assertOrder(
    list,
    'mount("devpts", "/dev/pts"',
    'master = open("/dev/pts/ptmx"',
    "ioctl(master, TIOCSPTLCK",
    "terminal = ioctl(master, TIOCGPTPEER",
    "ioctl(terminal, TIOCSWINSZ, {ws_row=50, ws_col=132})",
    "sendmsg(3,",
    "close(master)",
    "dup3(terminal, 0, 0)",
    "dup3(terminal, 1, 0)",
    "dup3(terminal, 2, 0)",
    "ioctl(0, TIOCSCTTY, 0)",
  );
});

Deno.test("a line of which nobody is born at the other end is closed", () => {
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = count();
  const program = new Program(new Arena(1 << 16), {}, 8);
  const line = makeLine(program);
  program.call("this fails").rmdir("/nosuch");
  program.end();
  assertThrows(() => walkWithLine(program, line), SyscallError, "ENOENT");
  assertEquals(count(), before);
});

Deno.test("a word that every object has is the file system's own", () => {
  for (const word of ["constructor", "toString", "rtoString"]) {
    assertEquals(parseMountOptions([word]).data, word);
  }
});
