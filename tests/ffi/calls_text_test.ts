/**
 * A call as a person would write it: strings, flags, modes, devices, earlier results.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import {
  type AnyArgument,
  type Arguments,
  formatArguments,
  formatFlags,
  formatOpenFlags,
} from "../../ffi/calls.ts";
import * as constants from "../../ffi/constants.ts";
import { Arena, Ref } from "../../ffi/memory.ts";
import { type Signature, signatures } from "../../ffi/signatures.ts";
import { mountAttr, openHow, rlimit } from "../../ffi/structs.ts";

const { AF, AT, BPF, CLOCK, CLONE, CLOSE_RANGE, EFD, F, FSCONFIG, FSMOUNT, FSOPEN } = constants;
const { IOCTL, IOPRIO_WHO, KEYCTL, LOCK, MFD, MNT, MOUNT_ATTR, MOVE_MOUNT, MS, MSG } = constants;
const { O, OPEN_TREE, PR, PR_CAP_AMBIENT, RESOLVE, RLIMIT, RTLD, S, SECCOMP_FILTER_FLAG } =
  constants;
const { SECCOMP_SET_MODE, SIG, SIG_HOW, SOCK, STATX, W } = constants;

/** A call of libc as text; its arguments have the types that the table gives them. */
function written<Name extends keyof typeof signatures>(
  name: Name,
  ...args: Arguments<typeof signatures[Name]>
): string {
  return `${name}(${formatArguments(signatures[name], args as unknown as AnyArgument[])})`;
}

const arena = new Arena(4096);

