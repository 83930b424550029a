/**
 * What a call has changed: two views of a process, compared.
 *
 * @module
 */

import { MS, PR } from "../../ffi/constants.ts";
import { Ref } from "../../ffi/memory.ts";
import type { Step } from "../../ffi/program.ts";
import { type Section, SECTIONS, type View } from "./look.ts";

/** Something that is otherwise than before, or that a call has left as it was. */
export interface Change {
  /** the part of the view */
  section: Section;
  /** what it is */
  name: string;
  /** its value before; absent for what is new */
  before?: string;
  /** its value now; absent for what is gone */
  after?: string;
}

/** What differs between two views, in the order of the sections. */
export function compare(before: View, after: View): Change[] {
  return SECTIONS.flatMap((section) => {
    const [old, now] = [before[section], after[section]];
    const names = new Set([...old.keys(), ...now.keys()]);
    return [...names].filter((name) => old.get(name) !== now.get(name))
      .map((name) => ({ section, name, before: old.get(name), after: now.get(name) }));
  });
}

/** Changes one after the other as one: what was undone again is left out. */
export function merge(changes: readonly Change[]): Change[] {
  const all = new Map<string, Change>();
  for (const change of changes) {
    const key = `${change.section} ${change.name}`;
    const first = all.get(key);
    all.set(key, first ? { ...change, before: first.before } : change);
  }
  return [...all.values()].filter(({ before, after }) => before !== after)
    .sort((a, b) => SECTIONS.indexOf(a.section) - SECTIONS.indexOf(b.section));
}

/** Calls that ask, say, wait or prepare: nothing that is shown of the kernel's state changes. */
const IDLE: readonly string[] = ["memcpy", "memset", "send", "sendmsg", "recv", "recvmsg", "read"]
  .concat(
    "poll",
    "access",
    "labs",
    "snprintf",
    "waitpid",
    "getpid",
    "kill",
    "clock_gettime",
    "munmap",
  );

/** Whether a call is made to change something. */
export function isMeantToChange({ name }: Step): boolean {
  return !IDLE.includes(name);
}

/**
 * What a call has left as it was: who sets what is set already changes nothing, and wants to see it.
 *
 * @param now the process after the call
 */
export function unchanged(step: Step, now: View): Change[] {
  return subjectsOf(step).flatMap(([section, name]) => {
    const values = name === undefined
      ? [...now[section]]
      : [[name, now[section].get(name)] as const];
    return values.flatMap(([name, value]) =>
      value === undefined ? [] : [{ section, name, before: value, after: value }]
    );
  });
}

type Subject = [section: Section, name?: string];

/** What a call is about. */
function subjectsOf({ name, args }: Step): Subject[] {
  switch (name) {
    case "mount":
      return Number(args[3]) & (MS.PRIVATE | MS.SLAVE | MS.SHARED)
        ? [["root", "mounts that are shared"]]
        : [["mounts", String(args[1])]];
    case "mount_setattr":
    case "fsconfig":
      return args[0] instanceof Ref
        ? [["descriptors", String(args[0].value)]]
        : [["mounts", String(args[1])]];
    case "dup3":
      return [["descriptors", String(args[1])]];
    case "chdir":
    case "fchdir":
    case "chroot":
      return [["root", "working directory"]];
    case "setresuid":
      return [["ids", "user"]];
    case "setresgid":
      return [["ids", "group"]];
    case "setgroups":
      return [["ids", "further groups"]];
    case "umask":
      return [["process", "umask"]];
    case "sigprocmask":
      return [["process", "blocked signals"]];
    case "rt_sigaction":
      return [["process", "ignored signals"]];
    case "sethostname":
      return [["names", "host name"]];
    case "setdomainname":
      return [["names", "domain name"]];
    case "setsid":
      return [["process", "session"]];
    case "keyctl":
      return [["process", "session keyring"]];
    case "write":
      return [["files"], ["parameters"], ["process", "score for the OOM killer"], ["maps"]];
    case "open":
    case "mkdir":
    case "mknod":
      return [["files"]];
    case "ioctl":
      return [["network"]];
    case "capset":
      return [["rights", "permitted"], ["rights", "effective"]];
    case "prctl":
      return subjectsOfPrctl(Number(args[0]));
    case "prlimit":
      return [["limits"]];
    case "setpriority":
      return [["process", "nice"]];
    case "sched_setaffinity":
      return [["limits", "CPUs"]];
    case "personality":
      return [["process", "personality"]];
    default:
      return [];
  }
}

function subjectsOfPrctl(operation: number): Subject[] {
  switch (operation) {
    case PR.CAPBSET_DROP:
      return [["rights", "bounding set"]];
    case PR.CAP_AMBIENT:
      return [["rights", "ambient"]];
    case PR.SET_KEEPCAPS:
      return [["rights", "capabilities are kept when the user changes"]];
    case PR.SET_SECUREBITS:
      return [["rights", "securebits"]];
    case PR.SET_NO_NEW_PRIVS:
      return [["rights", "no_new_privs"]];
    default:
      return [["process", "signal at the parent's death"]];
  }
}
