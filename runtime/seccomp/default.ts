/**
 * The rules that a container gets unless it is told otherwise: Docker's, grouped by what they are
 * for.
 *
 * x86-64 has close to 400 system calls, and a container gets about 300 of them. The rest is where
 * many an escape began, so the profile is a list of what is allowed, and everything else is EPERM.
 * What the list leaves out on purpose, for everybody: `io_uring_*` (work done by kernel threads,
 * past this filter), `keyctl` and its family (keyrings know no namespaces), `userfaultfd` (it can
 * hold the kernel still in the middle of a copy, which makes races easy to win), `kexec_load`,
 * `swapon`, `nfsservctl`, `uselib`, `ustat`, `vm86` and others that only the host or a museum needs.
 *
 * Most other calls that are not always allowed come with a capability: the kernel would refuse
 * them without it, but the filter refuses first, before any code that could have a fault runs.
 *
 * The set is that of https://github.com/moby/profiles, seccomp/default_linux.go.
 *
 * @module
 */

import type { LinuxSeccomp, LinuxSeccompArg } from "../spec/seccomp.ts";
import {
  type ConditionalProfile,
  type ConditionalRule,
  resolveProfile,
  type SeccompHost,
} from "./profile.ts";

/** Docker's default profile, resolved for one container on one machine. */
export function defaultProfile(host: SeccompHost): LinuxSeccomp {
  return resolveProfile(DEFAULT_RULES, host);
}

const EPERM = 1;
const ENOSYS = 38;

/** A rule that allows the calls, which are separated by blanks. */
function allow(comment: string, names: string, more?: Partial<ConditionalRule>): ConditionalRule {
  return { comment, names: names.trim().split(/\s+/), action: "SCMP_ACT_ALLOW", ...more };
}

/** A rule that allows the calls to a container that has the capability. */
function allowWith(capability: string, comment: string, names: string): ConditionalRule {
  return allow(comment, names, { includes: { caps: [capability] } });
}

/** One rule a value: rules are alternatives, while conditions inside one rule must all hold. */
function allowValues(comment: string, name: string, values: readonly number[]): ConditionalRule[] {
  return values.map((value) => {
    const args: LinuxSeccompArg[] = [{ index: 0, value, op: "SCMP_CMP_EQ" }];
    return allow(comment, name, { args });
  });
}

/** clone(2)'s flags that make namespaces, all but CLONE_NEWTIME, which clone(2) does not take. */
const NAMESPACE_FLAGS = 0x7e02_0000;

/**
 * The address families that socket(2) may be asked for, by their numbers in linux/socket.h. Not
 * here: AF_ALG (38), the kernel's cryptography, a large attack surface that programs do without
 * (CVE-2026-31431 came through it); AF_VSOCK (40), which reaches the hypervisor and other guests
 * whatever the network namespace; and those that kernels no longer have.
 */
const SOCKET_FAMILIES = {
  UNIX: 1,
  INET: 2,
  AX25: 3,
  IPX: 4,
  APPLETALK: 5,
  NETROM: 6,
  BRIDGE: 7,
  ATMPVC: 8,
  X25: 9,
  INET6: 10,
  ROSE: 11,
  NETBEUI: 13,
  SECURITY: 14,
  KEY: 15,
  NETLINK: 16,
  PACKET: 17,
  ASH: 18,
  RDS: 21,
  SNA: 22,
  PPPOX: 24,
  LLC: 26,
  IB: 27,
  MPLS: 28,
  CAN: 29,
  TIPC: 30,
  BLUETOOTH: 31,
  IUCV: 32,
  RXRPC: 33,
  PHONET: 35,
  IEEE802154: 36,
  NFC: 39,
  KCM: 41,
  QIPCRTR: 42,
  SMC: 43,
  XDP: 44,
  MCTP: 45,
} as const;

/**
 * personality(2)'s harmless values: PER_LINUX, PER_LINUX32, each also with UNAME26, and the one
 * that only asks. The others switch off protections such as address randomization.
 */
