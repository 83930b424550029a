/**
 * The process of a container: who it is, what it may do, and the program that it becomes.
 *
 * The order is forced by the kernel: limits and names need privileges that the new user does not
 * have; the bounding set can only be cut with CAP_SETPCAP; changing the user drops capabilities
 * unless told to keep them; a filter without no_new_privs needs CAP_SYS_ADMIN; and whatever comes
 * after the filter has to pass it.
 *
 * @module
 */

import {
  IOPRIO_WHO,
  KEYCTL,
  PR,
  PR_CAP_AMBIENT,
  RLIMIT,
  SECCOMP_SET_MODE,
  SIG,
  SIG_HOW,
} from "../../ffi/constants.ts";
import type { Ref, Struct } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import { ints, rlimit } from "../../ffi/structs.ts";
import { CAPABILITY_NAMES, capabilityMask } from "../capabilities.ts";
import type { LinuxCapabilities, Process } from "../spec.ts";
import { hideExecutable } from "./executable.ts";
import { writeFile } from "./files.ts";
import { announceListener, checkParent, tieToParent } from "./line.ts";
import { namespaceOf } from "./namespaces.ts";
import type { Kept } from "./keep.ts";
import type { ProcessRequest } from "./request.ts";

/** A compiled filter of system calls. */
export interface SeccompFilter {
  /** instructions of classic BPF, `struct sock_filter[]` */
  filter: Uint8Array;
  /** seccomp(2)'s flags */
  flags: number;
}

/** `struct sigaction` as the kernel has it, all zeros: the default, no flags, an empty mask. */
const DEFAULT_ACTION: Struct = { bytes: new Uint8Array(32), text: "{SIG_DFL}" };
/** Bytes of the kernel's signal set. */
const SIGSET_SIZE = 8;

/**
 * Gives the process signals as a fresh program expects them.
 *
 * By the system call itself: glibc keeps 32 and 33 for its threads (nptl(7)) and would refuse them,
 * but a process that another Deno started inherits them ignored.
 */
export function resetSignals(program: Program, ignored: readonly number[]): void {
  for (const signal of ignored) {
    // execve(2) resets handlers, but what is ignored stays ignored, also in every descendant
    program.call("ignored signals stay ignored across execve(2): a pipe would never break")
      .rt_sigaction(signal, DEFAULT_ACTION, null, SIGSET_SIZE);
  }
  program.call("nor may a blocked signal be inherited")
    .sigprocmask(SIG_HOW.SETMASK, { bytes: new Uint8Array(128), text: "{}" }, null);
}

/** The numbers of the signals that this process ignores, from /proc/self/status (proc(5)). */
export function ignoredSignals(status: string): number[] {
  const mask = BigInt(`0x${/^SigIgn:\s*(\S+)/m.exec(status)?.[1] ?? "0"}`);
  return Array.from({ length: 64 }, (_, i) => i + 1)
    .filter((signal) => signal !== SIG.KILL && signal !== SIG.STOP)
    .filter((signal) => mask >> BigInt(signal - 1) & 1n);
}

/** Sets what the process may use: resource limits, and how readily it is killed for memory. */
function setLimits(program: Program, process: Process): void {
  for (const { type, soft, hard } of process.rlimits ?? []) {
    program.call(`a limit of the process itself, and of what it starts: ${type}`)
      .prlimit(
        0,
        RLIMIT[type.slice("RLIMIT_".length) as keyof typeof RLIMIT],
        rlimit(soft, hard),
        null,
      );
  }
  if (process.ioPriority) {
    const { class: kind, priority } = process.ioPriority;
    const classes = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 };
    program.call("whose reads and writes come first")
      .ioprio_set(IOPRIO_WHO.PROCESS, 0, classes[kind] << 13 | priority);
  }
}

/** Says how readily the kernel kills this process when memory runs out, proc(5). */
export function setOomScore(program: Program, process: Process): void {
  if (process.oomScoreAdj === undefined) return;
  const why = "how readily the kernel picks this process when memory runs out";
  writeFile(program, "/proc/self/oom_score_adj", String(process.oomScoreAdj), why);
}

