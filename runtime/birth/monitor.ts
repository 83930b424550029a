/**
 * The monitor of a detached container: its parent, which keeps its output and writes down its end.
 *
 * It is a program of calls, as the birth is: a copy of this process that closes everything, makes
 * the container's first process, and then goes round in poll(2), read(2) and writev(2) until that
 * process has ended. No JavaScript runs in it, and nothing of the terminal that it was started at
 * can reach it. What it leaves is the status record (status.ts), which it prepared before there was
 * anything to lose: a disk that is full by then cannot lose the exit code.
 *
 * @module
 */

import {
  AF,
  AT,
  CLOCK,
  F,
  IOCTL,
  LOCK,
  O,
  POLL,
  PR,
  SIG_HOW,
  SOCK,
  W,
} from "../../ffi/constants.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import { receiveDescriptor } from "../../ffi/messages.ts";
import type { Label, Program, Step } from "../../ffi/program.ts";
import { unneeded } from "../../ffi/own_memory.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import type { OwnCommand } from "../own_command.ts";
import { MONITOR_NAME } from "../records.ts";
import { STATUS, statusFile } from "../status.ts";
import { writeIdentity } from "./identity.ts";
import { connect, LINE, TERMINAL_LINE } from "./line.ts";
import { jump } from "./jump.ts";
import type { LogRequest } from "../container_request.ts";
import { Copier, type Stream } from "./output.ts";
import { liftLimit, limitsOf, logFile, setLimit } from "./rotation.ts";

/** What is to be said of the monitor of a detached container. */
export interface MonitorRequest {
  /** the container's directory, which gets its log and its status record */
  directory: string;
  /** the file that says which process answers for the container: the monitor, from now on */
  claim: string;
  /** whether a pipe is kept open for whoever attaches to the container's input later */
  keepsInput: boolean;
  /** how its output is kept */
  log?: LogRequest;
  /** the cgroup's file that counts kills for memory; absent where nobody counts */
  memoryFile?: string;
  /** cgroup directories that go with the container, parents first */
  groups: string[];
  /** what the monitor becomes when everything is written down: path, arguments, environment */
  afterwards?: OwnCommand;
  /** /proc/self/maps: what of it the monitor does not need to go round, it gives back */
  maps: string;
}

/** What the container's first process gets from its monitor, and the monitor keeps. */
export interface Monitor {
  /** the step that makes the monitor */
  clone: Step;
  /** the parent's lock on a container that is new */
  lock?: Ref;
  /** where clone3(2) leaves a descriptor of the container's first process */
  pidfd: Memory;
  /** where the monitor goes on when it has made the container's first process */
  watch: Label;
  /** a pipe for input, as pipe2(2) leaves it; a terminal has none */
  input?: Memory;
  /** a pipe for output, likewise */
  output?: Memory;
  /** a pipe for errors, likewise */
  errors?: Memory;
  /** over this the first process sends its terminal: the monitor's end, and at 4 the child's */
  terminal?: Memory;
  /** the status record */
  status: Memory;
  /** the log's descriptor, or that of /dev/null */
  log: Ref;
  /** /dev/null */
  nothing: Ref;
}