const examples: [actual: string, expected: string][] = [
  [
    written("mount", "proc", "/proc", "proc", MS.NOSUID | MS.NODEV | MS.NOEXEC, null),
    'mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)',
  ],
  [
    written("mount", null, "/", null, MS.REC | MS.PRIVATE, null),
    'mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)',
  ],
  [
    written("mount", "tmpfs", "/dev", "tmpfs", MS.STRICTATIME, "mode=755,size=65536k"),
    'mount("tmpfs", "/dev", "tmpfs", MS_STRICTATIME, "mode=755,size=65536k")',
  ],
  [written("mount", "a", "b", "c", 0, ""), 'mount("a", "b", "c", 0, "")'],
  [written("umount2", ".", MNT.DETACH), 'umount2(".", MNT_DETACH)'],
  [written("pivot_root", ".", "."), 'pivot_root(".", ".")'],
  [written("open", "/x", O.RDONLY, 0), 'open("/x", O_RDONLY, 0)'],
  [written("open", "/x", O.RDWR | O.CLOEXEC, 0), 'open("/x", O_RDWR|O_CLOEXEC, 0)'],
  [
    written("openat", AT.FDCWD, "x", O.WRONLY | O.CREAT | O.EXCL, 0o644),
    'openat(AT_FDCWD, "x", O_WRONLY|O_CREAT|O_EXCL, 0644)',
  ],
  [
    written("openat", 5, "x", O.PATH | O.NOFOLLOW | O.DIRECTORY, 0),
    'openat(5, "x", O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_PATH, 0)',
  ],
  [
    written(
      "openat2",
      3,
      "a/b",
      openHow({ flags: O.RDWR | O.CREAT, mode: 0o600, resolve: RESOLVE.IN_ROOT }),
      24,
    ),
    'openat2(3, "a/b", {flags=O_RDWR|O_CREAT, mode=0600, resolve=RESOLVE_IN_ROOT}, 24)',
  ],
  [written("dup3", 5, 3, O.CLOEXEC), "dup3(5, 3, O_CLOEXEC)"],
  [written("dup3", 5, 3, 0), "dup3(5, 3, 0)"],
  [
    written("pipe2", arena.allocate(8, "ends"), O.CLOEXEC | O.NONBLOCK),
    "pipe2(&ends, O_NONBLOCK|O_CLOEXEC)",
  ],
  [written("read", 0, new Uint8Array(512), 512), "read(0, [512 bytes], 512)"],
  [written("close_range", 4, 9, CLOSE_RANGE.CLOEXEC), "close_range(4, 9, CLOSE_RANGE_CLOEXEC)"],
  [written("flock", 3, LOCK.EX | LOCK.NB), "flock(3, LOCK_EX|LOCK_NB)"],
  [written("fcntl", 3, F.SETPIPE_SZ, 4096), "fcntl(3, F_SETPIPE_SZ, 4096)"],
  [written("ioctl", 3, IOCTL.TIOCSCTTY, 0), "ioctl(3, TIOCSCTTY, 0)"],
  [written("ioctl", 3, 0x1234, null), "ioctl(3, 4660, NULL)"],
  [written("eventfd", 0, EFD.CLOEXEC), "eventfd(0, EFD_CLOEXEC)"],
  [
    written("memfd_create", "m", MFD.CLOEXEC | MFD.ALLOW_SEALING),
    'memfd_create("m", MFD_CLOEXEC|MFD_ALLOW_SEALING)',
  ],
  [written("mkdir", "/tmp/x", 0o1777), 'mkdir("/tmp/x", 01777)'],
  [written("chmod", "/x", 0), 'chmod("/x", 0)'],
  [
    written("mknod", "/dev/null", S.IFCHR | 0o666, 0x103),
    'mknod("/dev/null", S_IFCHR|0666, makedev(1, 3))',
  ],
  // the major number's twelve bits stand between eight and twelve of the minor one
  [
    written("mknodat", 3, "d", S.IFBLK | 0o600, 0x456_123_78),
    `mknodat(3, "d", S_IFBLK|0600, makedev(${0x123}, ${0x45678}))`,
  ],
  [
    written("mknodat", 3, "d", S.IFBLK, 0xfff_008_ff),
    `mknodat(3, "d", S_IFBLK|0, makedev(8, ${0xfffff}))`,
  ],
  [written("mknod", "/f", S.IFREG | 0o644, 0), 'mknod("/f", S_IFREG|0644, makedev(0, 0))'],
  [written("umask", 0o22), "umask(022)"],
  [written("unlinkat", 3, "d", AT.REMOVEDIR), 'unlinkat(3, "d", AT_REMOVEDIR)'],
  [
    written("linkat", AT.FDCWD, "a", 3, "b", AT.EMPTY_PATH | AT.SYMLINK_FOLLOW),
    'linkat(AT_FDCWD, "a", 3, "b", AT_SYMLINK_FOLLOW|AT_EMPTY_PATH)',
  ],
  [
    written("statx", 3, "", AT.EMPTY_PATH, STATX.BASIC_STATS, arena.allocate(256, "statx")),
    'statx(3, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &statx)',
  ],
  [
    written("open_tree", AT.FDCWD, "/a", OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.RECURSIVE),
    'open_tree(AT_FDCWD, "/a", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE)',
  ],
  [
    written("move_mount", 4, "", AT.FDCWD, "/b", MOVE_MOUNT.F_EMPTY_PATH),
    'move_mount(4, "", AT_FDCWD, "/b", MOVE_MOUNT_F_EMPTY_PATH)',
  ],
  [written("fsopen", "proc", FSOPEN.CLOEXEC), 'fsopen("proc", FSOPEN_CLOEXEC)'],
  [
    written("fsconfig", 4, FSCONFIG.SET_STRING, "size", "1m", 0),
    'fsconfig(4, FSCONFIG_SET_STRING, "size", "1m", 0)',
  ],
  [
    written("fsconfig", 4, FSCONFIG.CMD_CREATE, null, null, 0),
    "fsconfig(4, FSCONFIG_CMD_CREATE, NULL, NULL, 0)",
  ],
  [
    written("fsmount", 4, FSMOUNT.CLOEXEC, MOUNT_ATTR.NOSUID | MOUNT_ATTR.NOATIME),
    "fsmount(4, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID|MOUNT_ATTR_NOATIME)",
  ],
  [
    written(
      "mount_setattr",
      4,
      "",
      AT.EMPTY_PATH | AT.RECURSIVE,
      mountAttr({ set: MOUNT_ATTR.RDONLY, clear: MOUNT_ATTR._ATIME, propagation: MS.PRIVATE }),
      32,
    ),
    'mount_setattr(4, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY, ' +
    "attr_clr=MOUNT_ATTR__ATIME, propagation=MS_PRIVATE}, 32)",
  ],
  [
    written("unshare", CLONE.NEWNS | CLONE.NEWUSER | CLONE.NEWNET),
    "unshare(CLONE_NEWNS|CLONE_NEWUSER|CLONE_NEWNET)",
  ],
  [written("setns", 3, 0), "setns(3, 0)"],
  [
    written("prctl", PR.SET_PDEATHSIG, SIG.KILL, 0, 0, 0),
    "prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)",
  ],
  [
    written("prctl", PR.CAP_AMBIENT, PR_CAP_AMBIENT.RAISE, 13, 0, 0),
    "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 13, 0, 0)",
  ],
  [
    written("prctl", PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0),
    "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)",
  ],
  [
    written("seccomp", SECCOMP_SET_MODE.FILTER, SECCOMP_FILTER_FLAG.LOG, null),
    "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, NULL)",
  ],
  [
    written("keyctl", KEYCTL.JOIN_SESSION_KEYRING, null),
    "keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)",
  ],
  [written("bpf", BPF.PROG_LOAD, new Uint8Array(16), 16), "bpf(BPF_PROG_LOAD, [16 bytes], 16)"],
  [
    written("prlimit", 0, RLIMIT.NOFILE, rlimit(1024, 2n ** 64n - 1n), null),
    "prlimit(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM_INFINITY}, NULL)",
  ],
  [written("ioprio_set", IOPRIO_WHO.PROCESS, 0, 4), "ioprio_set(IOPRIO_WHO_PROCESS, 0, 4)"],
  [written("personality", 0x40000), "personality(0x40000)"],
  [
    written("execve", "/bin/sh", ["sh", "-c", 'echo "a\tb"'], []),
    String.raw`execve("/bin/sh", ["sh", "-c", "echo \"a\tb\""], [])`,
  ],
  [written("_exit", 1), "_exit(1)"],
  [written("kill", 1, SIG.TERM), "kill(1, SIGTERM)"],
  [written("kill", 1, 0), "kill(1, 0)"],
  [written("kill", -1, 34), "kill(-1, 34)"],
  [written("sigprocmask", SIG_HOW.SETMASK, null, null), "sigprocmask(SIG_SETMASK, NULL, NULL)"],
  [
    written("waitpid", 7, null, W.NOHANG | W.UNTRACED),
    "waitpid(7, NULL, WNOHANG|WUNTRACED)",
  ],
  [
    written("clock_gettime", CLOCK.MONOTONIC, arena.allocate(16, "time")),
    "clock_gettime(CLOCK_MONOTONIC, &time)",
  ],
  [
    written("socket", AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, 0),
    "socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, 0)",
  ],
  [
    written("socketpair", AF.UNIX, SOCK.STREAM, 0, arena.allocate(8, "line")),
    "socketpair(AF_UNIX, SOCK_STREAM, 0, &line)",
  ],
  [
    written("send", 3, new Uint8Array([98]), 1, MSG.NOSIGNAL),
    "send(3, [1 bytes], 1, MSG_NOSIGNAL)",
  ],
  [
    written("memcpy", 0x7f0000001000, 0x7f0000002000, 4),
    "memcpy(0x7f0000001000, 0x7f0000002000, 4)",
  ],
  [written("dlopen", "libm.so.6", RTLD.NOW), 'dlopen("libm.so.6", RTLD_NOW)'],
  [written("dlsym", 0xabc, "cos"), 'dlsym(0xabc, "cos")'],
  [written("getpid"), "getpid()"],
];

