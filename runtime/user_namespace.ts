/**
 * A program of the host's, run as root of a user namespace: for files of a user's other ids.
 *
 * Unpacking a layer means giving files to users of the image, and removing a container means
 * removing such files. An ordinary user has the right to neither, but root of its own user
 * namespace has, as far as the namespace's maps go.
 *
 * @module
 */

import { CLONE, SIG } from "../ffi/constants.ts";
import { attempt, libc, offthread } from "../ffi/libc.ts";
import { Arena } from "../ffi/memory.ts";
import { receive, send } from "../ffi/messages.ts";
import { Program } from "../ffi/program.ts";
import { cloneArgs } from "../ffi/structs.ts";
import { connect, makeLine, SAYS, waitForMaps, walkWithLine, writeFailure } from "./birth/line.ts";
import { checkHelpers, writeMaps } from "./birth/maps.ts";
import type { Identity } from "./rootless.ts";

/**
 * Runs a program in a new user namespace to its end.
 *
 * @param argv the program by its absolute path, and its arguments
 * @param signal asks the program to end, by SIGTERM, when it fires
 * @returns its wait status, waitpid(2)
 * @throws {SyscallError} what could not be done on the way to it
 */
export async function runInUserNamespace(
  identity: Identity,
  argv: string[],
  env: string[],
  signal?: AbortSignal,
): Promise<number> {
  const program = new Program(new Arena(1 << 20), {}, 32);
  const line = makeLine(program);
  const child = program.call("a child in a new user namespace", { name: "pid", fork: {} })
    .clone3(cloneArgs(CLONE.NEWUSER), 88);
  connect(program, line, true);
  waitForMaps(program);
  program.call("become the program").execve(argv[0], argv, env);
  program.end();
  writeFailure(program, 125);
  walkWithLine(program, line);
  const [pid, ours] = [child.value, line.at(0).value];
  try {
    libc.close(line.at(4).value);
    await converse(program, pid, ours, identity);
  } catch (error) {
    attempt.kill(pid, SIG.KILL);
    attempt.waitpid(pid, null, 0);
    throw error;
  } finally {
    attempt.close(ours);
  }
  const status = new Uint8Array(4);
  // Its id is its own until it has been waited for.
  const stop = () => void attempt.kill(pid, SIG.TERM);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  await offthread.waitpid(pid, status, 0);
  signal?.removeEventListener("abort", stop);
  return new DataView(status.buffer).getInt32(0, true);
}

/** Answers the child until it has become its program. */
async function converse(
  program: Program,
  pid: number,
  line: number,
  identity: Identity,
): Promise<void> {
  for (;;) {
    const { byte } = await receive(line);
    if (byte === "") return;
    if (byte === SAYS.failed) throw program.error(program.failed!);
    if (byte !== SAYS.waiting) continue;
    const maps = new Program(new Arena(1 << 16), {}, 64);
    const { uidMappings, gidMappings, writer } = identity;
    const helpers = writeMaps(maps, pid, {
      ociVersion: "1.2.1",
      linux: { uidMappings, gidMappings },
    }, writer);
    maps.walk();
    checkHelpers(helpers);
    send(line, SAYS.waiting);
  }
}