const PERSONALITIES = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/** The default profile with its conditions; {@linkcode defaultProfile} decides them. */
export const DEFAULT_RULES: ConditionalProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: EPERM,
  archMap: [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
  ],
  syscalls: [
    allow(
      "Files by name: the mount namespace decides which there are. mknod is here because the " +
        "devices cgroup decides which device nodes can be opened.",
      `access faccessat faccessat2 open openat openat2 creat chdir fchdir getcwd umask
       stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx
       statfs statfs64 fstatfs fstatfs64 listmount statmount name_to_handle_at
       chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown lchown32
       link linkat symlink symlinkat readlink readlinkat unlink unlinkat
       rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat getdents getdents64
       utime utimes futimesat utimensat utimensat_time64 truncate truncate64`,
    ),
    allow(
      "Extended attributes; the kernel asks for capabilities where the attribute is a trusted one.",
      `getxattr getxattrat lgetxattr fgetxattr setxattr setxattrat lsetxattr fsetxattr
       listxattr listxattrat llistxattr flistxattr
       removexattr removexattrat lremovexattr fremovexattr`,
    ),
    allow(
      "What is done with an open file.",
      `read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek _llseek
       close close_range dup dup2 dup3 fcntl fcntl64 flock ioctl pipe pipe2
       splice tee vmsplice sendfile sendfile64 copy_file_range ftruncate ftruncate64 fallocate
       fadvise64 fadvise64_64 readahead cachestat sync syncfs fsync fdatasync sync_file_range`,
    ),
    allow(
      "Waiting for several things at once.",
      `select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64
       epoll_create epoll_create1 epoll_ctl epoll_ctl_old
       epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
       eventfd eventfd2 signalfd signalfd4 fanotify_mark
       inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
       timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`,
    ),
    allow(
      "The older asynchronous I/O of io_setup(2).",
      `io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64`,
    ),
    allow(
      "A process's own memory.",
      `brk mmap mmap2 mprotect mremap munmap remap_file_pages msync madvise mincore
       mlock mlock2 mlockall munlock munlockall mseal map_shadow_stack
       memfd_create memfd_secret pkey_alloc pkey_free pkey_mprotect membarrier`,
    ),
    allow(
      "Processes and threads; clone is below, with a condition.",
      `execve execveat fork vfork exit exit_group wait4 waitid waitpid prctl restart_syscall
       getpid getppid gettid getpgid getpgrp setpgid getsid setsid pidfd_open process_mrelease
       set_tid_address set_robust_list get_robust_list set_thread_area get_thread_area rseq
       futex futex_time64 futex_wait futex_waitv futex_wake futex_requeue`,
    ),
    allow(
      "Signals; the PID namespace decides who can be reached. uretprobe is not asked for by the " +
        "program: the kernel puts it there when the host traces a function.",
      `kill tkill tgkill pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask
       rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend
       rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack sigprocmask sigreturn pause uretprobe`,
    ),
    allow(
      "Who a process is. It can only become somebody else with the capabilities that it has.",
      `getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32
       getresuid getresuid32 getresgid getresgid32 getgroups getgroups32
       setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32
       setresuid setresuid32 setresgid setresgid32 setgroups setgroups32
       setfsuid setfsuid32 setfsgid setfsgid32 capget capset`,
    ),
    allow(
      "Giving up more: programs put sandboxes around themselves with these.",
      `seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self`,
    ),
    allow(
      "Clocks and timers. adjtimex and clock_adjtime also read, and the kernel wants CAP_SYS_TIME " +
        "where they would write.",
      `time times gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64
       nanosleep clock_nanosleep clock_nanosleep_time64 alarm getitimer setitimer
       timer_create timer_delete timer_getoverrun
       timer_gettime timer_gettime64 timer_settime timer_settime64
       adjtimex clock_adjtime clock_adjtime64`,
    ),
    allow(
      "Scheduling and limits: downwards for anybody, upwards with a capability.",
      `sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr
       sched_getparam sched_setparam sched_getscheduler sched_setscheduler
       sched_get_priority_max sched_get_priority_min
       sched_rr_get_interval sched_rr_get_interval_time64
       getpriority setpriority ioprio_get ioprio_set getcpu getrusage
       getrlimit ugetrlimit setrlimit prlimit64`,
    ),
    allow(
      "System V and POSIX inter-process communication, inside the IPC namespace.",
      `ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64
       shmat shmctl shmdt shmget mq_open mq_unlink mq_notify mq_getsetattr
       mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64`,
    ),
    allow(
      "Sockets that exist already. socketcall is how 32-bit x86 programs make their sockets; its " +
        "arguments lie in memory, where a filter cannot look, so the families below do not bind " +
        "them. Docker tried to refuse it and broke too much.",
      `socketpair bind connect listen accept accept4 shutdown
       getsockname getpeername getsockopt setsockopt
       recv recvfrom recvmsg recvmmsg recvmmsg_time64 send sendto sendmsg sendmmsg socketcall`,
    ),
    allow("The machine's name and state.", `uname sysinfo getrandom`),
    ...allowValues("New sockets, by family.", "socket", Object.values(SOCKET_FAMILIES)),
    ...allowValues("Harmless execution domains.", "personality", PERSONALITIES),
    allow(
      "Debuggers. Before Linux 4.8 a tracer could change a call after the filter had passed it.",
      `ptrace process_vm_readv process_vm_writev`,
      { includes: { minKernel: "4.8" } },
    ),

    allow("The thread pointer on x86-64.", `arch_prctl`, { includes: { arches: ["amd64"] } }),
    allow("Segments, for Wine and old 16-bit programs.", `modify_ldt`, {
      includes: { arches: ["amd64"] },
    }),
    allow(
      "Calls of ARM's own.",
      `arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls`,
      { includes: { arches: ["arm64"] } },
    ),

    allow(
      "Threads and children, but no new namespaces: in a new user namespace anybody has every " +
        "capability, and so reaches kernel code that is written for root.",
      `clone`,
      {
        args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
        excludes: { caps: ["CAP_SYS_ADMIN"] },
      },
    ),
    {
      comment:
        "clone3's flags lie in memory, where a filter cannot look. ENOSYS, not EPERM: a C library " +
        "takes it for an older kernel's answer and goes on with clone.",
      names: ["clone3"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: ENOSYS,
      excludes: { caps: ["CAP_SYS_ADMIN"] },
    },
    allowWith(
      "CAP_SYS_ADMIN",
      "Mounts, namespaces and the rest of what root is for: whoever is given CAP_SYS_ADMIN is " +
        "trusted with it.",
      `clone clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree
       fsopen fsconfig fsmount fspick quotactl quotactl_fd sethostname setdomainname
       bpf perf_event_open fanotify_init lookup_dcookie syslog
       lsm_get_self_attr lsm_set_self_attr lsm_list_modules`,
    ),
    allowWith(
      "CAP_DAC_READ_SEARCH",
      "Opens any file of a file system by its inode number, also one that was never mounted into " +
        "the container: the Shocker escape of 2014.",
      `open_by_handle_at`,
    ),
    allowWith("CAP_SYS_BOOT", "Inside a PID namespace it kills its init.", `reboot`),
    allowWith("CAP_SYS_CHROOT", "One of Docker's default capabilities.", `chroot`),
    allowWith(
      "CAP_SYS_MODULE",
      "Code for the host's kernel.",
      `init_module finit_module delete_module`,
    ),
    allowWith("CAP_SYS_PACCT", "Process accounting.", `acct`),
    allowWith(
      "CAP_SYS_PTRACE",
      "Other processes' memory and descriptors.",
      `kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace`,
    ),
    allowWith("CAP_SYS_RAWIO", "The machine's I/O ports.", `iopl ioperm`),
    allowWith(
      "CAP_SYS_TIME",
      "The clock belongs to the whole machine.",
      `settimeofday stime clock_settime clock_settime64`,
    ),
    allowWith("CAP_SYS_TTY_CONFIG", "Hangs up the terminal.", `vhangup`),
    allowWith(
      "CAP_SYS_NICE",
      "NUMA placement, which other containers feel.",
      `get_mempolicy mbind set_mempolicy set_mempolicy_home_node`,
    ),
    allowWith("CAP_SYSLOG", "The kernel's log, with its addresses.", `syslog`),
    allowWith("CAP_BPF", "Programs that run in the kernel.", `bpf`),
    allowWith("CAP_PERFMON", "Counters and traces of the whole machine.", `perf_event_open`),
  ],
};
