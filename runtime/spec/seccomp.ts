/**
 * The types of the specification's `linux.seccomp`: which system calls the process may make.
 *
 * https://github.com/opencontainers/runtime-spec/blob/v1.2.1/config-linux.md#seccomp
 *
 * @module
 */

/** A whole filter: a default, and rules that take calls out of it. */
export interface LinuxSeccomp {
  /** What happens to a call that no rule matches. */
  defaultAction: LinuxSeccompAction;
  /** The errno for the default, where it is SCMP_ACT_ERRNO or SCMP_ACT_TRACE. Default EPERM. */
  defaultErrnoRet?: number;
  /** System call conventions to allow; default: the machine's own alone. */
  architectures?: LinuxSeccompArchitecture[];
  /** seccomp(2)'s flags. */
  flags?: LinuxSeccompFlag[];
  /** Absolute path of the socket that gets the descriptor which SCMP_ACT_NOTIFY reports to. */
  listenerPath?: string;
  /** Text sent along with it. */
  listenerMetadata?: string;
  /** The rules. */
  syscalls?: LinuxSyscall[];
}

/** One rule. */
export interface LinuxSyscall {
  /** System calls by name, at least one; a name that the machine does not have is passed over. */
  names: string[];
  /** What happens to them. */
  action: LinuxSeccompAction;
  /** The errno, for SCMP_ACT_ERRNO and SCMP_ACT_TRACE. Default EPERM. */
  errnoRet?: number;
  /** Conditions on the arguments; all must hold. */
  args?: LinuxSeccompArg[];
}

/** One condition: `argument[index] op value`. */
export interface LinuxSeccompArg {
  /** Which argument, 0 to 5. */
  index: number;
  /**
   * What to compare with, or the mask of SCMP_CMP_MASKED_EQ: 64 bits, unsigned. A bigint above
   * 2^53, where a number would be rounded and the filter would let through what it should not.
   */
  value: number | bigint;
  /** What SCMP_CMP_MASKED_EQ compares the masked argument with. Default 0. */
  valueTwo?: number | bigint;
  /** The comparison. */
  op: LinuxSeccompOperator;
}

/** What a filter can do with a call. SCMP_ACT_KILL is SCMP_ACT_KILL_THREAD's old name. */
export type LinuxSeccompAction =
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_TRAP"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_NOTIFY";

/** The comparisons. */
export type LinuxSeccompOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

/** The flags of seccomp(2) that a profile may ask for. */
export type LinuxSeccompFlag =
  | "SECCOMP_FILTER_FLAG_TSYNC"
  | "SECCOMP_FILTER_FLAG_LOG"
  | "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
  | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";

/** The system call conventions, in libseccomp's names. */
export type LinuxSeccompArchitecture =
  | "SCMP_ARCH_X86"
  | "SCMP_ARCH_X86_64"
  | "SCMP_ARCH_X32"
  | "SCMP_ARCH_ARM"
  | "SCMP_ARCH_AARCH64"
  | "SCMP_ARCH_LOONGARCH64"
  | "SCMP_ARCH_M68K"
  | "SCMP_ARCH_MIPS"
  | "SCMP_ARCH_MIPS64"
  | "SCMP_ARCH_MIPS64N32"
  | "SCMP_ARCH_MIPSEL"
  | "SCMP_ARCH_MIPSEL64"
  | "SCMP_ARCH_MIPSEL64N32"
  | "SCMP_ARCH_PARISC"
  | "SCMP_ARCH_PARISC64"
  | "SCMP_ARCH_PPC"
  | "SCMP_ARCH_PPC64"
  | "SCMP_ARCH_PPC64LE"
  | "SCMP_ARCH_RISCV64"
  | "SCMP_ARCH_S390"
  | "SCMP_ARCH_S390X"
  | "SCMP_ARCH_SH"
  | "SCMP_ARCH_SHEB";