for (const [actual, expected] of examples) {
  Deno.test(`a call is written as ${expected}`, () => assertEquals(actual, expected));
}

Deno.test("a flag without a name is written in hexadecimal", () => {
  assertEquals(formatFlags("MS", MS.NOSUID | 0x40000000), "MS_NOSUID|0x40000000");
  assertEquals(
    formatFlags("CLONE", CLONE.INTO_CGROUP + 2 ** 40),
    "CLONE_INTO_CGROUP|0x10000000000",
  );
  assertEquals(formatFlags("MNT", 0), "0");
  assertEquals(formatOpenFlags(O.WRONLY | O.RDWR), "O_ACCMODE");
});

Deno.test("every flag is written by its own name", () => {
  const families: Record<string, Record<string, number>> = constants;
  const flags = Object.values<Signature>(signatures).flatMap((signature) => signature.slice(1))
    .filter((argument) => argument.endsWith("|"))
    .flatMap((argument) => argument.split(": ")[1].slice(0, -1).split("|"));
  for (const family of new Set(flags)) {
    for (const [name, value] of Object.entries(families[family]).filter(([, value]) => value > 0)) {
      assertEquals(formatFlags(family, value), `${family}${family === "W" ? "" : "_"}${name}`);
    }
  }
});

Deno.test("a name in bytes is shown up to its NUL, and what is not UTF-8 as U+FFFD", () => {
  const bytes = Uint8Array.of(0x61, 0xff, 0xc3, 0xbc, 0, 0x62);
  assertEquals(written("rmdir", bytes), 'rmdir("a\ufffdü")');
  assertEquals(written("rmdir", bytes.subarray(2, 4)), 'rmdir("ü")');
});

Deno.test("memory can say what is in it", () => {
  const memory = arena.allocate(8, "request");
  assertEquals(written("ioctl", 3, IOCTL.SIOCGIFFLAGS, memory), "ioctl(3, SIOCGIFFLAGS, &request)");
  memory.text = '{ifr_name="lo"}';
  assertEquals(
    written("ioctl", 3, IOCTL.SIOCGIFFLAGS, memory),
    'ioctl(3, SIOCGIFFLAGS, {ifr_name="lo"})',
  );
});

Deno.test("an earlier result is written by its name, and once it is known by its value", () => {
  const { address } = arena.allocate(8);
  const fd = new Ref(address, "fd", arena);
  const form = (known: boolean) => formatArguments(signatures.fchmod, [fd, 0o755], known);
  assertEquals(form(false), "fd, 0755");
  assertEquals(form(true), "0, 0755");
  arena.setWord(address, 17);
  assertEquals(form(true), "17, 0755");
  assertEquals(form(false), "fd, 0755");
  arena.setWord(address, AT.FDCWD);
  assertEquals(form(true), "AT_FDCWD, 0755");
});

Deno.test("what strangers wrote is shown, and acts on no terminal", () => {
  assertEquals(
    written("execve", "/bin/\u009b31m", ["\x7f", "\u202e"], []),
    'execve("/bin/\\u009b31m", ["\\u007f", "\\u202e"], [])',
  );
});