/** Keys of the runtime's session are none of the container's business, keyrings(7). */
function leaveKeyring(program: Program): void {
  program.call(
    "a session keyring of its own: the one that was inherited may hold somebody's keys",
    {
      allow: ["ENOSYS", "EPERM", "EDQUOT", "ENOMEM"],
    },
  ).keyctl(KEYCTL.JOIN_SESSION_KEYRING, null);
}

/** Cuts the bounding set: what no program in the container can ever gain, capabilities(7). */
function cutBoundingSet(program: Program, keep: readonly string[]): void {
  CAPABILITY_NAMES.forEach((name, number) => {
    if (keep.includes(name)) return;
    // EINVAL: this kernel is older than the capability
    program.call(`no program in here can ever have ${name}`, { allow: ["EINVAL"] })
      .prctl(PR.CAPBSET_DROP, number, 0, 0, 0);
  });
}

/**
 * Becomes the spec's user.
 *
 * @param mayChangeGroups false in a user namespace whose `setgroups` file says `deny`
 */
function becomeUser(
  program: Program,
  { user }: Process,
  mayChangeGroups: boolean | "perhaps",
): void {
  const groups = user.additionalGids ?? [];
  program.call("changing the user shall not drop the capabilities that are set below")
    .prctl(PR.SET_KEEPCAPS, 1, 0, 0, 0);
  if (mayChangeGroups) {
    const allow = mayChangeGroups === "perhaps" && !groups.length ? ["EPERM"] : [];
    program.call("these groups and no others: root's own would go along otherwise", { allow })
      .setgroups(groups.length, groups.length ? ints(groups) : null);
  }
  program.call("the group, while the process still may change it")
    .setresgid(user.gid, user.gid, user.gid);
  program.call("the user, and with it the right to become another")
    .setresuid(user.uid, user.uid, user.uid);
  program.call("from here on execve(2) has its usual rules").prctl(PR.SET_KEEPCAPS, 0, 0, 0, 0);
}

const CAPABILITY_VERSION_3 = 0x20080522;

/** Sets the capability sets of the process, capget(2). */
export function setCapabilities(program: Program, capabilities: LinuxCapabilities): void {
  const { effective = [], permitted = [], inheritable = [], ambient = [] } = capabilities;
  const header: Struct = {
    bytes: new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer),
    text: "{_LINUX_CAPABILITY_VERSION_3, 0}",
  };
  const masks = [effective, permitted, inheritable].map(capabilityMask);
  const words = [0n, 32n].flatMap((shift) =>
    masks.map((mask) => Number(mask >> shift & 0xffffffffn))
  );
  const text = ["effective", "permitted", "inheritable"]
    .map((set, i) => `${set}=0x${masks[i].toString(16)}`).join(", ");
  program.call("what the process may do of all that root may").capset(header, {
    bytes: new Uint8Array(new Uint32Array(words).buffer),
    text: `{${text}}`,
  });
  program.call("none is kept by a program without file capabilities...", { allow: ["EINVAL"] })
    .prctl(PR.CAP_AMBIENT, PR_CAP_AMBIENT.CLEAR_ALL, 0, 0, 0);
  // the kernel lets only those be raised that are in both other sets; runc passes over the rest too
  for (const name of ambient) {
    if (!permitted.includes(name) || !inheritable.includes(name)) continue;
    program.call(`...but ${name}`)
      .prctl(PR.CAP_AMBIENT, PR_CAP_AMBIENT.RAISE, CAPABILITY_NAMES.indexOf(name), 0, 0);
  }
}

