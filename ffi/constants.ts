/**
 * The kernel's constants, by family: `MS.NOSUID` is `MS_NOSUID` of mount(2).
 *
 * Each family is named after the prefix that its members share in the headers, so an argument can
 * be written back as a person would: `MS_NOSUID|MS_NODEV`. Values are those of Linux's
 * `include/uapi`; where x86-64 and aarch64 differ, the right one is chosen here. A flag of several
 * bits stands before those that it holds, because the first that fits is the one that is written.
 *
 * @module
 */

const arm = Deno.build.arch === "aarch64";

/** open(2) flags. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECTORY: arm ? 0o40000 : 0o200000,
  NOFOLLOW: arm ? 0o100000 : 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

/** Flags of the `*at` family of calls, and the descriptor that stands for the working directory. */
export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  SYMLINK_FOLLOW: 0x400,
  EMPTY_PATH: 0x1000,
  RECURSIVE: 0x8000,
} as const;

/** openat2(2): how a path may be resolved. */
export const RESOLVE = {
  NO_XDEV: 1,
  NO_MAGICLINKS: 2,
  NO_SYMLINKS: 4,
  BENEATH: 8,
  IN_ROOT: 16,
} as const;

/** mount(2) flags. */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  SILENT: 32768,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  I_VERSION: 1 << 23,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
} as const;

/** umount2(2) flags. */
export const MNT = { FORCE: 1, DETACH: 2, EXPIRE: 4 } as const;

/** open_tree(2) flags. */
export const OPEN_TREE = { CLONE: 1, CLOEXEC: O.CLOEXEC } as const;

/** fsopen(2) flags. */
export const FSOPEN = { CLOEXEC: 1 } as const;

/** fsconfig(2) commands. */
export const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, CMD_CREATE: 6 } as const;

/** fsmount(2) flags. */
export const FSMOUNT = { CLOEXEC: 1 } as const;

/** move_mount(2) flags. */
export const MOVE_MOUNT = { F_EMPTY_PATH: 4, T_SYMLINKS: 0x10, T_EMPTY_PATH: 0x40 } as const;

/** mount_setattr(2) attributes. */
export const MOUNT_ATTR = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  _ATIME: 0x70,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000,
} as const;

/** clone(2), clone3(2), unshare(2) and setns(2) flags. */
export const CLONE = {
  NEWTIME: 0x80,
  VM: 0x100,
  PIDFD: 0x1000,
  VFORK: 0x4000,
  PARENT: 0x8000,
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
  CLEAR_SIGHAND: 0x100000000,
  INTO_CGROUP: 0x200000000,
} as const;

/** prctl(2) operations. */
export const PR = {
  SET_PDEATHSIG: 1,
  GET_PDEATHSIG: 2,
  SET_DUMPABLE: 4,
  GET_KEEPCAPS: 7,
  SET_KEEPCAPS: 8,
  SET_NAME: 15,
  SET_SECCOMP: 22,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  GET_SECUREBITS: 27,
  SET_SECUREBITS: 28,
  SET_MM: 35,
  SET_CHILD_SUBREAPER: 36,
  SET_NO_NEW_PRIVS: 38,
  CAP_AMBIENT: 47,
  SET_PTRACER: 0x59616d61,
} as const;

/** prctl(2), PR_SET_MM operations. */
export const PR_SET_MM = { EXE_FILE: 13, MAP: 14 } as const;

/** prctl(2), PR_CAP_AMBIENT operations. */
export const PR_CAP_AMBIENT = { IS_SET: 1, RAISE: 2, LOWER: 3, CLEAR_ALL: 4 } as const;

/** seccomp(2) operations. */
export const SECCOMP_SET_MODE = { STRICT: 0, FILTER: 1 } as const;

/** seccomp(2) filter flags. */
export const SECCOMP_FILTER_FLAG = {
  TSYNC: 1,
  LOG: 2,
  SPEC_ALLOW: 4,
  NEW_LISTENER: 8,
  TSYNC_ESRCH: 16,
  WAIT_KILLABLE_RECV: 32,
} as const;

/** Signal numbers, signal(7). */
export const SIG = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
} as const;

/** sigprocmask(2): how the mask changes. */
export const SIG_HOW = { BLOCK: 0, UNBLOCK: 1, SETMASK: 2 } as const;

/** mmap(2) protections. */
export const PROT = { READ: 1, WRITE: 2, EXEC: 4 } as const;

/** mmap(2) flags. */
export const MAP = { SHARED: 1, PRIVATE: 2, ANONYMOUS: 0x20 } as const;

/** What is to become of memory, madvise(2). */
export const MADV = { DONTFORK: 10, DOFORK: 11 } as const;

/** File types in a mode, inode(7). */
export const S = {
  IFIFO: 0o010000,
  IFCHR: 0o020000,
  IFDIR: 0o040000,
  IFBLK: 0o060000,
  IFREG: 0o100000,
  IFLNK: 0o120000,
  IFSOCK: 0o140000,
  IFMT: 0o170000,
} as const;

