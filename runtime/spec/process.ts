/**
 * The types of the specification's `process` object: what runs, as whom, with which rights.
 *
 * https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config.md#process
 *
 * @module
 */

/** The container's process. */
export interface Process {
  /** Give it a pseudoterminal of the container's own devpts as its controlling terminal. */
  terminal?: boolean;
  /** The terminal's first size; ignored without {@link Process.terminal}. */
  consoleSize?: ConsoleSize;
  /** As whom it runs. */
  user: User;
  /** The argument vector, at least one; a first word without a slash is looked up in PATH. */
  args?: string[];
  /** The whole environment, as `KEY=value` strings. */
  env?: string[];
  /** The working directory, an absolute path in the container. */
  cwd: string;
  /** Its five capability sets; without them it has none. */
  capabilities?: LinuxCapabilities;
  /** Resource limits of the process, not of the cgroup. */
  rlimits?: Rlimit[];
  /** No execve(2) may add rights: setuid bits and file capabilities have no effect. */
  noNewPrivileges?: boolean;
  /** The AppArmor profile to change to at execve(2). */
  apparmorProfile?: string;
  /** The SELinux context to change to at execve(2). */
  selinuxLabel?: string;
  /** From -1000 (never chosen by the OOM killer) to 1000 (first). See proc(5), oom_score_adj. */
  oomScoreAdj?: number;
  /** The scheduling policy. */
  scheduler?: Scheduler;
  /** The input and output priority. */
  ioPriority?: IOPriority;
  /** Which CPUs a process of `exec` may run on. It does not concern the first process. */
  execCPUAffinity?: ExecCPUAffinity;
}

/** A terminal's size, in character cells. */
export interface ConsoleSize {
  /** Rows. */
  height: number;
  /** Columns. */
  width: number;
}

/** User and group IDs, as the container counts. Names are resolved before a spec is made. */
export interface User {
  /** User ID. */
  uid: number;
  /** Group ID. */
  gid: number;
  /** The file mode creation mask (0o022 is 18 in JSON). Without it, the runtime's own. */
  umask?: number;
  /** Supplementary groups: exactly these are set. */
  additionalGids?: number[];
  /** A name that has no meaning on Linux. */
  username?: string;
}

/** The five sets of capabilities(7), as `CAP_…` names. A set not given is empty. */
export interface LinuxCapabilities {
  /** What any execve(2) in the container can ever give. */
  bounding?: string[];
  /** What the kernel checks. */
  effective?: string[];
  /** What is kept across execve(2) of a file that has it as inheritable too. */
  inheritable?: string[];
  /** What may be made effective. */
  permitted?: string[];
  /** What an unprivileged execve(2) keeps; must be permitted and inheritable too. */
  ambient?: string[];
}

/** The names of setrlimit(2)'s resources. */
export type RlimitType =
  | "RLIMIT_AS"
  | "RLIMIT_CORE"
  | "RLIMIT_CPU"
  | "RLIMIT_DATA"
  | "RLIMIT_FSIZE"
  | "RLIMIT_LOCKS"
  | "RLIMIT_MEMLOCK"
  | "RLIMIT_MSGQUEUE"
  | "RLIMIT_NICE"
  | "RLIMIT_NOFILE"
  | "RLIMIT_NPROC"
  | "RLIMIT_RSS"
  | "RLIMIT_RTPRIO"
  | "RLIMIT_RTTIME"
  | "RLIMIT_SIGPENDING"
  | "RLIMIT_STACK";

/** One resource limit, in the resource's own unit (bytes, seconds, a count). */
export interface Rlimit {
  /** Which resource; none may be listed twice. */
  type: RlimitType;
  /**
   * What the kernel enforces. RLIM_INFINITY is 18446744073709551615 in JSON, which a JavaScript
   * number rounds up to 2^64: whoever sets the limit takes anything from 2^64 on for infinity.
   */
  soft: number;
  /** How far the process may raise the soft limit by itself. */
  hard: number;
}

/** What sched_setattr(2) is given. */
export interface Scheduler {
  /** The policy. */
  policy: SchedulerPolicy;
  /** -20 to 19, for SCHED_OTHER and SCHED_BATCH. */
  nice?: number;
  /** The static priority, 1 to 99, for SCHED_FIFO and SCHED_RR; 0 for every other policy. */
  priority?: number;
  /** sched_setattr(2)'s flags. */
  flags?: SchedulerFlag[];
  /** Nanoseconds of work in each period, for SCHED_DEADLINE. */
  runtime?: number;
  /** Nanoseconds after a period's start by which the work is done, for SCHED_DEADLINE. */
  deadline?: number;
  /** Nanoseconds of one period, for SCHED_DEADLINE. */
  period?: number;
}

/** The scheduling policies. See sched(7). */
export type SchedulerPolicy =
  | "SCHED_OTHER"
  | "SCHED_FIFO"
  | "SCHED_RR"
  | "SCHED_BATCH"
  | "SCHED_ISO"
  | "SCHED_IDLE"
  | "SCHED_DEADLINE";

/** The flags of sched_setattr(2). */
export type SchedulerFlag =
  | "SCHED_FLAG_RESET_ON_FORK"
  | "SCHED_FLAG_RECLAIM"
  | "SCHED_FLAG_DL_OVERRUN"
  | "SCHED_FLAG_KEEP_POLICY"
  | "SCHED_FLAG_KEEP_PARAMS"
  | "SCHED_FLAG_UTIL_CLAMP_MIN"
  | "SCHED_FLAG_UTIL_CLAMP_MAX";

/** What ioprio_set(2) is given. */
export interface IOPriority {
  /** Real time, best effort, or only when nobody else asks. */
  class: "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";
  /** 0 (first) to 7 (last) within the class. */
  priority: number;
}

/** CPU lists in cpuset(7)'s form, "0-3,7". See sched_setaffinity(2). */
export interface ExecCPUAffinity {
  /** While the process is still being set up and moved into the cgroup. */
  initial?: string;
  /** From execve(2) on. */
  final?: string;
}
