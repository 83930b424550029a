/**
 * What a birth is written from, and what is left of the writing for whoever carries it out.
 *
 * @module
 */

import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Program, Step } from "../../ffi/program.ts";
import type { CgroupPlan } from "../cgroups/plan.ts";
import type { NetworkPart } from "../network/choice.ts";
import type { Process, Spec } from "../spec.ts";
import type { Chapters } from "./chapters.ts";
import type { OwnExecutable } from "./executable.ts";
import type { MonitorRequest } from "./monitor.ts";
import type { SeccompFilter } from "./process.ts";
import type { RootSource } from "./rootfs.ts";

/** Everything that a birth is written from; nothing of it is touched by writing. */
export interface BirthRequest {
  /** what the container is; `process` must be there */
  spec: Spec & { process: Process };
  /** where its root comes from */
  root: RootSource;
  /** the file that says which process answers for the container, as long as it lasts */
  claim?: { path: string; content: string };
  /** directories of the host's to make first, parents before children; `shared` ones may be there */
  directories: { path: string; mode: number; why: string; shared?: boolean }[];
  /** files of the host's to write next */
  files: { path: string; content: string; why: string }[];
  /** its control group */
  cgroup?: CgroupPlan;
  /** its network beyond loopback, which the parent makes while the child builds its root */
  network?: NetworkPart;
  /** its filter of system calls */
  seccomp?: SeccompFilter;
  /** the signals that this process ignores, see {@linkcode ignoredSignals} */
  ignoredSignals: readonly number[];
  /** this process's own executable, which its copies are to lose, see {@linkcode ownExecutable} */
  executable: OwnExecutable;
  /** says of a path of the host's whether it is something else than a directory */
  isFile: (path: string) => boolean;
  /** whether the kernel lets the container set its groups: not in a user namespace of one id */
  mayChangeGroups: boolean;
  /** false: its standard input is /dev/null, unless it has a terminal */
  hasInput: boolean;
  /** whether the container is killed when the process that starts it dies */
  dieWithParent: boolean;
  /** the file that will say who its first process is */
  processFile?: string;
  /** makes a monitor its parent, which stays with it when this process has ended */
  monitor?: { request: MonitorRequest; write: typeof import("./monitor.ts") };
  /** whether it stays in the session keyring of whoever starts it */
  keepsKeyring?: boolean;
  /** what few containers need: the chapters that its spec asks for */
  chapters?: Chapters;
}

/** What the last part of a birth is written from; a further process of a container has no other. */
export type ProcessRequest = Pick<
  BirthRequest,
  | "spec"
  | "seccomp"
  | "ignoredSignals"
  | "executable"
  | "mayChangeGroups"
  | "dieWithParent"
  | "keepsKeyring"
  | "chapters"
>;

/** A birth as written, and what the parent needs of it. */
export interface Birth {
  /** the calls of parent and child, in order */
  program: Program;
  /** the step that makes the child: what is before it the parent does, what is after it the child */
  clone: Step;
  /** the step that makes the process in between, whose first and only deed is the child */
  between?: Step;
  /** the two ends of the line between parent and child, as socketpair(2) leaves them */
  line: Memory;
  /** the parent's descriptor of the cgroup that the child is born in */
  cgroup?: Ref;
  /** the step that makes the monitor, between the parent's part and the child's */
  monitor?: Step;
  /** the parent's lock on a container that is new, and gets a monitor */
  lock?: Ref;
  /** whether the child waits for the parent to write its user and group maps */
  waitsForMaps: boolean;
  /** whether whoever writes its maps moves it into its control group as well */
  joinsWithMaps: boolean;
  /** the child's descriptor of its filter, for those who are asked about calls */
  listener?: Ref;
}
