/**
 * Hooks that a birth waits for, or runs itself: programs that the spec wants at points on the way.
 *
 * Those of the runtime's namespaces (`prestart`, `createRuntime`) are run by the parent, while the
 * child says that it is ready and waits. `createContainer` is run by the child, in the container's
 * namespaces but with the host's root, and `startContainer` inside, as the container's own user,
 * just before its program.
 *
 * The first three see the container's tree complete, below the host's root. But mounts are made
 * where no link of an image leads to the host. So the child goes into the new root with chroot(2)
 * first, holding nothing of the host's but its mount namespace, which is no directory to climb out
 * by; and joining that brings it back to the host's root (setns(2)).
 *
 * @module
 */

import { CLONE, MFD, O } from "../../ffi/constants.ts";
import type { Ref } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";
import type { Hook, Hooks } from "../spec.ts";
import type { State, Status } from "../spec/state.ts";
import { SAYS, waitForAnswer } from "./line.ts";
import type { RootSource } from "./rootfs.ts";
import { runProgram } from "./run_program.ts";

/** Whom the hooks are about. */
export type Subject = Pick<State, "ociVersion" | "id" | "bundle" | "annotations">;

/** Goes into the new root for as long as mounts are made. @returns the way back */
export function stepInside(program: Program): Ref {
  const back = program.call("the way back: this mount namespace, seen from its own root", {
    name: "mounts",
  }).open("/proc/self/ns/mnt", O.RDONLY | O.CLOEXEC, 0);
  program.call("links of the image's end in here; hooks still need the host's root").chroot(".");
  return back;
}

/** Comes back to the host's root, and goes to the root that is to be. */
export function stepBack(program: Program, back: Ref, root: RootSource): void {
  program.phase("hooks", 13);
  program.call("whoever joins a mount namespace is at its root").setns(back, CLONE.NEWNS);
  program.call("being in it does not need the descriptor").close(back);
  if (root.kind === "overlay") program.call("the mount point is named from here").chdir(root.from);
  program.call("into the root that is to be")
    .chdir(root.kind === "overlay" ? root.mountPoint : root.path);
}

/** Waits until the parent has run the hooks of its own namespaces. */
export function waitForHooks(program: Program): void {
  waitForAnswer(program, SAYS.hooks, "the namespaces and mounts are there, for hooks to look at");
}

/** Runs hooks from inside of the container's namespaces, one after the other. */
export function runHooks(
  program: Program,
  kind: keyof Hooks,
  hooks: readonly Hook[],
  subject: Subject,
): void {
  program.phase("hooks", 13);
  for (const [i, hook] of hooks.entries()) {
    const state = writeState(program, subject, kind === "startContainer" ? "created" : "creating");
    const name = `hooks.${kind}[${i}]`;
    runProgram(program, {
      paths: [hook.path],
      args: hook.args?.length ? hook.args : [hook.path],
      env: hook.env ?? [],
      descriptors: [state],
      timeout: hook.timeout,
      why: `${name}, a process of its own`,
      subject: name,
    });
    program.call("the state was for this hook").close(state);
  }
}

/** The state as a file, to be read from its beginning; only the process itself knows its pid. */
function writeState(program: Program, subject: Subject, status: Status): Ref {
  const { ociVersion, id, ...rest } = subject;
  const before = JSON.stringify({ ociVersion, id, status }).replace(/}$/, ',"pid":');
  const after = JSON.stringify(rest).replace(/^{/, ",");
  const bytes = new TextEncoder().encode(before + after);
  const text = program.arena.allocate(bytes.length + 16, "state");
  const pid = program.call("the container's first process, as it counts itself", { name: "pid" })
    .getpid();
  const length = program.call("the container's state, as JSON", { name: "length" })
    .snprintf(text, text.bytes.length, "%s%d%s", before, pid, after);
  const file = program.call("a file in memory, so that nobody waits for a reader", {
    name: "input",
  }).memfd_create("state", MFD.CLOEXEC);
  program.call("what the hook reads").write(file, text, length);
  program.call("from the beginning").lseek(file, 0, 0);
  return file;
}
