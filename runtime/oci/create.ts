/**
 * A container created from a bundle: everything is there but its program, for which its first
 * process waits at a gate (runtime-spec, runtime.md, "Lifecycle").
 *
 * When this has ended, nothing else runs for the container than that process.
 *
 * @module
 */

import { AT, LOCK, O, SIG } from "../../ffi/constants.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { draft, launch } from "../birth/launch.ts";
import { type Bundle, type BundleBirth, planBundle, readBundle } from "../bundle.ts";
import { isScopePath } from "../cgroups/planner.ts";
import { later } from "../later.ts";
import { identify } from "../processes.ts";
import { checkConsole, sendConsole } from "./console_socket.ts";
import {
  cacheDirectory,
  directoryOf,
  gateFile,
  isThere,
  OCI_VERSION,
  OciError,
  type OciRecord,
  processFile,
  stateFile,
} from "./container.ts";
import { writePidFile } from "./pid_file.ts";

/** What is asked for. */
export interface CreateOptions {
  /** where containers are kept */
  root: string;
  /** the new one's id */
  id: string;
  /** the bundle's directory */
  bundle: string;
  /** who makes its control group: this runtime, systemd, or nobody */
  cgroups: "cgroupfs" | "systemd" | "disabled";
  /** the file that gets its process id */
  pidFile?: string;
  /** where the master of its terminal is sent */
  consoleSocket?: string;
  /** whether this process stays, and shows the terminal itself */
  stays?: boolean;
  /** how many descriptors after standard error its program gets, beside those of `listen` */
  keep?: number;
  /** how many of these are sockets that somebody listens on for it, sd_listen_fds(3) */
  listen?: number;
  /** whether its root is moved to the top, where pivot_root(2) cannot be had */
  movesRoot?: boolean;
  /** whether it stays in the session keyring of whoever starts it */
  keepsKeyring?: boolean;
}

/** A container that was created. */
export interface Created {
  /** its first process, as the host counts */
  pid: number;
  /** the master of its terminal, if it was not sent anywhere */
  terminal?: number;
}

/**
 * Creates a container.
 *
 * @throws {OciError} and what a bundle or a birth throws; nothing of the container is left then
 */
export async function createContainer(options: CreateOptions): Promise<Created> {
  const { root, id, consoleSocket, stays = false } = options;
  const directory = directoryOf(root, id);
  const bundle = adapt(readBundle(options.bundle), options);
  // before anything else is complained of that a container of the name has made
  if (isThere(directory)) throw known(id);
  checkConsole(bundle.spec.process.terminal, consoleSocket, !stays);
  const birth = await planBundle(bundle, {
    id,
    cache: cacheDirectory(root),
    processFile: processFile(directory),
    waits: true,
    keep: (options.listen ?? 0) + (options.keep ?? 0),
    ownCgroup: options.cgroups !== "disabled",
    movesRoot: options.movesRoot,
    keepsKeyring: options.keepsKeyring,
  });
  makeDirectory(root, directory, id);
  try {
    const record = recordOf(bundle, birth, id);
    Deno.writeTextFileSync(stateFile(directory), JSON.stringify(record), { mode: 0o600 });
    return await bear(birth, directory, options);
  } catch (error) {
    await undo(directory, bundle, birth, id);
    throw error;
  }
}

/** The bundle with what the command line adds to it. */
function adapt(bundle: Bundle, { cgroups, id, listen }: CreateOptions): Bundle {
  const { spec } = bundle;
  const { env = [] } = spec.process;
  const process = listen
    ? { ...spec.process, env: [...env, `LISTEN_FDS=${listen}`, "LISTEN_PID=1"] }
    : spec.process;
  if (cgroups !== "systemd") return { ...bundle, spec: { ...spec, process } };
  const cgroupsPath = spec.linux?.cgroupsPath || `:tiffin:${id}`;
  if (!isScopePath(cgroupsPath)) {
    throw new OciError(
      `linux.cgroupsPath: systemd makes groups by slice:prefix:name, and this is ${cgroupsPath}`,
    );
  }
  return { ...bundle, spec: { ...spec, process, linux: { ...spec.linux, cgroupsPath } } };
}

function makeDirectory(root: string, directory: string, id: string): void {
  Deno.mkdirSync(root, { recursive: true, mode: 0o700 });
  try {
    Deno.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw known(id);
  }
}

function known(id: string): OciError {
  return new OciError(
    `container with id ${JSON.stringify(id)} exists: choose another, or delete it`,
  );
}

function recordOf(bundle: Bundle, { cgroup }: BundleBirth, id: string): OciRecord {
  return {
    id,
    bundle: bundle.path,
    root: bundle.root,
    created: new Date().toISOString(),
    owner: Deno.uid()!,
    maker: identify("self")!,
    cgroup: cgroup?.record,
    spec: bundle.spec,
  };
}

async function bear(
  { request, writer }: BundleBirth,
  directory: string,
  { pidFile, consoleSocket }: CreateOptions,
): Promise<Created> {
  libc.mkfifoat(AT.FDCWD, gateFile(directory), 0o600);
  const gate = libc.open(gateFile(directory), O.RDWR | O.CLOEXEC, 0);
  // the lock goes with the open file, flock(2): the child has it until its execve(2)
  libc.flock(gate, LOCK.EX);
  request.chapters!.gate!.fd = gate;
  const { pid, terminal } = await launch(draft(request, writer), async (failure) => {
    const { examine } = await later<typeof import("../diagnosis.ts")>(
      import.meta,
      "../diagnosis.ts",
    );
    return await examine(failure);
  });
  libc.close(gate);
  try {
    if (pidFile !== undefined) writePidFile(pidFile, pid);
    if (consoleSocket === undefined) return { pid, terminal };
    sendConsole(consoleSocket, terminal!);
    return { pid };
  } catch (error) {
    attempt.kill(pid, SIG.KILL);
    attempt.waitpid(pid, null, 0);
    throw error;
  }
}

/** Undoes what was begun; what goes wrong on the way does not hide why it failed. */
async function undo(
  directory: string,
  { spec, path }: Bundle,
  { cgroup }: BundleBirth,
  id: string,
): Promise<void> {
  try {
    const { clearAway } = await later<typeof import("./delete.ts")>(import.meta, "./delete.ts");
    const { annotations } = spec;
    const state = { ociVersion: OCI_VERSION, id, status: "stopped", bundle: path } as const;
    await clearAway(directory, cgroup?.record, spec.hooks?.poststop, { ...state, annotations });
  } catch {
    // whoever made the mistake is told of that
  }
}
