/**
 * The birth of a container, from the first directory to its program: read it from top to bottom.
 *
 * {@linkcode writeBirth} writes down every call of it, the parent's and the child's, as one program
 * (ffi/program.ts). The same program is printed by `--explain`, followed by `--trace`, and walked
 * by `run`.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Program, Step } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import type { CgroupPlan } from "../cgroups/plan.ts";
import type { NetworkPart } from "../network/choice.ts";
import type { Process, Spec } from "../spec.ts";
import { joinCgroup, makeCgroup } from "./cgroup.ts";
import { allDevices, makeDevices, openTerminal, pickUpDevices, takeTerminal } from "./devices.ts";
import { writeFile } from "./files.ts";
import type { Monitor, MonitorRequest } from "./monitor.ts";
import { writeIdentity } from "./identity.ts";
import {
  checkParent,
  closeFrom,
  connect,
  LINE,
  makeLine,
  SAYS,
  TERMINAL_LINE,
  tieToParent,
  waitForAnswer,
  waitForMaps,
  writeFailure,
} from "./line.ts";
import {
  isBind,
  makeDetached,
  makeMount,
  makeReadOnly,
  maskPath,
  type MountContext,
  pickUpBinds,
  protectPath,
} from "./mounts.ts";
import {
  bringUpLoopback,
  cloneFlags,
  hasNew,
  joinNamespaces,
  setNames,
  sysctlPath,
} from "./namespaces.ts";
import { makeDirectories } from "./paths.ts";
import {
  becomeUser,
  cutBoundingSet,
  execute,
  installFilter,
  leaveKeyring,
  resetSignals,
  type SeccompFilter,
  setCapabilities,
  setLimits,
  setNoNewPrivileges,
  setOomScore,
} from "./process.ts";
import { makePrivate, mountRoot, pivot, type RootSource, setRootPropagation } from "./rootfs.ts";

/** Everything that a birth is written from; nothing of it is touched by writing. */
export interface BirthRequest {
  /** what the container is; `process` must be there */
  spec: Spec & { process: Process };
  /** where its root comes from */
  root: RootSource;
  /** the file that says which process answers for the container, as long as it lasts */
  claim: { path: string; content: string };
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
  /** says of a path of the host's whether it is something else than a directory */
  isFile: (path: string) => boolean;
  /** whether the kernel lets the container set its groups: not in a user namespace of one id */
  mayChangeGroups: boolean;
  /** false: its standard input is /dev/null, unless it has a terminal */
  hasInput: boolean;
  /** whether the container is killed when the process that starts it dies */
  dieWithParent: boolean;
  /** the file that will say who its first process is */
  processFile: string;
  /** makes a monitor its parent, which stays with it when this process has ended */
  monitor?: { request: MonitorRequest; write: typeof import("./monitor.ts") };
}

/** A birth as written, and what the parent needs of it. */
export interface Birth {
  /** the calls of parent and child, in order */
  program: Program;
  /** the step that makes the child: what is before it the parent does, what is after it the child */
  clone: Step;
  /** the two ends of the line between parent and child, as socketpair(2) leaves them */
  line: Memory;
  /** the parent's descriptor of the cgroup that the child is born in */
  cgroup?: Ref;
  /** the step that makes the monitor, between the parent's part and the child's */
  monitor?: Step;
  /** whether the child waits for the parent to write its user and group maps */
  waitsForMaps: boolean;
}

/** The exit status of a child that could not become its program: Docker's for its own failures. */
const SETUP_FAILED = 125;

/** Writes down the whole birth of a container; nothing is touched. */
export function writeBirth(program: Program, request: BirthRequest): Birth {
  const { spec } = request;
  const inUserNamespace = hasNew(spec, "user");

  program.phase("a place for the container", 7);
  const claimed = "who answers for the container: when that process is gone, others clear it away";
  writeFile(program, request.claim.path, request.claim.content, claimed, {
    flags: O.CREAT | O.EXCL,
    mode: 0o600,
  });
  for (const { path, mode, why, shared } of request.directories) {
    program.call(why, shared ? { allow: ["EEXIST"] } : {}).mkdir(path, mode);
  }
  for (const { path, content, why } of request.files) {
    writeFile(program, path, content, why, { flags: O.CREAT | O.TRUNC, mode: 0o644 });
  }

  const line = makeLine(program);
  const { request: watching, write } = request.monitor ?? {};
  const monitor = watching &&
    write!.becomeMonitor(program, watching, line, spec.process.terminal ?? false);

  program.phase("limits: the control group", 4);
  const cgroup = request.cgroup && makeCgroup(program, request.cgroup);

  program.phase("namespaces", 2);
  const flags = cloneFlags(spec) + (cgroup ? CLONE.INTO_CGROUP : 0) +
    (monitor ? CLONE.PIDFD : 0);
  const args = program.arena.allocate(88, "clone_args");
  const struct = cloneArgs(flags);
  args.bytes.set(struct.bytes);
  args.text = cgroup ? struct.text.replace("}", ", cgroup=cgroup}") : struct.text;
  if (cgroup) {
    program.call("which cgroup to be born in").memcpy(args.address + 80, cgroup.address, 4);
  }
  if (monitor) program.arena.setWord(args.address + 8, monitor.pidfd.address);
  const pid = program.call("the child: a copy of this process, but in new namespaces", {
    name: "pid",
    fork: { parent: monitor?.watch },
  })
    .clone3(args, args.bytes.length);
  const clone = program.steps.at(-1)!;

  if (monitor) leaveMonitor(program, monitor, write!);
  else connect(program, line, request.dieWithParent);
  writeIdentity(program, request.processFile);
  if (inUserNamespace) waitForMaps(program);
  enterNamespaces(program, request, inUserNamespace);
  buildRoot(program, request, inUserNamespace);
  furnish(program, request);
  becomeProcess(program, request);
  writeFailure(program, SETUP_FAILED);
  if (monitor) write!.watch(program, watching!, monitor, { pid, cgroup });
  return {
    program,
    clone,
    line,
    cgroup: monitor ? undefined : cgroup,
    monitor: monitor?.clone,
    waitsForMaps: inUserNamespace,
  };
}

