/**
 * A process left behind: it goes on when this one has ended, and nobody has to wait for it.
 *
 * @module
 */

import { O, PR } from "../ffi/constants.ts";
import { Arena } from "../ffi/memory.ts";
import { Program } from "../ffi/program.ts";
import { cloneArgs } from "../ffi/structs.ts";

/**
 * Leaves a process behind that makes some calls, and ends.
 *
 * It has nothing of this process's but its environment: no terminal, no descriptors, no directory,
 * and /dev/null for its streams.
 *
 * @param name what ps(1) shows, 15 characters at the most
 * @param write writes down the calls; the last one may be execve(2)
 */
export function leaveBehind(name: string, write: (program: Program) => void): void {
  const program = new Program(new Arena(1 << 18), {}, 128);
  const [parent, middle] = [program.label(), program.label()];
  const child = program.call("a process that stays…", { fork: { parent } })
    .clone3(cloneArgs(0), 88);
  program.call("…for which nobody has to wait: its parent ends at once", {
    fork: { parent: middle },
  }).clone3(cloneArgs(0), 88);
  program.call("no signal of a terminal's is meant for it").setsid();
  program.call("under a name of its own, for ps(1)").prctl(PR.SET_NAME, name, 0, 0, 0);
  program.call("and it keeps no directory of anybody's busy").chdir("/");
  const nothing = program.call("nor anybody's streams", { name: "nothing" })
    .open("/dev/null", O.RDWR, 0);
  for (const stream of [0, 1, 2]) {
    program.call("nothing to read here, and nobody who listens").dup3(nothing, stream, 0);
  }
  program.call("nor anything else of anybody's").close_range(3, 0xffffffff, 0);
  write(program);
  program.call("done")._exit(0);
  program.place(middle);
  program.call("the process that stays is on its own")._exit(0);
  program.place(parent);
  program.call("the one in the middle has ended").waitpid(child, null, 0);
  program.walk();
}
