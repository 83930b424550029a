/**
 * A further process in a container that an engine has made: described in full by a process.json, or
 * by what the container's own is, with other words.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import { withHome } from "../bundle.ts";
import { type ExecProcess, prepareExec, startExec } from "../exec.ts";
import { loadSeccomp, seccompFlags } from "../seccomp/load.ts";
import type { Process } from "../spec.ts";
import { parseSpec, SpecError } from "../validate.ts";
import { checkConsole, sendConsole } from "./console_socket.ts";
import { cacheDirectory, type OciContainer, OciError } from "./container.ts";
import { writePidFile } from "./pid_file.ts";

/** How it is started. */
export interface OciExecOptions {
  /** where containers are kept */
  root: string;
  /** the process */
  process: Process;
  /** whether it goes on when this process ends */
  detach: boolean;
  /** the file that gets its process id */
  pidFile?: string;
  /** where the master of its terminal is sent */
  consoleSocket?: string;
  /** how many descriptors after standard error it gets */
  keep?: number;
  /** whether a paused container gets it all the same: it runs when that goes on */
  ignorePaused?: boolean;
}

/** Starts a process. @throws {OciError} for a container that has ended, or is paused */
export async function execInContainer(
  container: OciContainer,
  options: OciExecOptions,
): Promise<ExecProcess> {
  const { record: { cgroup, spec, root: rootfs }, process: first, status } = container;
  const { root, detach, pidFile, consoleSocket, keep } = options;
  if (!first) throw new OciError("cannot exec in a container that is not running: it has stopped");
  if (status === "paused" && !options.ignorePaused) {
    throw new OciError("cannot exec in a paused container: use --ignore-paused, or resume it");
  }
  checkConsole(options.process.terminal, consoleSocket, detach);
  const profile = spec.linux?.seccomp;
  const seccomp = profile && {
    filter: await loadSeccomp(cacheDirectory(root), profile),
    flags: seccompFlags(profile),
  };
  const process = await withHome(options.process, rootfs);
  const { personality } = spec.linux ?? {};
  const target = { process: first, cgroup, seccomp, personality };
  using prepared = await prepareExec(target, process, { outlives: detach, keep });
  const started = await startExec(prepared);
  try {
    if (pidFile !== undefined) writePidFile(pidFile, started.pid);
    if (consoleSocket !== undefined) sendConsole(consoleSocket, started.terminal!);
  } catch (error) {
    started.signal(SIG.KILL);
    throw error;
  }
  return started;
}

/** Reads a process.json. @throws {SpecError} for what is wrong in it */
export function readProcess(path: string): Process {
  const text = Deno.readTextFileSync(path);
  // a process is checked as what it is in a config.json
  const spec = parseSpec(`{"ociVersion":"1.2.1","root":{"path":"/"},"process":${text}}`);
  if (spec.process) return spec.process;
  throw new SpecError("process", `${path} is empty`);
}
