/**
 * A shell that sees what another process sees: its namespaces, its root, its working directory.
 *
 * As nsenter(1) does it, with a program of calls: a child joins the namespaces, and its own child,
 * which is the first to be in the PID namespace, becomes the shell.
 *
 * @module
 */

import { CLONE, IOCTL, O, SIG, SIG_HOW } from "../../ffi/constants.ts";
import { attempt, libc, offthread } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { Program } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import { tieToParent } from "../birth/line.ts";
import { resetSignals } from "../birth/process.ts";

/** The order counts: rights to the others come with the user namespace, if there is one. */
const ORDER = [
  ["user", CLONE.NEWUSER],
  ["cgroup", CLONE.NEWCGROUP],
  ["ipc", CLONE.NEWIPC],
  ["uts", CLONE.NEWUTS],
  ["net", CLONE.NEWNET],
  ["pid", CLONE.NEWPID],
  ["mnt", CLONE.NEWNS],
] as const;

/** Where a shell may be. */
const SHELLS = ["/bin/sh", "/usr/bin/sh", "/bin/busybox", "/usr/bin/busybox"];
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  PS1: "half-made # ",
};
/** The exit status of a visitor that could not become a shell. */
const NO_SHELL = 126;

/**
 * Runs a shell on this process's terminal, and waits for its end.
 *
 * @param pid whom to visit; it is to stand still meanwhile
 * @returns why there was no shell, if so
 */
export async function visit(pid: number): Promise<string | undefined> {
  const program = new Program(new Arena(1 << 17), {}, 128);
  const opened: number[] = [];
  const open = (path: string, flags = 0) => {
    const fd = libc.open(path, O.RDONLY | O.CLOEXEC | flags, 0);
    opened.push(fd);
    return fd;
  };
  try {
    const root = open(`/proc/${pid}/root`, O.DIRECTORY | O.PATH);
    const cwd = open(`/proc/${pid}/cwd`, O.DIRECTORY | O.PATH);
    const joined = ORDER.filter(([name]) => isOther(pid, name))
      .map(([name, flag]) => ({ name, flag, fd: open(`/proc/${pid}/ns/${name}`) }));
    const visitor = program.call("the visitor", { fork: {} }).clone3(cloneArgs(0), 88);
    tieToParent(program);
    for (const { name, flag, fd } of joined) {
      program.call(`into its ${name} namespace`).setns(fd, flag);
    }
    program.call("to its root").fchdir(root);
    program.call("which is the visitor's, too").chroot(".");
    program.call("and to where it stands").fchdir(cwd);
    const parent = program.label();
    const shell = program.call("the first in the PID namespace", { fork: { parent } })
      .clone3(cloneArgs(0), 88);
    tieToParent(program);
    takeForeground(program);
    resetSignals(program, [SIG.PIPE]);
    const environment = Object.entries({ ...ENVIRONMENT, TERM: Deno.env.get("TERM") ?? "dumb" })
      .map(([name, value]) => `${name}=${value}`);
    for (const path of SHELLS) {
      const args = path.endsWith("busybox") ? ["busybox", "sh"] : ["sh"];
      program.call("a shell, if there is one", { allow: ["ENOENT", "ENOTDIR", "EACCES", "ELOOP"] })
        .execve(path, args, environment);
    }
    program.call("there is none")._exit(NO_SHELL);
    program.place(parent);
    const status = program.arena.allocate(8, "status");
    program.call("wait for its end").waitpid(shell, status, 0);
    program.call("that was all")._exit(0);
    program.walk();
    await offthread.waitpid(visitor.value, null, 0);
    const failed = program.failed;
    if (failed) return `no shell: ${program.error(failed).message}`;
    if (status.at(0).value >> 8 === NO_SHELL) {
      return "no shell: there is no /bin/sh in the tree that it sees";
    }
  } finally {
    for (const fd of opened) attempt.close(fd);
    takeTerminalBack();
  }
}

/** Whether a process is in another namespace than this one. */
function isOther(pid: number, name: string): boolean {
  return Deno.readLinkSync(`/proc/${pid}/ns/${name}`) !==
    Deno.readLinkSync(`/proc/self/ns/${name}`);
}

/**
 * Makes the shell the terminal's foreground before it is one: it would do so by itself, but give the
 * place back to a group that has no number in its PID namespace.
 */
function takeForeground(program: Program): void {
  program.call("as a background process, which that signal would stop")
    .sigprocmask(SIG_HOW.BLOCK, { bytes: signalSet(SIG.TTOU), text: "{SIGTTOU}" }, null);
  program.call("a group of its own").setpgid(0, 0);
  const group = program.call("whose number is the shell's").getpid();
  program.call("Ctrl-C is meant for the shell now", { allow: ["ENOTTY"] })
    .ioctl(0, IOCTL.TIOCSPGRP, group.address);
}

/** When the shell ends, nobody is in the terminal's foreground any more. */
function takeTerminalBack(): void {
  const before = new Uint8Array(128);
  // a background process that sets the foreground is stopped by SIGTTOU, unless it blocks that
  libc.sigprocmask(SIG_HOW.BLOCK, signalSet(SIG.TTOU), before);
  const stat = Deno.readTextFileSync("/proc/self/stat");
  let group = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  // a group that somebody outside this PID namespace has made has no number in it
  if (group === 0 && attempt.setpgid(0, 0) === 0) group = Deno.pid;
  attempt.ioctl(0, IOCTL.TIOCSPGRP, new Uint8Array(new Int32Array([group]).buffer));
  libc.sigprocmask(SIG_HOW.SETMASK, before, null);
}

/** `sigset_t` with one signal in it. */
function signalSet(signal: number): Uint8Array<ArrayBuffer> {
  const set = new Uint8Array(128);
  set[(signal - 1) >> 3] = 1 << ((signal - 1) & 7);
  return set;
}