/** statx(2) mask. */
export const STATX = { BASIC_STATS: 0x7ff, MNT_ID: 0x1000 } as const;

/** close_range(2) flags. */
export const CLOSE_RANGE = { UNSHARE: 2, CLOEXEC: 4 } as const;

/** waitpid(2) and waitid(2) options. */
export const W = { NOHANG: 1, UNTRACED: 2, EXITED: 4, CONTINUED: 8, NOWAIT: 0x1000000 } as const;

/** poll(2) events. */
export const POLL = { IN: 1, PRI: 2, OUT: 4, ERR: 8, HUP: 16, NVAL: 32 } as const;

/** fcntl(2) commands. */
export const F = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031,
} as const;

/** flock(2) operations. */
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

/** memfd_create(2) flags. */
export const MFD = { CLOEXEC: 1, ALLOW_SEALING: 2, EXEC: 0x10 } as const;

/** eventfd(2) flags. */
export const EFD = { SEMAPHORE: 1, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** Socket families, types and the type's flag, socket(2). */
export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const;

/** Socket types, socket(2). */
export const SOCK = { RAW: 3, STREAM: 1, DGRAM: 2, CLOEXEC: 0o2000000 } as const;

/** Whose option it is, setsockopt(2). */
export const SOL = { SOCKET: 1, NETLINK: 270 } as const;

/** send(2) and recvmsg(2) flags. */
export const MSG = { NOSIGNAL: 0x4000, CMSG_CLOEXEC: 0x40000000 } as const;

/** ioctl(2) requests of terminals (ioctl_tty(2)) and network interfaces (netdevice(7)). */
export const IOCTL = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TIOCSCTTY: 0x540e,
  TIOCGPGRP: 0x540f,
  TIOCSPGRP: 0x5410,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  TIOCGPTN: 0x80045430,
  TIOCSPTLCK: 0x40045431,
  TIOCGPTLCK: 0x80045439,
  TIOCGPTPEER: 0x5441,
  KVM_CREATE_VM: 0xae01,
  SIOCGIFFLAGS: 0x8913,
  SIOCSIFFLAGS: 0x8914,
} as const;

/** Resource limits, getrlimit(2). */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;

/** Scheduling policies, sched(7). */
export const SCHED = { OTHER: 0, FIFO: 1, RR: 2, BATCH: 3, IDLE: 5, DEADLINE: 6 } as const;

/** sched_setattr(2) flags. */
export const SCHED_FLAG = {
  RESET_ON_FORK: 1,
  RECLAIM: 2,
  DL_OVERRUN: 4,
  KEEP_POLICY: 8,
  KEEP_PARAMS: 0x10,
  UTIL_CLAMP_MIN: 0x20,
  UTIL_CLAMP_MAX: 0x40,
} as const;

/** Clocks, clock_gettime(2). */
export const CLOCK = { REALTIME: 0, MONOTONIC: 1 } as const;

/** dlopen(3) flags. */
export const RTLD = { LAZY: 1, NOW: 2 } as const;

/** bpf(2) commands. */
export const BPF = { PROG_LOAD: 5, PROG_ATTACH: 8 } as const;

/** keyctl(2) operations. */
export const KEYCTL = { GET_KEYRING_ID: 0, JOIN_SESSION_KEYRING: 1 } as const;

/** futex(2) operations. */
export const FUTEX = { WAIT: 0, WAKE: 1 } as const;

/** ptrace(2) requests. */
export const PTRACE = { CONT: 7, DETACH: 17, SEIZE: 0x4206 } as const;

/** ptrace(2) options. */
export const PTRACE_O = { TRACEEXEC: 0x10, EXITKILL: 0x100000 } as const;

/** ioprio_set(2): whom it is for. */
export const IOPRIO_WHO = { PROCESS: 1, PGRP: 2, USER: 3 } as const;

/** System call numbers, for calls that have no wrapper in every glibc, or one that takes locks. */
export const SYS = {
  rt_sigaction: arm ? 134 : 13,
  clone: arm ? 220 : 56,
  pivot_root: arm ? 41 : 155,
  capset: arm ? 91 : 126,
  setgroups: arm ? 159 : 116,
  setresuid: arm ? 147 : 117,
  setresgid: arm ? 149 : 119,
  ioprio_set: arm ? 30 : 251,
  futex: arm ? 98 : 202,
  ptrace: arm ? 117 : 101,
  execveat: arm ? 281 : 322,
  memfd_create: arm ? 279 : 319,
  sched_setattr: arm ? 274 : 314,
  keyctl: arm ? 219 : 250,
  seccomp: arm ? 277 : 317,
  bpf: arm ? 280 : 321,
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  clone3: 435,
  close_range: 436,
  openat2: 437,
  pidfd_getfd: 438,
  mount_setattr: 442,
} as const;
