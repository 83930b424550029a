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
import type { Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import type { Mount } from "../spec.ts";
import type { Passed } from "./between.ts";
import { joinCgroup, makeCgroup } from "./cgroup.ts";
import {
  allDevices,
  makeConsole,
  makeDevices,
  openTerminal,
  pickUpDevices,
  takeTerminal,
} from "./devices.ts";
import { writeFile } from "./files.ts";
import type { Monitor } from "./monitor.ts";
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
  pickUpGroups,
  protectPath,
} from "./mounts.ts";
import {
  bringUpLoopback,
  cloneFlags,
  hasNew,
  joinNamespaces,
  namespaceOf,
  setNames,
  sysctlPath,
} from "./namespaces.ts";
import { makeDirectories } from "./paths.ts";
import { becomeProcess, setOomScore } from "./process.ts";
import type { Birth, BirthRequest } from "./request.ts";
import { enterRoot, makePrivate, mountRoot, setRootPropagation } from "./rootfs.ts";

export type { Birth, BirthRequest };

/** The exit status of a child that could not become its program: Docker's for its own failures. */
const SETUP_FAILED = 125;

/** Writes down the whole birth of a container; nothing is touched. */
export function writeBirth(program: Program, request: BirthRequest): Birth {
  const { spec, chapters = {}, dieWithParent } = request;
  const { between, parcels, gate } = chapters;
  const kept = chapters.keeps?.(program);
  const waitsForMaps = hasNew(spec, "user");

  program.phase("a place for the container", 7);
  makePlace(program, request);
  const line = makeLine(program);
  parcels?.sendParcels(program, spec, request.root, line);
  const { request: watching, write } = request.monitor ?? {};
  const monitor = watching &&
    write!.becomeMonitor(program, watching, line, {
      hasTerminal: spec.process.terminal ?? false,
      isNew: request.directories.some(({ path }) => path === watching.directory),
    });

  program.phase("limits: the control group", 4);
  // where systemd makes the groups, it takes the child into one of them later
  const own = chapters.isInScope ? undefined : request.cgroup;
  const cgroup = own && makeCgroup(program, own);

  program.phase("namespaces", 2);
  const flags = (between ? 0 : cloneFlags(spec) + CLONE.CLEAR_SIGHAND) +
    (cgroup ? CLONE.INTO_CGROUP : 0) +
    (monitor ? CLONE.PIDFD : 0);
  const args = program.arena.allocate(88, "clone_args");
  const struct = cloneArgs(flags);
  args.bytes.set(struct.bytes);
  args.text = () => cgroup ? struct.text.replace("}", ", cgroup=cgroup}") : struct.text;
  if (cgroup) {
    program.call("which cgroup to be born in").memcpy(args.address + 80, cgroup.address, 4);
  }
  if (monitor) program.arena.setWord(args.address + 8, monitor.pidfd.address);
  const looksAfter = monitor && between && program.label();
  const why = between
    ? "a process in between: what it joins, only its own child is in from the beginning"
    : "the child: a copy of this process, but in new namespaces";
  program.call(why, { name: "pid", fork: { parent: looksAfter ?? monitor?.watch } })
    .clone3(args, args.bytes.length);
  const made = program.steps.at(-1)!;

  if (monitor) leaveMonitor(program, monitor, write!);
  else connect(program, line, dieWithParent, { kept, gate });
  const { isOrdinaryUser = false } = chapters;
  const passed = between?.passBetween(program, {
    spec,
    cgroup: own,
    dieWithParent,
    isOrdinaryUser,
  });
  const clone = passed?.clone ?? made;
  const parcelled = parcels?.takeParcels(program, spec) ?? new Map();
  if (request.processFile !== undefined) writeIdentity(program, request.processFile);
  // as long as this process is the user that it was: /proc/self is nobody's after a change
  chapters.clocks?.shiftClocks(program, spec.linux?.timeOffsets);
  if (passed) between!.arrive(program, spec, passed);
  if (waitsForMaps) waitForMaps(program);
  enterNamespaces(program, request, passed);
  buildRoot(program, request, parcelled);
  furnish(program, request);
  const listener = becomeProcess(program, request, kept);
  writeFailure(program, SETUP_FAILED, { kept, gate });
  if (looksAfter) {
    between!.lookAfter(program, looksAfter, { between: made, clone, pidfd: monitor.pidfd.at(0) });
  }
  if (monitor) write!.watch(program, watching!, monitor, { pid: clone.result, cgroup });
  return {
    program,
    clone,
    between: passed && made,
    line,
    cgroup: monitor ? undefined : cgroup,
    monitor: monitor?.clone,
    lock: monitor?.lock,
    waitsForMaps,
    joinsWithMaps: own !== undefined && !passed,
    listener,
  };
}

