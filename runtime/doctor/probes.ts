/**
 * What a doctor tries for real, in a child of its own: what a switch says and what the kernel does
 * are not always the same.
 *
 * @module
 */

import { CLONE, IOCTL, MS, O } from "../../ffi/constants.ts";
import { errnoName } from "../../ffi/errno.ts";
import { attempt } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { Program } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import { writeFile } from "../birth/files.ts";
import { makePrivate } from "../birth/rootfs.ts";
import type { Probes } from "./finding.ts";

/** Tries it. @param where an existing directory on the data root's file system that can be written */
export function probe(where: string | undefined, isRoot: boolean): Probes {
  return {
    userNamespace: tryInChild(CLONE.NEWUSER | CLONE.NEWNS, (program) => {
      becomeRoot(program);
      program.call("a mount of its own").mount("tmpfs", "/tmp", "tmpfs", MS.NOSUID, null);
    }),
    overlay: where === undefined ? undefined : tryOverlay(where, isRoot),
    virtualMachine: tryVirtualMachine(),
  };
}

/** KVM's Documentation/virt/kvm/api.rst, 4.2; the machine is gone when its descriptor is closed. */
function tryVirtualMachine(): string | undefined {
  const kvm = attempt.open("/dev/kvm", O.RDWR | O.CLOEXEC, 0);
  if (kvm < 0) return undefined;
  const machine = attempt.ioctl(kvm, IOCTL.KVM_CREATE_VM, null);
  attempt.close(kvm);
  if (machine < 0) return errnoName(-machine);
  attempt.close(machine);
}

function tryOverlay(where: string, isRoot: boolean): string | undefined {
  let directory: string;
  try {
    directory = Deno.makeTempDirSync({ dir: where, prefix: "doctor-" });
  } catch {
    return undefined;
  }
  const parts = ["lower", "upper", "work", "merged"].map((name) => `${directory}/${name}`);
  try {
    for (const part of parts) Deno.mkdirSync(part);
    const [lower, upper, work, merged] = parts;
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    return tryInChild(isRoot ? CLONE.NEWNS : CLONE.NEWUSER | CLONE.NEWNS, (program) => {
      if (!isRoot) becomeRoot(program);
      makePrivate(program);
      program.call("as a container's root").mount(
        "overlay",
        merged,
        "overlay",
        0,
        isRoot ? options : `${options},userxattr`,
      );
    });
  } finally {
    // overlayfs leaves a directory in `work` that not even its owner may look into
    attempt.rmdir(`${directory}/work/work`);
    for (const part of [...parts, directory]) attempt.rmdir(part);
  }
}

/** The errno's name of the first call that fails in a child, if any. */
function tryInChild(flags: number, write: (program: Program) => void): string | undefined {
  const program = new Program(new Arena(1 << 16), {}, 64);
  const pid = program.call("the child", { fork: {} }).clone3(cloneArgs(flags), 88);
  write(program);
  program.call("it works")._exit(0);
  try {
    program.walk();
  } catch {
    return errnoName(program.outcome(program.steps[0]).errno);
  }
  attempt.waitpid(pid.value, null, 0);
  const { failed } = program;
  return failed && errnoName(program.outcome(failed).errno);
}

/** Maps the user to root in its new namespace, as `unshare -r` does it. */
function becomeRoot(program: Program): void {
  writeFile(program, "/proc/self/setgroups", "deny", "before the map of groups");
  writeFile(program, "/proc/self/uid_map", `0 ${Deno.uid()} 1`, "root is the user itself");
  writeFile(program, "/proc/self/gid_map", `0 ${Deno.gid()} 1`, "and its group");
}

/** The directory itself, or the nearest one above it that is there, if it can be written. */
export function writablePlace(path: string): string | undefined {
  let place = path;
  while (attempt.access(place, 0) < 0 && place !== "/") {
    place = place.replace(/\/[^/]*$/, "") || "/";
  }
  const mayWrite = 2;
  return attempt.access(place, mayWrite) === 0 && attempt.access(`${place}/.`, O.RDONLY) === 0
    ? place
    : undefined;
}
