/**
 * A process in between: it enters the namespaces that a process can only give to its children, and
 * makes the container's first process in them.
 *
 * Whoever joins a PID namespace stays in its own; the next child is in the other (setns(2)). And
 * what is made new belongs to the user namespace that its maker is in (user_namespaces(7)), so one
 * that is joined has to be joined before. This process has nothing of Deno's threads, so it may do
 * both, and then it is gone: CLONE_PARENT makes its child a child of its own parent.
 *
 * The order is that of rights. Everything is joined before the user namespace where the host's root
 * starts the container: afterwards it has no right to what belongs to other namespaces. An ordinary
 * user has no right to anything before, so it joins the user namespace first. A mount namespace is
 * joined last of all, by the container's first process: behind it the host's files are gone.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import type { Ref } from "../../ffi/memory.ts";
import type { Label, Program, Step } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import type { CgroupPlan } from "../cgroups/plan.ts";
import type { LinuxNamespace, Spec } from "../spec.ts";
import { joinCgroup } from "./cgroup.ts";
import { jump } from "./jump.ts";
import { checkParent, tieToParent } from "./line.ts";
import { cloneFlags, hasNew, NAMESPACE_FLAGS, namespaceOf } from "./namespaces.ts";

/** waitpid(2)'s `__WALL`. */
const ANY_CHILD = 0x40000000;

/** Whether a container's first process has to be made by one in between. */
export function needsBetween(spec: Spec): boolean {
  const joined = spec.linux?.namespaces?.filter(({ path }) => path) ?? [];
  return joined.some(({ type }) => type === "pid" || type === "user") ||
    (joined.length > 0 && hasNew(spec, "user"));
}

/** What is passed on. */
export interface Passage {
  /** what the container is */
  spec: Spec;
  /** its control group, which this process enters while it has the right to */
  cgroup?: CgroupPlan;
  /** whether the container is killed when the process that starts it dies */
  dieWithParent: boolean;
  /** whether an ordinary user starts it, who has no rights before it is in the user namespace */
  isOrdinaryUser: boolean;
}

/** What the container's first process and the parent's part go on with. */
export interface Passed {
  /** the step that makes the container's first process */
  clone: Step;
  /** the mount namespace that is still to be joined */
  mount?: Ref;
}

/** Writes down the process in between, to the point where the container's first process goes on. */
export function passBetween(program: Program, passage: Passage): Passed {
  const { spec, cgroup, dieWithParent, isOrdinaryUser } = passage;
  if (cgroup) {
    program.phase("limits: the control group", 4);
    joinCgroup(program, cgroup);
  }
  program.phase("namespaces", 2);
  const opened = open(program, spec);
  const user = opened.filter(({ type }) => type === "user");
  const mount = opened.find(({ type }) => type === "mount");
  const others = opened.filter(({ type }) => type !== "user" && type !== "mount");
  for (const { type, fd } of isOrdinaryUser ? [...user, ...others] : [...others, ...user]) {
    const why = type === "pid"
      ? "the next child of this process will be in that pid namespace"
      : `from here on this process is in that ${type} namespace`;
    program.call(why).setns(fd, NAMESPACE_FLAGS[type]);
    program.call("being in it does not need the descriptor").close(fd);
  }
  const leave = program.label();
  const struct = cloneArgs(cloneFlags(spec) + CLONE.PARENT + CLONE.CLEAR_SIGHAND);
  program.call("the container's first process, a child of this one's parent", {
    name: "pid",
    fork: { parent: leave },
  }).clone3(struct, struct.bytes.length);
  const clone = program.steps.at(-1)!;
  const on = program.label();
  jump(program, on, "the container's first process goes on");
  program.place(leave);
  program.call("the process in between has done its work")._exit(0);
  program.place(on);
  if (dieWithParent) tieToParent(program);
  checkParent(program, "is the parent still there? If not, this fails, and the child ends");
  return { clone, mount: mount?.fd };
}

function open(program: Program, spec: Spec): (LinuxNamespace & { fd: Ref })[] {
  return (spec.linux?.namespaces ?? []).filter(({ path }) => path).map((namespace) => ({
    ...namespace,
    fd: program.call(`the ${namespace.type} namespace that the container shares`, {
      name: namespace.type,
    }).open(namespace.path!, O.RDONLY | O.CLOEXEC, 0),
  }));
}

/** The first process's part: root of the user namespace that was joined, and the mounts to share. */
export function arrive(program: Program, spec: Spec, { mount }: Passed): void {
  program.phase("namespaces", 2);
  if (namespaceOf(spec, "user")?.path) {
    program.call("the joined namespace's own root group…").setresgid(0, 0, 0);
    program.call("…and user: the host's ids may not be there at all").setresuid(0, 0, 0);
  }
  if (!mount) return;
  program.call("from here on the process sees the mounts of that namespace")
    .setns(mount, CLONE.NEWNS);
  program.call("being in it does not need the descriptor").close(mount);
}

/**
 * The part of a monitor, which is the parent here: it looks after the container's first process, and
 * not after the one in between.
 *
 * @param parent where the monitor goes on when it has made the process in between
 * @param pidfd where it keeps a descriptor of the one that it looks after
 */
export function lookAfter(
  program: Program,
  parent: Label,
  { between, clone, pidfd }: { between: Step; clone: Step; pidfd: Ref },
): void {
  program.phase("namespaces", 2);
  program.place(parent);
  program.call("the process in between ends as soon as it has made the container's first process")
    .waitpid(between.result, null, ANY_CHILD);
  program.call("it is that one which is looked after").close(pidfd);
  const first = program.call("a descriptor of it", { name: "pidfd" })
    .pidfd_open(clone.result, 0);
  program.call("in place of the other").memcpy(pidfd.address, first.address, 4);
}
