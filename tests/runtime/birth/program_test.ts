/**
 * The birth of a container as a value: which calls, in which order. Nothing is called, so nobody has
 * to be root.
 *
 * @module
 */

import type { RootSource } from "../../../runtime/birth/rootfs.ts";
import { assertEquals } from "@std/assert/equals";
import { draft } from "../../../runtime/birth/launch.ts";
import { assertOrder, calls, CGROUP, childCalls, PIVOT, place, PRIVATE } from "./calls.ts";
import { MOUNTS, requestFor, type Trial } from "./trial.ts";

const RIGHTS: Trial = {
  process: { capabilities: { bounding: ["CAP_KILL"], ambient: [], permitted: ["CAP_KILL"] } },
};

Deno.test("the smallest birth, call by call", () => {
  const all = calls({ args: ["sh"], spec: { mounts: [] } });
  const isDrop = (call: string) => call.startsWith("prctl(PR_CAPBSET_DROP");
  assertEquals(all.filter(isDrop).length, 41);
  // its arguments are addresses
  const isCopy = (call: string) => call.startsWith("memcpy(");
  assertEquals(all.filter((call) => !isDrop(call) && !isCopy(call)), [
    "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, &line)",
    "pid = clone3({flags=CLONE_NEWNS|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWPID|CLONE_NEWNET|" +
    "CLONE_CLEAR_SIGHAND, exit_signal=SIGCHLD}, 88)",
    "prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)",
    "dup3(child's end, 3, O_CLOEXEC)",
    "close_range(4, 4294967295, 0)",
    "send(3, NULL, 0, MSG_NOSIGNAL)",
    "unshare(CLONE_NEWCGROUP)",
    "setsid()",
    "umask(0)",
    PRIVATE,
    'mount("/rootfs", "/rootfs", NULL, MS_BIND|MS_REC, NULL)',
    'chdir("/rootfs")',
    PIVOT,
    'umount2(".", MNT_DETACH)',
    'chdir("/")',
    'mkdir("/dev", 0755)',
    'mknod("/dev/null", S_IFCHR|0666, makedev(1, 3))',
    'mknod("/dev/zero", S_IFCHR|0666, makedev(1, 5))',
    'mknod("/dev/full", S_IFCHR|0666, makedev(1, 7))',
    'mknod("/dev/random", S_IFCHR|0666, makedev(1, 8))',
    'mknod("/dev/urandom", S_IFCHR|0666, makedev(1, 9))',
    'mknod("/dev/tty", S_IFCHR|0666, makedev(5, 0))',
    'symlink("/proc/self/fd", "/dev/fd")',
    'symlink("/proc/self/fd/0", "/dev/stdin")',
    'symlink("/proc/self/fd/1", "/dev/stdout")',
    'symlink("/proc/self/fd/2", "/dev/stderr")',
    'symlink("/proc/kcore", "/dev/core")',
    'symlink("pts/ptmx", "/dev/ptmx")',
    'input = open("/dev/null", O_RDONLY|O_CLOEXEC, 0)',
    "dup3(input, 0, 0)",
    "socket = socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)",
    'ioctl(socket, SIOCSIFFLAGS, {ifr_name="lo", ifr_flags=IFF_UP|IFF_RUNNING})',
    "close(socket)",
    'empty = memfd_create("tiffin", MFD_CLOEXEC)',
    "munmap(0x10000, 131072)",
    "prctl(PR_SET_MM, PR_SET_MM_MAP, {exe_fd=empty}, 104, 0)",
    "prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, empty, 0, 0)",
    "rt_sigaction(SIGPIPE, {SIG_DFL}, NULL, 8)",
    "sigprocmask(SIG_SETMASK, {}, NULL)",
    "keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)",
    "prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)",
    "setgroups(0, NULL)",
    "setresgid(0, 0, 0)",
    "setresuid(0, 0, 0)",
    "prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0)",
    'chdir("/")',
    "capset({_LINUX_CAPABILITY_VERSION_3, 0}, {effective=0x0, permitted=0x0, inheritable=0x0})",
    "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)",
    "prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)",
    "send(3, NULL, 0, MSG_NOSIGNAL)",
    "umask(022)",
    "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)",
    'execve("/usr/bin/sh", ["sh"], ["PATH=/usr/bin:/bin"])',
    'execve("/bin/sh", ["sh"], ["PATH=/usr/bin:/bin"])',
  ]);
});

Deno.test("the child first ties itself to its parent, then lets go of what is the host's", () => {
  const list = childCalls({}, { cgroup: CGROUP });
  assertEquals(list.slice(0, 4).map((call) => call.split("(")[0]), [
    "prctl",
    "dup3",
    "close_range",
    "send",
  ]);
  assertEquals(list[0], "prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)");
});

