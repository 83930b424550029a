/**
 * Containers for tests: a root with one program in it, a small spec, and the engine that starts it.
 *
 * @module
 */

import type { BirthRequest } from "../../../runtime/birth/birth.ts";
import { draft, type Failure, launch, type Launched } from "../../../runtime/birth/launch.ts";
import type { MapWriter } from "../../../runtime/birth/maps.ts";
import { ownExecutable } from "../../../runtime/birth/executable.ts";
import { ignoredSignals } from "../../../runtime/birth/process.ts";
import { examine, StartError } from "../../../runtime/diagnosis.ts";
import { offthread } from "../../../ffi/libc.ts";
import type { Spec } from "../../../runtime/spec.ts";
import { libc } from "../../../ffi/libc.ts";

/** What is different from the small container. */
export interface Trial {
  args?: string[];
  process?: Partial<BirthRequest["spec"]["process"]>;
  spec?: Partial<Spec>;
  linux?: Spec["linux"];
  request?: Partial<BirthRequest>;
  writer?: MapWriter;
}

/** Where busybox is that needs no library: Debian's busybox-static. */
export const BUSYBOX = "/usr/bin/busybox";

/** Makes a root file system: busybox under the names of its programs, and some directories. */
export async function makeRootfs(path: string, programs = ["sh", "cat", "ls"]): Promise<string> {
  for (const directory of ["bin", "etc", "proc", "sys", "dev", "tmp"]) {
    await Deno.mkdir(`${path}/${directory}`, { recursive: true });
  }
  await Deno.chmod(`${path}/tmp`, 0o1777);
  await Deno.copyFile(BUSYBOX, `${path}/bin/busybox`);
  await Deno.chmod(`${path}/bin/busybox`, 0o755);
  for (const program of programs) await Deno.symlink("busybox", `${path}/bin/${program}`);
  return path;
}

/** The mounts that nearly every container has. */
export const MOUNTS: NonNullable<Spec["mounts"]> = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
];

/** A request for a container with this root. */
export function requestFor(rootfs: string, trial: Trial = {}): BirthRequest {
  const types = ["pid", "mount", "uts", "ipc", "network", "cgroup"] as const;
  return {
    spec: {
      ociVersion: "1.2.1",
      root: { path: rootfs },
      mounts: MOUNTS,
      ...trial.spec,
      linux: { namespaces: types.map((type) => ({ type })), ...trial.linux },
      process: {
        args: trial.args ?? ["true"],
        cwd: "/",
        env: ["PATH=/usr/bin:/bin"],
        user: { uid: 0, gid: 0 },
        noNewPrivileges: true,
        ...trial.process,
      },
    },
    root: { kind: "directory", path: rootfs },
    directories: [],
    files: [],
    ignoredSignals: ignoredSignals(Deno.readTextFileSync("/proc/self/status")),
    executable: ownExecutable(),
    isFile: (path) => !Deno.statSync(path).isDirectory,
    mayChangeGroups: true,
    hasInput: false,
    dieWithParent: true,
    ...trial.request,
  };
}

/** Starts it. @throws {StartError} */
export function start(
  rootfs: string,
  trial: Trial = {},
  look: (failure: Failure) => Promise<Error> = examine,
): Promise<Launched> {
  const writer = trial.writer ?? { denySetgroups: false };
  return launch(draft(requestFor(rootfs, trial), writer), look);
}

/** Runs it to its end. @returns its exit status, 128 and more for a signal */
export async function run(rootfs: string, trial: Trial = {}): Promise<number> {
  const { pid } = await start(rootfs, trial);
  const status = new Uint8Array(4);
  await offthread.waitpid(pid, status, 0);
  return status[0] & 0x7f ? 128 + (status[0] & 0x7f) : status[1];
}

/** Runs a shell script in it. @returns what the script writes to standard output */
export async function output(rootfs: string, script: string, trial: Trial = {}): Promise<string> {
  const file = `${rootfs}/tmp/output`;
  await run(rootfs, { ...trial, args: ["/bin/sh", "-c", `{ ${script}\n} >/tmp/output 2>&1`] });
  const text = await Deno.readTextFile(file);
  await Deno.remove(file);
  return text;
}

/** Has a start fail. @returns why it says it did */
export async function failure(rootfs: string, trial: Trial = {}): Promise<StartError> {
  try {
    const { pid } = await start(rootfs, trial);
    libc.waitpid(pid, null, 0);
  } catch (error) {
    if (error instanceof StartError) return error;
    throw error;
  }
  throw new Error("the container has started");
}