/** Forbids gaining rights by execve(2). */
function setNoNewPrivileges(program: Program): void {
  program.call("setuid bits and file capabilities have no effect from here on")
    .prctl(PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/**
 * Installs the filter of system calls, seccomp(2).
 *
 * @param listens whether some calls are somebody else's to decide on
 * @returns what seccomp(2) gives: where somebody listens, the descriptor for it
 */
export function installFilter(
  program: Program,
  { filter, flags }: SeccompFilter,
  listens = false,
): Ref {
  const { arena } = program;
  const count = filter.length / 8;
  const sockFprog = arena.allocate(16, "filter");
  sockFprog.text = `{len=${count}}`;
  arena.setWord(sockFprog.address, count);
  arena.setWord(sockFprog.address + 8, arena.copy(filter));
  const why = "every system call from here on has to pass the filter; nothing can take it off";
  return program.call(why, listens ? { name: "listener" } : {})
    .seccomp(SECCOMP_SET_MODE.FILTER, flags, sockFprog);
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What the container's program may be called in full: as given, or in each directory of PATH once. */
export function candidates(process: Process): string[] {
  const [name = ""] = process.args ?? [];
  if (name.includes("/")) return [name];
  const path = process.env?.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ??
    DEFAULT_PATH;
  return [...new Set(path.split(":").map((directory) => `${directory || "."}/${name}`))];
}

/** What execvp(3) takes for "look further"; EACCES is remembered in the step's own slot. */
export const LOOK_FURTHER = ["ENOENT", "ENOTDIR", "EACCES", "ESTALE", "ENODEV", "ETIMEDOUT"];

/** Becomes the container's program: one execve(2) for each directory of PATH, until one succeeds. */
export function execute(program: Program, process: Process): void {
  const paths = candidates(process);
  const environment = process.env ?? [];
  paths.forEach((path, i) => {
    const isLast = i === paths.length - 1;
    const why = isLast
      ? "the process becomes the container's program"
      : "the program, if it is in this directory of PATH";
    const allow = isLast ? [] : LOOK_FURTHER;
    program.call(why, { allow }).execve(path, process.args!, environment);
  });
}

/**
 * Limits, rights, user, filter, and the program itself.
 *
 * @param kept descriptors that the program gets from whoever starts it
 * @returns the filter's descriptor
 */
export function becomeProcess(
  program: Program,
  request: ProcessRequest,
  kept?: Kept,
): Ref | undefined {
  const { spec, seccomp, chapters = {} } = request;
  const { process } = spec;
  program.phase("the process", 7);
  hideExecutable(program, request.executable);
  setLimits(program, process);
  chapters.traits?.setTraits(program, process, spec.linux?.personality);
  resetSignals(program, request.ignoredSignals);
  if (!request.keepsKeyring) leaveKeyring(program);

  program.phase("rights", 13);
  let listener: Ref | undefined;
  const filter = () => {
    listener = installFilter(program, seccomp!, chapters.listens);
    if (chapters.listens) announceListener(program);
  };
  // a filter set by a process that can still gain rights needs CAP_SYS_ADMIN
  const filterFirst = seccomp && !process.noNewPrivileges;
  if (filterFirst) filter();
  const capabilities = process.capabilities ?? {};
  cutBoundingSet(program, capabilities.bounding ?? []);
  // in a namespace that is somebody else's, whether it may is seen when it is tried
  const isJoined = namespaceOf(spec, "user")?.path !== undefined;
  becomeUser(program, process, isJoined ? "perhaps" : request.mayChangeGroups);
  program.call("to where the program starts, with the user's own rights").chdir(process.cwd);
  setCapabilities(program, capabilities);
  if (request.dieWithParent) {
    tieToParent(program);
    checkParent(program, "changing the user had untied it; is the parent still there?");
  }
  program.call("what the program itself creates gets the usual modes").umask(
    process.user.umask ?? 0o022,
  );
  if (process.noNewPrivileges) setNoNewPrivileges(program);
  if (seccomp && !filterFirst) filter();
  const { hooks, gate } = chapters;
  gate?.write.lookForProgram(program, process);
  gate?.write.waitAtGate(program);
  hooks?.write.runHooks(
    program,
    "startContainer",
    spec.hooks!.startContainer ?? [],
    hooks.subject,
  );

  program.phase("the program", 7);
  kept?.giveBack();
  execute(program, process);
  program.end();
  return listener;
}