Deno.test("a detached container is not tied", () => {
  const list = childCalls({}, { dieWithParent: false });
  assertEquals(list.filter((call) => call.includes("PDEATHSIG")), []);
});

Deno.test("changing the user unties, so the tie is made again, and the parent looked for", () => {
  const list = childCalls({ process: { user: { uid: 5, gid: 6 } } });
  const uid = place(list, "setresuid(5, 5, 5)");
  const tied = list.lastIndexOf("prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)");
  assertEquals([tied > uid, list[tied + 1]], [true, "send(3, NULL, 0, MSG_NOSIGNAL)"]);
});

Deno.test("mounts are private before anything is mounted, and the root is changed before the rest", () => {
  const list = childCalls({ spec: { mounts: MOUNTS } });
  const mounts = [...list.keys()].filter((i) => /^(mount|move_mount)\(/.test(list[i]));
  assertEquals(list[mounts[0]], PRIVATE);
  assertEquals(list[mounts[1]], 'mount("/rootfs", "/rootfs", NULL, MS_BIND|MS_REC, NULL)');
  assertEquals(mounts.slice(2).every((i) => i > place(list, PIVOT)), true);
  assertOrder(list, PIVOT, 'umount2(".", MNT_DETACH)', 'mkdir("/proc"', 'mount("proc"');
});

const LAYERS: RootSource = {
  kind: "overlay",
  from: "/data/layers",
  lower: ["aaa", "bbb"],
  upper: "../containers/1/upper",
  work: "../containers/1/work",
  mountPoint: "../containers/1/rootfs",
  userxattr: true,
  isThrownAway: true,
};

Deno.test("layers are stacked by short names, from the directory that they are in", () => {
  const list = childCalls({}, { root: LAYERS });
  const at = place(list, 'chdir("/data/layers")');
  assertEquals(list.slice(at, at + 4), [
    'chdir("/data/layers")',
    'mount("overlay", "../containers/1/rootfs", "overlay", 0, "lowerdir=aaa:bbb,' +
    'upperdir=../containers/1/upper,workdir=../containers/1/work,volatile,userxattr")',
    'chdir("../containers/1/rootfs")',
    PIVOT,
  ]);
});

Deno.test("a volume is picked up while the host can be seen, and put down when it cannot", () => {
  const volume = { destination: "/srv/data", type: "bind", source: "/etc" };
  const list = childCalls({
    spec: { mounts: [{ ...volume, options: ["rbind", "ro", "nosuid"] }] },
  });
  assertOrder(
    list,
    'tree of /etc = open_tree(AT_FDCWD, "/etc", OPEN_TREE_CLONE|',
    'mount_setattr(tree of /etc, "", AT_EMPTY_PATH|AT_RECURSIVE, {propagation=MS_PRIVATE}, 32)',
    'mount_setattr(tree of /etc, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID}',
    PRIVATE,
    PIVOT,
    'mkdir("/srv/data", 0755)',
    'move_mount(tree of /etc, "", AT_FDCWD, "/srv/data", MOVE_MOUNT_F_EMPTY_PATH|',
    "close(tree of /etc)",
  );
});

Deno.test("a file is bound onto a file; in an image it takes the place of a link that leads nowhere", () => {
  const mount = { destination: "/etc/hosts", type: "bind", source: "/etc/hostname" };
  const theirs = childCalls({ spec: { mounts: [mount] } });
  assertOrder(theirs, PIVOT, 'mkdir("/etc", 0755)', 'mknod("/etc/hosts"', "move_mount(");
  assertEquals(theirs.some((call) => call.startsWith("unlinkat(")), false);
  const list = childCalls({ spec: { mounts: [mount] } }, { root: LAYERS });
  assertOrder(
    list,
    PIVOT,
    'mkdir("/etc", 0755)',
    'access("/etc/hosts", 0)',
    'unlinkat(AT_FDCWD, "/etc/hosts", 0)',
    "move_mount(",
  );
  const made = list.filter((call) => call.startsWith('mknod("/etc/hosts", S_IFREG|0644'));
  assertEquals(made.length, 2);
});

Deno.test("rights: the bounding set is cut while that may be done, caps are set for the new user", () => {
  const list = childCalls({ ...RIGHTS });
  assertEquals(list.filter((call) => call.startsWith("prctl(PR_CAPBSET_DROP")).length, 40);
  assertEquals(list.includes("prctl(PR_CAPBSET_DROP, 5, 0, 0, 0)"), false);
  assertOrder(
    list,
    "prctl(PR_CAPBSET_DROP, 40,",
    "prctl(PR_SET_KEEPCAPS, 1",
    "setgroups(",
    "setresgid(",
    "setresuid(",
    "prctl(PR_SET_KEEPCAPS, 0",
    "capset(",
    "prctl(PR_SET_NO_NEW_PRIVS",
    'execve("/bin/true"',
  );
});

const FILTER = { filter: new Uint8Array(16), flags: 0 };

Deno.test("with no_new_privs the filter is the last thing before the program", () => {
  const list = childCalls({}, { seccomp: FILTER });
  const filter = place(list, "seccomp(SECCOMP_SET_MODE_FILTER");
  assertEquals(list[filter - 1], "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)");
  assertEquals(list[filter + 1].startsWith("execve("), true);
});

Deno.test("without no_new_privs the filter is set while that is still allowed", () => {
  const list = childCalls({ process: { noNewPrivileges: false } }, { seccomp: FILTER });
  assertOrder(list, "seccomp(", "prctl(PR_CAPBSET_DROP, 0,", "setresuid(", "capset(");
  assertEquals(list.some((call) => call.includes("NO_NEW_PRIVS")), false);
});

Deno.test("the program is looked for as execvp does", () => {
  const paths = (trial: Trial) =>
    childCalls(trial).filter((call) => call.startsWith("execve("))
      .map((call) => JSON.parse(call.slice("execve(".length).split(",", 1)[0]));
  assertEquals(paths({ args: ["sh"] }), ["/usr/bin/sh", "/bin/sh"]);
  assertEquals(paths({ args: ["bin/sh"] }), ["bin/sh"]);
  assertEquals(paths({ args: ["/bin/sh"] }), ["/bin/sh"]);
  // the last of equal variables counts, and an empty directory is the working directory
  const env = ["PATH=/nowhere", "PATH=/a::/b"];
  assertEquals(paths({ args: ["sh"], process: { env } }), ["/a/sh", "./sh", "/b/sh"]);
  const without = paths({ args: ["sh"], process: { env: [] } });
  assertEquals([without[0], without.length], ["/usr/local/sbin/sh", 6]);
});

Deno.test("only the last place that is looked in must have the program", () => {
  const { program } =
    draft(requestFor("/rootfs", { args: ["sh"] }), { denySetgroups: false }).birth;
  const allowed = program.steps.filter((step) => step.name === "execve")
    .map((step) => step.options.allow?.includes("ENOENT") ?? false);
  assertEquals(allowed, [true, false]);
});

Deno.test("paths are hidden and the root made read-only after everything is mounted", () => {
  const list = childCalls({
    spec: { mounts: MOUNTS, root: { path: "/rootfs", readonly: true } },
    linux: {
      namespaces: [{ type: "mount" }],
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
      rootfsPropagation: "rslave",
      sysctl: { "kernel.shm_rmid_forced": "1" },
    },
  });
  assertOrder(
    list,
    'mount("proc", "/proc"',
    'symlink("pts/ptmx", "/dev/ptmx")',
    'file = open("/proc/sys/kernel/shm_rmid_forced"',
    'mount("/proc/sys", "/proc/sys", NULL, MS_BIND|MS_REC, NULL)',
    'mount_setattr(AT_FDCWD, "/proc/sys", 0, {attr_set=MOUNT_ATTR_RDONLY}, 32)',
    'mount("/dev/null", "/proc/kcore", NULL, MS_BIND, NULL)',
    'mount("tmpfs", "/proc/kcore", "tmpfs", MS_RDONLY, "size=0k")',
    'mount_setattr(AT_FDCWD, "/", 0, {attr_set=MOUNT_ATTR_RDONLY}, 32)',
    'mount(NULL, "/", NULL, MS_REC|MS_SLAVE, NULL)',
    "prctl(PR_CAPBSET_DROP, 0,",
  );
});

Deno.test("nothing that execve leaves open is opened without O_CLOEXEC", () => {
  const list = calls({
    spec: { mounts: [...MOUNTS, { destination: "/x", type: "bind", source: "/etc" }] },
  }, { cgroup: CGROUP, seccomp: FILTER });
  const opens = list.filter((call) => /\b(open|open_tree|socket|socketpair)\(/.test(call));
  assertEquals(opens.filter((call) => !call.includes("CLOEXEC")), []);
});

Deno.test("a large environment and many arguments fit", () => {
  const many = Array.from({ length: 5000 }, (_, i) => `VARIABLE_${i}=${"x".repeat(200)}`);
  const list = childCalls({ args: ["sh", ...many], process: { env: many } });
  assertEquals(list.at(-1)!.length > 2_000_000, true);
});