/** The child's first steps where a monitor is its parent, which has closed most already. */
function leaveMonitor(
  program: Program,
  monitor: Monitor,
  { takeStreams }: typeof import("./monitor.ts"),
): void {
  tieToParent(program);
  takeStreams(program, monitor);
  closeFrom(program, (monitor.terminal ? TERMINAL_LINE : LINE) + 1);
  checkParent(program, "does whoever starts it still wait? If not, this fails, and the child ends");
}

function enterNamespaces(program: Program, request: BirthRequest, inUserNamespace: boolean): void {
  const { spec, cgroup } = request;
  program.phase("limits: the control group", 4);
  // a process in a user namespace has no right to the host's files; the parent moves it instead
  if (cgroup && !inUserNamespace) joinCgroup(program, cgroup);
  program.phase("namespaces", 2);
  if (hasNew(spec, "cgroup")) {
    program.call("a cgroup namespace: the container's own cgroup looks like the root of all")
      .unshare(CLONE.NEWCGROUP);
  }
  joinNamespaces(program, spec);
  program.call("a session of its own: no terminal of the host's controls it").setsid();
}

/** The root, the mounts and the devices. */
function buildRoot(program: Program, request: BirthRequest, inUserNamespace: boolean): void {
  const { spec, root } = request;
  const mounts = spec.mounts ?? [];
  // a spec that binds the host's /dev wants it as it is
  const makesDevices = !mounts.some((mount) => mount.destination === "/dev" && isBind(mount));
  const devices = allDevices(spec.linux?.devices);

  program.phase("root file system", 3);
  program.call("files get exactly the modes that are written here").umask(0);
  const binds = pickUpBinds(program, mounts, request.isFile);
  if (inUserNamespace) makeDetached(program, mounts, binds);
  const nodes = makesDevices && inUserNamespace ? pickUpDevices(program, devices) : undefined;
  makePrivate(program);
  mountRoot(program, root);
  pivot(program);

  program.phase("mounts", 6);
  const context: MountContext = {
    binds,
    cgroup: request.cgroup,
    isThrownAway: root.kind === "overlay",
    made: new Set(),
  };
  for (const mount of mounts) makeMount(program, mount, context);

  program.phase("devices", 3);
  if (makesDevices) makeDevices(program, devices, nodes, context.made);
  if (spec.process.terminal) {
    const { height = 24, width = 80 } = spec.process.consoleSize ?? {};
    const terminal = openTerminal(program, {
      socket: request.monitor ? TERMINAL_LINE : LINE,
      byte: SAYS.terminal,
      rows: height,
      columns: width,
      owner: spec.process.user.uid,
    }, context.made);
    takeTerminal(program, terminal);
  } else if (!request.hasInput && !request.monitor?.request.keepsInput) closeInput(program);
  makeDirectories(program, spec.process.cwd, context.made);
}

/** Gives the process an input that is at its end. */
function closeInput(program: Program): void {
  const input = program.call("an input that is at its end", { name: "input" })
    .open("/dev/null", O.RDONLY | O.CLOEXEC, 0);
  program.call("in place of what this command itself reads from").dup3(input, 0, 0);
}

/** Names, kernel parameters, and what must not be seen or changed. */
function furnish(program: Program, request: BirthRequest): void {
  const { spec } = request;
  const { sysctl = {}, readonlyPaths = [], maskedPaths = [], rootfsPropagation } = spec.linux ?? {};
  program.phase("names and parameters", 2);
  setNames(program, spec);
  if (hasNew(spec, "network")) bringUpLoopback(program);
  if (request.network) {
    program.phase("network: the container's side");
    waitForAnswer(program, SAYS.network, "the cables are put in from outside");
    request.network.setUp(program);
    program.phase("names and parameters", 2);
  }
  for (const [name, value] of Object.entries(sysctl)) {
    writeFile(
      program,
      `/proc/sys/${sysctlPath(name)}`,
      value,
      `the kernel parameter ${name}, of its namespaces only`,
    );
  }
  setOomScore(program, spec.process);

  program.phase("what must not be seen or written", 13);
  for (const path of readonlyPaths) protectPath(program, path);
  for (const path of maskedPaths) maskPath(program, path);
  if (spec.root?.readonly) {
    makeReadOnly(program, "/", "the spec wants a root that cannot be written");
  }
  setRootPropagation(program, rootfsPropagation);
}

/** Limits, rights, user, filter, and the program itself. */
function becomeProcess(program: Program, request: BirthRequest): void {
  const { spec: { process }, seccomp } = request;
  program.phase("the process", 7);
  setLimits(program, process);
  resetSignals(program, request.ignoredSignals);
  leaveKeyring(program);

  program.phase("rights", 13);
  // a filter set by a process that can still gain rights needs CAP_SYS_ADMIN
  const filterFirst = seccomp && !process.noNewPrivileges;
  if (filterFirst) installFilter(program, seccomp);
  const capabilities = process.capabilities ?? {};
  cutBoundingSet(program, capabilities.bounding ?? []);
  becomeUser(program, process, request.mayChangeGroups);
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
  if (seccomp && !filterFirst) installFilter(program, seccomp);

  program.phase("the program", 7);
  execute(program, process);
  program.end();
}