/** Says who answers for the container, and makes what is to be there before it. */
function makePlace(program: Program, { claim, directories, files }: BirthRequest): void {
  if (claim) {
    const why = "who answers for the container: when that process is gone, others clear it away";
    writeFile(program, claim.path, claim.content, why, {
      flags: O.CREAT | O.EXCL,
      mode: 0o600,
    });
  }
  for (const { path, mode, why, shared } of directories) {
    program.call(why, shared ? { allow: ["EEXIST"] } : {}).mkdir(path, mode);
  }
  for (const { path, content, why } of files) {
    writeFile(program, path, content, why, { flags: O.CREAT | O.TRUNC, mode: 0o644 });
  }
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

function enterNamespaces(
  program: Program,
  { spec, cgroup, chapters = {} }: BirthRequest,
  passed: Passed | undefined,
): void {
  program.phase("limits: the control group", 4);
  if (chapters.isInScope) {
    waitForAnswer(program, SAYS.scope, "systemd makes the group, and moves this process into it");
  } else if (cgroup && !passed && !hasNew(spec, "user")) {
    // a process in a user namespace has no right to the host's files; the parent moves it instead
    joinCgroup(program, cgroup);
  }
  program.phase("namespaces", 2);
  if (hasNew(spec, "cgroup")) {
    program.call("a cgroup namespace: the container's own cgroup looks like the root of all")
      .unshare(CLONE.NEWCGROUP);
  }
  if (!passed) joinNamespaces(program, spec);
  program.call("a session of its own: no terminal of the host's controls it").setsid();
}

/** The root, the mounts and the devices. */
function buildRoot(program: Program, request: BirthRequest, parcelled: Map<Mount, Ref>): void {
  const { spec, root, chapters = {} } = request;
  const { hooks, parcels } = chapters;
  const mounts = spec.mounts ?? [];
  const inUserNamespace = namespaceOf(spec, "user") !== undefined;
  // a spec that binds the host's /dev wants it as it is
  const makesDevices = !mounts.some((mount) => mount.destination === "/dev" && isBind(mount));
  const devices = allDevices(spec.linux?.devices);

  program.phase("root file system", 3);
  program.call("files get exactly the modes that are written here").umask(0);
  if (chapters.fillsVolumes) {
    waitForAnswer(program, SAYS.volumes, "its new volumes get what the image has in their places");
  }
  const own = parcels ? mounts.filter((mount) => !parcelled.has(mount)) : mounts;
  const binds = pickUpBinds(program, own, request.isFile);
  for (const [mount, fd] of parcelled) {
    binds.set(mount, { fd, isFile: isBind(mount) && request.isFile(mount.source!) });
  }
  const { cgroup } = request;
  const sharesGroups = cgroup && !namespaceOf(spec, "cgroup") &&
    mounts.some(({ type }) => type === "cgroup");
  const groups = sharesGroups ? pickUpGroups(program, cgroup) : undefined;
  if (inUserNamespace) makeDetached(program, mounts, binds);
  const nodes = makesDevices && inUserNamespace ? pickUpDevices(program, devices) : undefined;
  makePrivate(program);
  mountRoot(program, root);
  // hooks are to see the finished tree from the host's root, which this process leaves otherwise
  const back = hooks?.write.stepInside(program);
  if (!back) enterRoot(program, root);

  program.phase("mounts", 6);
  const context: MountContext = {
    binds,
    cgroup,
    groups,
    isThrownAway: root.kind === "overlay",
    made: new Set(),
  };
  for (const mount of mounts) makeMount(program, mount, context);

  program.phase("devices", 3);
  if (makesDevices) makeDevices(program, devices, nodes, context.made);
  if (back) {
    const { prestart = [], createRuntime = [], createContainer = [] } = spec.hooks!;
    hooks!.write.stepBack(program, back, root);
    if (prestart.length || createRuntime.length) hooks!.write.waitForHooks(program);
    hooks!.write.runHooks(program, "createContainer", createContainer, hooks!.subject);
    program.phase("root file system", 3);
    enterRoot(program, root);
    program.phase("devices", 3);
  }
  if (spec.process.terminal) {
    const { height = 24, width = 80 } = spec.process.consoleSize ?? {};
    const terminal = openTerminal(program, {
      socket: request.monitor ? TERMINAL_LINE : LINE,
      byte: SAYS.terminal,
      rows: height,
      columns: width,
      owner: spec.process.user.uid,
    });
    makeConsole(program, context.made);
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
