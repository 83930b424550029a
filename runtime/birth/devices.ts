/**
 * /dev: the few device nodes that every container has, and its terminal.
 *
 * The nodes and links are those that the runtime specification asks for beside the mounts
 * (config-linux.md, "Default Devices"; runtime-linux.md, "Dev symbolic links").
 *
 * @module
 */

import { IOCTL, MS, O, S } from "../../ffi/constants.ts";
import type { Ref } from "../../ffi/memory.ts";
import { sendDescriptor } from "../../ffi/messages.ts";
import type { Program } from "../../ffi/program.ts";
import { makedev, winsize } from "../../ffi/structs.ts";
import type { LinuxDevice } from "../spec.ts";
import { pickUp, putDown } from "./mounts.ts";
import { makeParents, makePlainFile } from "./paths.ts";

/** The six nodes by major and minor number, `Documentation/admin-guide/devices.txt`. */
const DEFAULT_DEVICES: LinuxDevice[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666 },
  { path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666 },
  { path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 0o666 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9, fileMode: 0o666 },
  { path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666 },
];

const LINKS = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
  ["/proc/kcore", "/dev/core"],
  ["pts/ptmx", "/dev/ptmx"],
];

/** The default nodes, and those that the spec adds; one that it describes anew is made its way. */
export function allDevices(extra: readonly LinuxDevice[] = []): LinuxDevice[] {
  const paths = new Set(extra.map((device) => device.path));
  return [...DEFAULT_DEVICES.filter((device) => !paths.has(device.path)), ...extra];
}

/**
 * Picks up the host's nodes, for a container in a user namespace.
 *
 * The kernel lets nobody make device nodes in a user namespace (user_namespaces(7)), but what is
 * there can be bound.
 */
export function pickUpDevices(
  program: Program,
  devices: readonly LinuxDevice[],
): Map<LinuxDevice, Ref> {
  return new Map(devices.map((device) => [
    device,
    pickUp(program, device.path, false, {
      why: "a user namespace cannot make device nodes; take the host's along",
      name: `tree of ${device.path}`,
    }),
  ]));
}

/** Makes the nodes and links of /dev. @param pickedUp what {@linkcode pickUpDevices} gave, if it ran */
export function makeDevices(
  program: Program,
  devices: readonly LinuxDevice[],
  pickedUp: Map<LinuxDevice, Ref> | undefined,
  made: Set<string>,
): void {
  for (const device of devices) {
    const { path } = device;
    const tree = pickedUp?.get(device);
    if (tree) {
      makePlainFile(program, path, made);
      putDown(program, tree, path, `the host's ${path} appears here`);
    } else makeNode(program, device, made);
  }
  for (const [target, path] of LINKS) {
    program.call("programs look for it under this name", { allow: ["EEXIST"] }).symlink(
      target,
      path,
    );
  }
}

const TYPES = { c: S.IFCHR, u: S.IFCHR, b: S.IFBLK, p: S.IFIFO };

function makeNode(program: Program, device: LinuxDevice, made: Set<string>): void {
  const { path, type, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 } = device;
  makeParents(program, path, made);
  program.call(`the node that is ${path} everywhere`)
    .mknod(path, TYPES[type] | fileMode, makedev(major, minor));
  if (uid || gid) program.call("whose it is").chown(path, uid, gid);
}

/** What a terminal is made with. */
export interface TerminalRequest {
  /** where the master's descriptor is sent */
  socket: number;
  /** the message that says so */
  byte: string;
  /** its height, in characters */
  rows: number;
  /** its width, in characters */
  columns: number;
  /** who the terminal shall belong to */
  owner: number;
}

/**
 * Opens a terminal in the container's own devpts, and sends its master to the parent.
 *
 * @returns the other end, which becomes the container's standard input and output
 */
export function openTerminal(program: Program, request: TerminalRequest): Ref {
  const flags = O.RDWR | O.NOCTTY | O.CLOEXEC;
  const master = program.call("a new terminal, in the container's own devpts", { name: "master" })
    .open("/dev/pts/ptmx", flags, 0);
  program.call("a new terminal is locked at first, see ptmx(4)")
    .ioctl(master, IOCTL.TIOCSPTLCK, program.arena.allocate(4, "unlocked"));
  const terminal = program.call("its other end, by descriptor: a path could be a trap", {
    name: "terminal",
  }).ioctl(master, IOCTL.TIOCGPTPEER, flags);
  program.call("as large as the window of the person who looks at it")
    .ioctl(terminal, IOCTL.TIOCSWINSZ, winsize(request.rows, request.columns));
  program.call("so that the user's program can open it again").fchown(terminal, request.owner, -1);
  sendDescriptor(
    program,
    "the parent shows on its own terminal what comes out of this end",
    request.socket,
    request.byte,
    master,
  );
  program.call("the child keeps only its end").close(master);
  return terminal;
}

/** Has the first terminal of a container as its console too. */
export function makeConsole(program: Program, made: Set<string>): void {
  makePlainFile(program, "/dev/console", made);
  program.call("the first terminal of a fresh devpts is number 0; it is the console as well")
    .mount("/dev/pts/0", "/dev/console", null, MS.BIND, null);
}

/** Makes the terminal the process's own: its session's, and its first three descriptors. */
export function takeTerminal(program: Program, terminal: Ref): void {
  for (const fd of [0, 1, 2]) {
    program.call(["standard input", "standard output", "standard error"][fd] + " is the terminal")
      .dup3(terminal, fd, 0);
  }
  program.call("Ctrl-C on it becomes SIGINT in here: it is the session's controlling terminal")
    .ioctl(0, IOCTL.TIOCSCTTY, 0);
}