/** Makes the monitor, and in it what the container's first process will share with it. */
export function becomeMonitor(
  program: Program,
  request: MonitorRequest,
  line: Memory,
  { hasTerminal, isNew }: { hasTerminal: boolean; isNew: boolean },
): Monitor {
  const { arena } = program;
  program.phase("the monitor", 8);
  const lock = isNew ? lockDirectory(program, request.directory) : undefined;
  program.call("the monitor: a copy of this process that stays when this one ends", {
    name: "monitor",
    fork: {},
  }).clone3(cloneArgs(0), 88);
  const clone = program.steps.at(-1)!;
  program.call("a session of its own: no terminal of the host's can hang up on it").setsid();
  program.call("under a name of its own, for ps(1)").prctl(PR.SET_NAME, MONITOR_NAME, 0, 0, 0);
  program.call("and it keeps no directory of anybody's busy").chdir("/");
  const status = arena.allocate(STATUS.size, "status");
  // the lock on the container, which it has inherited, lasts until its own claim is there: so who
  // finds the claim of a command that was killed does not take the container for nobody's
  writeOwner(program, request, status);
  connect(program, line, false);
  program.call("the container gets this number for its terminal's socket: nobody else may have it")
    .dup3(LINE, TERMINAL_LINE, O.CLOEXEC);
  program.call("whoever attaches takes copies of the monitor's descriptors, pidfd_getfd(2)", {
    allow: ["EINVAL"],
  }).prctl(PR.SET_PTRACER, -1, 0, 0, 0);
  const nothing = program.call("what the monitor itself reads and writes: nothing", {
    name: "nothing",
  }).open("/dev/null", O.RDWR | O.CLOEXEC, 0);
  const log = request.log?.driver === "none" ? nothing : program
    .call("the log, one for both streams", { name: "log" })
    .open(logFile(request.directory), O.WRONLY | O.CREAT | O.APPEND | O.CLOEXEC, 0o600);
  const pidfd = arena.allocate(8, "pidfd");
  const monitor: Monitor = { clone, lock, pidfd, watch: program.label(), status, log, nothing };
  const pipe = (name: string, why: string) => {
    const ends = arena.allocate(8, name);
    program.call(why).pipe2(ends, O.CLOEXEC);
    return ends;
  };
  if (hasTerminal) {
    monitor.terminal = arena.allocate(8, "terminal");
    program.call("over this comes the terminal that the container makes for itself")
      .socketpair(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0, monitor.terminal);
  } else {
    if (request.keepsInput) monitor.input = pipe("input", "an input that stays open");
    monitor.output = pipe("output", "standard output comes through this pipe");
    monitor.errors = pipe("errors", "and standard error through this one");
  }
  program.call("the time of the start").clock_gettime(
    CLOCK.REALTIME,
    status.address + STATUS.started,
  );
  return monitor;
}

