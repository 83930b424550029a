/**
 * A stand-in for a container that does not run: a process that sees its files as the container would,
 * volumes too, and does nothing but wait.
 *
 * Its mount namespace is its own, so nobody else sees the mounts, and they go with it.
 *
 * @module
 */

import { CLONE, SIG } from "../../ffi/constants.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { receive, send } from "../../ffi/messages.ts";
import { Program } from "../../ffi/program.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import {
  connect,
  makeLine,
  SAYS,
  waitForAnswer,
  waitForMaps,
  walkWithLine,
  writeFailure,
} from "../birth/line.ts";
import { checkHelpers, writeMaps } from "../birth/maps.ts";
import { makeMount, pickUpBinds } from "../birth/mounts.ts";
import { makePrivate, mountRoot, pivot } from "../birth/rootfs.ts";
import type { ContainerInfo } from "../containers.ts";
import { lowerDirectories } from "../images/store.ts";
import { rootOf } from "../prepare.ts";
import { hostIdentity, type Identity } from "../rootless.ts";
import { chooseVolumes } from "../volumes.ts";

/** A process that stands in for a container; disposing of it ends it. */
export interface StandIn extends Disposable {
  /** its process id, as the host counts */
  pid: number;
}

/** Starts one. The container's lock has to be held: two mounts of one overlay do not go together. */
export async function standIn(dataRoot: string, info: ContainerInfo): Promise<StandIn> {
  const { record: { request }, id, directory } = info;
  const identity = Deno.uid() === 0 ? undefined : hostIdentity();
  const whole = { ...request, dataRoot, id, isAgain: true };
  const layers = typeof request.from === "string" ? [request.from] : lowerDirectories(request.from);
  const volumes = chooseVolumes(whole, directory, layers).mounts;
  const mounts = [...request.options.mounts ?? [], ...volumes]
    .filter(({ type, source }) => type === "bind" && isThere(source!));

  const program = new Program(new Arena(1 << 18), {}, 256);
  const line = makeLine(program);
  const flags = CLONE.NEWNS | (identity ? CLONE.NEWUSER : 0);
  const child = program.call("a process with mounts of its own", { name: "pid", fork: {} })
    .clone3(cloneArgs(flags), 88);
  connect(program, line, true);
  if (identity) waitForMaps(program);
  const binds = pickUpBinds(program, mounts, isFile);
  makePrivate(program);
  mountRoot(program, rootOf(whole, layers, id, identity !== undefined));
  pivot(program);
  const context = { binds, isThrownAway: false, made: new Set<string>() };
  for (const mount of mounts) makeMount(program, mount, context);
  waitForAnswer(program, SAYS.network, "all is in its place: be looked at, until nobody does");
  program.call("that was all")._exit(0);
  program.end();
  writeFailure(program, 125);

  walkWithLine(program, line);
  const [pid, ours] = [child.value, line.at(0).value];
  libc.close(line.at(4).value);
  const end = () => {
    attempt.close(ours);
    attempt.kill(pid, SIG.KILL);
    attempt.waitpid(pid, null, 0);
  };
  try {
    await converse(program, pid, ours, identity);
  } catch (error) {
    end();
    throw error;
  }
  return { pid, [Symbol.dispose]: end };
}

/** Answers the child until all is mounted. */
async function converse(
  program: Program,
  pid: number,
  line: number,
  identity: Identity | undefined,
): Promise<void> {
  for (;;) {
    const { byte } = await receive(line);
    if (byte === SAYS.network) return;
    if (byte === SAYS.waiting) {
      const maps = new Program(new Arena(1 << 16), {}, 64);
      const { uidMappings, gidMappings, writer } = identity!;
      const linux = { uidMappings, gidMappings };
      const helpers = writeMaps(maps, pid, { ociVersion: "1.2.1", linux }, writer);
      maps.walk();
      checkHelpers(helpers);
      send(line, SAYS.waiting);
    } else if (program.failed) throw program.error(program.failed);
    else throw new Error("the process that was to show the container's files has ended");
  }
}

function isThere(path: string): boolean {
  return attempt.access(path, 0) === 0;
}

function isFile(path: string): boolean {
  return !Deno.statSync(path).isDirectory;
}
