/**
 * The libc functions that this project calls, each with its result and its arguments.
 *
 * A line reads like the synopsis of a man page turned round: first the kind of the result, then
 * `name: kind` for each argument. From this one table come the types of `libc.mount(...)` and
 * `program.call(...).mount(...)`, what they write into a step, and how an error or `--explain` writes
 * the call back.
 *
 * **Results.** `int` and `long`: -1 is failure, and errno says why. `syscall`: as `long`, made
 * through syscall(2), because not every glibc has a wrapper, or because the wrapper takes locks
 * that a forked child must not wait for (nptl(7): `setresuid` and its like signal every thread), or
 * because dlsym(3) would find a function of Deno's own under the name.
 * `pointer`: an address, NULL for failure. `negated`: an `int` that is -errno in a failure, as
 * libseccomp has it. `value`: an `int` that is never a failure. `void`: nothing.
 *
 * **Arguments.** `string` (a C string, or NULL), `strings` (an array of them that ends with NULL),
 * `pointer` (to bytes, an address, or NULL); all others are numbers and differ in how they are
 * written: `fd`, `number`, `mode` (octal), `open` (flags of open(2)), `clone` (those of clone(2), and a
 * signal), `device`, `address` (hexadecimal), or a family of constants: `SIG` is one of them, `MS|` any number of them together,
 * `OPEN_TREE|AT|` those of two families. What `arg2` is depends on the first argument; `arg3` is a
 * number or, for one operation, memory.
 *
 * @module
 */

/** One line of the table. */
export type Signature = readonly [Result, ...`${string}: ${string}`[]];

/** What a function gives back; see the module's text. */
export type Result = "int" | "long" | "syscall" | "pointer" | "negated" | "value" | "void";