/** Takes the lock of a container that is just being made; on one that was there, it is held. */
function lockDirectory(program: Program, directory: string): Ref {
  const lock = program.call("whoever finds the container must not touch it yet", { name: "lock" })
    .open(directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
  program.call("flock(2): it ends with the last who has it open").flock(lock, LOCK.EX | LOCK.NB);
  return lock;
}

/** Says who watches the container, and reserves room on the disk for how it will end. */
function writeOwner(program: Program, { directory, claim }: MonitorRequest, status: Memory): void {
  const owner = writeIdentity(program, claim);
  program.call("how it ends is said of the run that this very process has watched")
    .memcpy(status.address + STATUS.owner, owner, STATUS.size - STATUS.owner);
  const record = program.call("where the end will be written down", { name: "record" })
    .open(`${statusFile(directory)}.new`, O.WRONLY | O.CREAT | O.TRUNC | O.CLOEXEC, 0o600);
  program.call("its room is taken now: later the disk may be full")
    .write(record, status, STATUS.size);
  program.call("until then").close(record);
}

/** The first process's part: its streams are the monitor's pipes, and nothing else of it stays. */
export function takeStreams(program: Program, { input, output, errors, terminal }: Monitor): void {
  if (terminal) {
    program.call("the socket for the terminal gets the number that was kept for it")
      .dup3(terminal.at(4, "container's end"), TERMINAL_LINE, O.CLOEXEC);
    return;
  }
  if (input) program.call("standard input").dup3(input.at(0, "read end"), 0, 0);
  program.call("standard output").dup3(output!.at(4, "write end"), 1, 0);
  program.call("standard error").dup3(errors!.at(4, "write end"), 2, 0);
}

/**
 * The monitor's part from here on, until the container has ended.
 *
 * @param child the pid of the container's first process, and the cgroup that it was born in
 */
export function watch(
  program: Program,
  request: MonitorRequest,
  monitor: Monitor,
  child: { pid: Ref; cgroup?: Ref },
): void {
  program.phase("the monitor", 8);
  program.place(monitor.watch);
  if (child.cgroup) program.call("the child is in it").close(child.cgroup);
  const streams = settle(program, monitor);
  for (const [start, end] of unneeded(request.maps, [program.arena])) {
    program.call("memory of Deno's that the monitor has no use for").munmap(start, end - start);
  }
  const limits = limitsOf(request.log);
  const before = limits.size === undefined ? undefined : setLimit(program, limits.size);
  const copier = new Copier(program, {
    log: monitor.log,
    directory: request.directory,
    ...limits,
  });
  const [loop, ended] = [program.label(), program.label()];
  program.place(loop);
  program.call("until something is written, or the container's first process ends", {
    allow: ["EINTR"],
  }).poll(streams.table, streams.list.length + 1, -1);
  for (const stream of streams.list) {
    const next = program.label();
    copier.copy(stream, { next, end: next });
    program.place(next);
  }
  program.call("has it ended?", { onNonzero: ended })
    .waitpid(child.pid, monitor.status, W.NOHANG);
  jump(program, loop, "not yet");
  program.place(ended);
  for (const stream of streams.list) {
    // what was written last is still in the pipe
    const again = program.label();
    const end = program.label();
    program.place(again);
    copier.copy(stream, { next: again, end });
    program.place(end);
  }
  writeEnd(program, request, monitor, before);
}

/** Lets go of what is the container's alone, and lists what is to be looked at. */
function settle(
  program: Program,
  { input, output, errors, terminal, nothing, pidfd }: Monitor,
): { list: Stream[]; table: Memory } {
  program.call("a signal for a whole group of processes is not meant for the monitor")
    .sigprocmask(SIG_HOW.SETMASK, { bytes: new Uint8Array(128).fill(0xff), text: "all" }, null);
  for (const fd of [0, 1, 2, LINE, TERMINAL_LINE]) {
    const why = fd >= LINE
      ? "the parent sees the line's end once the container runs"
      : "nothing of the caller's stays open";
    program.call(why).dup3(nothing, fd, 0);
  }
  const table = program.arena.allocate(24, "table");
  table.text = "[output, errors, child]";
  const list: Stream[] = [];
  const listen = (from: Ref, number: number) => {
    const poll = entry(program, table, list.length, from);
    program.call("reading from it never waits").fcntl(from, F.SETFL, O.NONBLOCK);
    list.push({ from, number, poll });
  };
  if (terminal) {
    program.call("the container's end").close(terminal.at(4, "container's end"));
    const master = receiveDescriptor(program, "the container's terminal", terminal.at(0));
    program.call("with the other end open as well, its end is not taken for the container's", {
      allow: ["EIO", "ENOTTY", "EINVAL", "EBADF"],
    }).ioctl(master, IOCTL.TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC);
    listen(master, 1);
  } else {
    if (input) program.call("the container's end").close(input.at(0, "read end"));
    program.call("the container's end").close(output!.at(4, "write end"));
    program.call("the container's end").close(errors!.at(4, "write end"));
    listen(output!.at(0, "output"), 1);
    listen(errors!.at(0, "errors"), 2);
  }
  entry(program, table, list.length, pidfd.at(0));
  return { list, table };
}

/** One `struct pollfd`, which waits for something to read. */
function entry(program: Program, table: Memory, index: number, fd: Ref): Memory {
  const address = table.address + index * 8;
  new DataView(table.bytes.buffer, table.bytes.byteOffset).setInt16(index * 8 + 4, POLL.IN, true);
  program.call("for poll(2)").memcpy(address, fd.address, 4);
  return table.part(index * 8, 8);
}

/** Writes down how the container has ended, and clears away what only a running one needs. */
function writeEnd(
  program: Program,
  request: MonitorRequest,
  { status }: Monitor,
  limit: Memory | undefined,
): void {
  const { directory, memoryFile, groups, afterwards } = request;
  const path = statusFile(directory);
  program.call("the time of the end").clock_gettime(CLOCK.REALTIME, status.address + STATUS.ended);
  if (memoryFile !== undefined) {
    const missing = ["ENOENT", "ENODEV", "EBADF"];
    const file = program.call("was it killed because its memory was used up?", {
      name: "file",
      allow: missing,
    }).open(memoryFile, O.RDONLY | O.CLOEXEC, 0);
    program.call("the kernel has counted", { allow: missing })
      .read(file, status.address + STATUS.memory, STATUS.owner - STATUS.memory - 1);
  }
  const record = program.call("the room that was taken", { name: "record" })
    .open(`${path}.new`, O.WRONLY | O.CLOEXEC, 0);
  program.call("how it ended, and when").write(record, status, STATUS.size);
  program.call("in one piece, or not at all").renameat(AT.FDCWD, `${path}.new`, AT.FDCWD, path);
  for (const group of groups.toReversed()) {
    program.call("the control group goes with the container", {
      allow: ["ENOENT", "EBUSY", "EACCES", "EPERM"],
    }).rmdir(group);
  }
  if (!afterwards) {
    program.call("nobody has to answer for it any more", { allow: ["ENOENT"] })
      .unlinkat(AT.FDCWD, request.claim, 0);
  } else {
    if (limit) liftLimit(program, limit);
    program.call("a program expects to be told of its children, and to be stopped")
      .sigprocmask(SIG_HOW.SETMASK, { bytes: new Uint8Array(128), text: "{}" }, null);
    program.call("what is left to do needs more than calls")
      .execve(afterwards.path, afterwards.args, afterwards.env);
  }
  program.call("all is written down")._exit(0);
}
