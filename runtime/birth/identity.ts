/**
 * A process that writes down who it is, for those who come later and find only its file.
 *
 * @module
 */

import { AT, O } from "../../ffi/constants.ts";
import type { Memory } from "../../ffi/memory.ts";
import type { Program } from "../../ffi/program.ts";

/** More than a line of /proc/PID/stat can be long: 52 numbers of at most 20 digits are rare. */
const IDENTITY_SIZE = 512;

/**
 * Has the process that makes these calls write its line of /proc/self/stat into a file.
 *
 * Its first field is the process id and its 22nd the start time: the pair is never used twice.
 * Nobody else can do this so early: whatever comes after is done by a process that can be found.
 *
 * @returns the line, {@linkcode IDENTITY_SIZE} bytes with zeros at the end
 */
export function writeIdentity(program: Program, path: string): Memory {
  const line = program.arena.allocate(IDENTITY_SIZE, "stat");
  const self = program.call("who is this? Process id, start time and more, proc_pid_stat(5)", {
    name: "self",
  }).open("/proc/self/stat", O.RDONLY | O.CLOEXEC, 0);
  const length = program.call("as the host counts", { name: "length" }).read(
    self,
    line,
    IDENTITY_SIZE,
  );
  program.call("known").close(self);
  const file = program.call("for whoever has to find this process later", { name: "file" })
    .open(`${path}.new`, O.WRONLY | O.CREAT | O.TRUNC | O.CLOEXEC, 0o600);
  program.call("the line").write(file, line, length);
  program.call("written").close(file);
  program.call("in one piece, or not at all").renameat(AT.FDCWD, `${path}.new`, AT.FDCWD, path);
  return line;
}