/** glibc, by man page section and subject. */
export const signatures = {
  // files: descriptors and their contents
  open: ["int", "path: string", "flags: open", "mode: mode"],
  openat: ["int", "dirfd: fd", "path: string", "flags: open", "mode: mode"],
  openat2: ["syscall", "dirfd: fd", "path: string", "how: pointer", "size: number"],
  close: ["int", "fd: fd"],
  close_range: ["syscall", "first: fd", "last: fd", "flags: CLOSE_RANGE|"],
  read: ["long", "fd: fd", "buffer: pointer", "count: number"],
  pread: ["long", "fd: fd", "buffer: pointer", "count: number", "offset: number"],
  write: ["long", "fd: fd", "buffer: pointer", "count: number"],
  pwrite: ["long", "fd: fd", "buffer: pointer", "count: number", "offset: number"],
  writev: ["long", "fd: fd", "parts: pointer", "count: number"],
  ftruncate: ["int", "fd: fd", "length: number"],
  fsync: ["int", "fd: fd"],
  syncfs: ["int", "fd: fd"],
  flock: ["int", "fd: fd", "operation: LOCK|"],
  fcntl: ["int", "fd: fd", "command: F", "argument: number"],
  dup: ["int", "fd: fd"],
  dup3: ["int", "old: fd", "new: fd", "flags: O|"],
  lseek: ["long", "fd: fd", "offset: number", "whence: number"],
  ioctl: ["int", "fd: fd", "request: IOCTL", "argument: pointer"],
  poll: ["int", "fds: pointer", "count: number", "timeout: number"],
  pipe2: ["int", "fds: pointer", "flags: O|"],
  eventfd: ["int", "initial: number", "flags: EFD|"],
  memfd_create: ["syscall", "name: string", "flags: MFD|"],
  isatty: ["int", "fd: fd"],

  // files: names
  mkdir: ["int", "path: string", "mode: mode"],
  mkdirat: ["int", "dirfd: fd", "path: string", "mode: mode"],
  mknod: ["int", "path: string", "mode: mode", "device: device"],
  mknodat: ["int", "dirfd: fd", "path: string", "mode: mode", "device: device"],
  mkfifoat: ["int", "dirfd: fd", "path: string", "mode: mode"],
  symlink: ["int", "target: string", "path: string"],
  symlinkat: ["int", "target: string", "dirfd: fd", "path: string"],
  linkat: ["int", "olddirfd: fd", "old: string", "newdirfd: fd", "new: string", "flags: AT|"],
  unlinkat: ["int", "dirfd: fd", "path: string", "flags: AT|"],
  rmdir: ["int", "path: string"],
  renameat: ["int", "olddirfd: fd", "old: string", "newdirfd: fd", "new: string"],
  readlinkat: ["long", "dirfd: fd", "path: string", "buffer: pointer", "size: number"],
  getdents64: ["long", "fd: fd", "buffer: pointer", "size: number"],

  // files: what is known about them
  statx: [
    "int",
    "dirfd: fd",
    "path: string",
    "flags: AT|",
    "mask: STATX|",
    "buffer: pointer",
  ],
  access: ["int", "path: string", "mode: number"],
  statfs: ["int", "path: string", "buffer: pointer"],
  chmod: ["int", "path: string", "mode: mode"],
  fchmod: ["int", "fd: fd", "mode: mode"],
  fchmodat: ["int", "dirfd: fd", "path: string", "mode: mode", "flags: AT|"],
  chown: ["int", "path: string", "owner: number", "group: number"],
  fchown: ["int", "fd: fd", "owner: number", "group: number"],
  fchownat: [
    "int",
    "dirfd: fd",
    "path: string",
    "owner: number",
    "group: number",
    "flags: AT|",
  ],
  futimens: ["int", "fd: fd", "times: pointer"],
  utimensat: ["int", "dirfd: fd", "path: string", "times: pointer", "flags: AT|"],
  fsetxattr: [
    "int",
    "fd: fd",
    "name: string",
    "value: pointer",
    "size: number",
    "flags: number",
  ],
  lsetxattr: [
    "int",
    "path: string",
    "name: string",
    "value: pointer",
    "size: number",
    "flags: number",
  ],
  fgetxattr: ["long", "fd: fd", "name: string", "value: pointer", "size: number"],
  lgetxattr: ["long", "path: string", "name: string", "value: pointer", "size: number"],
  flistxattr: ["long", "fd: fd", "list: pointer", "size: number"],
  llistxattr: ["long", "path: string", "list: pointer", "size: number"],

  // mounts and the root directory
  mount: [
    "int",
    "source: string",
    "target: string",
    "type: string",
    "flags: MS|",
    "data: string",
  ],
  umount2: ["int", "target: string", "flags: MNT|"],
  pivot_root: ["syscall", "new: string", "old: string"],
  chroot: ["int", "path: string"],
  chdir: ["int", "path: string"],
  fchdir: ["int", "fd: fd"],
  open_tree: ["syscall", "dirfd: fd", "path: string", "flags: OPEN_TREE|AT|"],
  move_mount: [
    "syscall",
    "fromdirfd: fd",
    "from: string",
    "todirfd: fd",
    "to: string",
    "flags: MOVE_MOUNT|",
  ],
  fsopen: ["syscall", "type: string", "flags: FSOPEN|"],
  fsconfig: [
    "syscall",
    "fd: fd",
    "command: FSCONFIG",
    "key: string",
    "value: string",
    "aux: number",
  ],
  fsmount: ["syscall", "fd: fd", "flags: FSMOUNT|", "attributes: MOUNT_ATTR|"],
  mount_setattr: [
    "syscall",
    "dirfd: fd",
    "path: string",
    "flags: AT|",
    "attributes: pointer",
    "size: number",
  ],

  // namespaces and names
  clone: [
    "syscall",
    "flags: clone",
    "stack: address",
    "pidfd: pointer",
    "child_tid: number",
    "tls: number",
  ],
  clone3: ["syscall", "args: pointer", "size: number"],
  unshare: ["int", "flags: CLONE|"],
  setns: ["int", "fd: fd", "type: CLONE|"],
  uname: ["int", "names: pointer"],
  sethostname: ["int", "name: string", "length: number"],
  setdomainname: ["int", "name: string", "length: number"],

  // who the process is
  getpid: ["int"],
  getuid: ["int"],
  geteuid: ["int"],
  getegid: ["int"],
  setresuid: ["syscall", "real: number", "effective: number", "saved: number"],
  setresgid: ["syscall", "real: number", "effective: number", "saved: number"],
  setgroups: ["syscall", "count: number", "groups: pointer"],
  setsid: ["int"],
  setpgid: ["int", "pid: number", "group: number"],
  umask: ["int", "mask: mode"],
  prctl: [
    "int",
    "operation: PR",
    "arg2: arg2",
    "arg3: arg3",
    "arg4: number",
    "arg5: number",
  ],
  capset: ["syscall", "header: pointer", "data: pointer"],
  seccomp: [
    "syscall",
    "operation: SECCOMP_SET_MODE",
    "flags: SECCOMP_FILTER_FLAG|",
    "program: pointer",
  ],
  keyctl: ["syscall", "operation: KEYCTL", "argument: pointer"],
  bpf: ["syscall", "command: BPF", "attributes: pointer", "size: number"],

  // what the process may use
  prlimit: [
    "int",
    "pid: number",
    "resource: RLIMIT",
    "new: pointer",
    "old: pointer",
  ],
  setpriority: ["int", "which: number", "who: number", "priority: number"],
  ioprio_set: ["syscall", "which: IOPRIO_WHO", "who: number", "priority: number"],
  sched_setaffinity: ["int", "pid: number", "size: number", "mask: pointer"],
  sched_setattr: ["syscall", "pid: number", "attributes: pointer", "flags: number"],
  sched_setscheduler: ["int", "pid: number", "policy: number", "parameters: pointer"],
  personality: ["int", "persona: address"],

  // signals, processes and waiting
  execve: ["int", "path: string", "argv: strings", "envp: strings"],
  execveat: [
    "syscall",
    "dirfd: fd",
    "path: string",
    "argv: strings",
    "envp: strings",
    "flags: AT|",
  ],
  _exit: ["void", "status: number"],
  kill: ["int", "pid: number", "signal: SIG"],
  raise: ["int", "signal: SIG"],
  rt_sigaction: [
    "syscall",
    "signal: SIG",
    "action: pointer",
    "old: pointer",
    "size: number",
  ],
  sigprocmask: ["int", "how: SIG_HOW", "set: pointer", "old: pointer"],
  waitpid: ["int", "pid: number", "status: pointer", "options: W|"],
  waitid: ["int", "kind: number", "id: number", "info: pointer", "options: W|"],
  ptrace: ["syscall", "request: PTRACE", "pid: number", "address: number", "data: number"],
  futex: ["syscall", "word: pointer", "operation: FUTEX", "value: number", "timeout: pointer"],
  pidfd_open: ["syscall", "pid: number", "flags: number"],
  pidfd_send_signal: [
    "syscall",
    "pidfd: fd",
    "signal: SIG",
    "info: pointer",
    "flags: number",
  ],
  pidfd_getfd: ["syscall", "pidfd: fd", "target: fd", "flags: number"],
  clock_gettime: ["int", "clock: CLOCK", "time: pointer"],

  // sockets
  socket: ["int", "family: AF", "type: SOCK|", "protocol: number"],
  socketpair: ["int", "family: AF", "type: SOCK|", "protocol: number", "fds: pointer"],
  connect: ["int", "fd: fd", "address: pointer", "length: number"],
  bind: ["int", "fd: fd", "address: pointer", "length: number"],
  listen: ["int", "fd: fd", "backlog: number"],
  accept: ["int", "fd: fd", "address: pointer", "length: pointer"],
  setsockopt: ["int", "fd: fd", "level: SOL", "option: number", "value: pointer", "length: number"],
  if_nametoindex: ["value", "name: string"],
  send: ["long", "fd: fd", "buffer: pointer", "length: number", "flags: MSG|"],
  recv: ["long", "fd: fd", "buffer: pointer", "length: number", "flags: MSG|"],
  sendmsg: ["long", "fd: fd", "message: pointer", "flags: MSG|"],
  recvmsg: ["long", "fd: fd", "message: pointer", "flags: MSG|"],

  // memory and libraries
  memcpy: ["pointer", "to: pointer", "from: pointer", "count: number"],
  memset: ["pointer", "to: pointer", "byte: number", "count: number"],
  memcmp: ["value", "one: pointer", "other: pointer", "count: number"],
  // what a program has for "if": a jump where the number is not 0
  labs: ["value", "number: number"],
  // a text with a number in it that an earlier call gives: `"%s%d%s"`
  snprintf: [
    "int",
    "buffer: pointer",
    "size: number",
    "format: string",
    "before: string",
    "number: number",
    "after: string",
  ],
  // what an errno means, in English; no lock is taken and nothing allocated
  strerrordesc_np: ["pointer", "errno: number"],
  strlen: ["value", "text: pointer"],
  __errno_location: ["pointer"],
  munmap: ["int", "address: address", "length: number"],
  madvise: ["int", "address: address", "length: number", "advice: MADV"],
  dlopen: ["pointer", "file: string", "flags: RTLD|"],
  dlsym: ["pointer", "handle: address", "name: string"],
} satisfies Record<string, Signature>;
