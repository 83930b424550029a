/**
 * The files of a log: a full one is put behind, a fresh one takes its place.
 *
 * A program of calls cannot count, but the kernel can: RLIMIT_FSIZE (prlimit(2)) ends a write at so
 * many bytes of a file, and refuses the next one with EFBIG. The newest file is `log`, the one before
 * it `log.1`, and so on. Whatever moment a kill comes at, each file is whole and the order is right:
 * the fresh file is there before the first name changes, the oldest goes first, and a name in the
 * middle may be missing.
 *
 * @module
 */

import { AT, O, RLIMIT, SIG } from "../../ffi/constants.ts";
import type { Memory, Ref } from "../../ffi/memory.ts";
import type { Label, Program } from "../../ffi/program.ts";
import type { LogRequest } from "../container_request.ts";
import { jump } from "./jump.ts";

/** How large a log may become. */
export interface LogLimits {
  /** bytes of a file; `undefined`: without end */
  size?: number;
  /** how many files there are at most */
  files: number;
}

/** Docker's, of its driver `local`. */
const DEFAULT: Required<LogLimits> = { size: 20 * 1024 * 1024, files: 5 };

/** How large a container's log may become: what was asked for, or the default. */
export function limitsOf(
  { driver, size = DEFAULT.size, files = DEFAULT.files }: LogRequest = {},
): LogLimits {
  return size === -1 || driver === "none" ? { files: 1 } : { size, files };
}

/** A file of a container's log. @param age how many there are that are newer */
export function logFile(directory: string, age = 0): string {
  return age === 0 ? `${directory}/log` : `${directory}/log.${age}`;
}

/** What a disk can answer that is full, broken or gone: it loses output, and not the container. */
export const LOSSES: readonly string[] = [
  ...["ENOSPC", "EDQUOT", "EFBIG", "EIO", "ENOENT", "EROFS", "EACCES", "EPERM"],
  ...["ENOMEM", "ENFILE", "EMFILE", "ENODEV", "ESTALE", "EUCLEAN", "EINTR"],
];

/**
 * Has the kernel count what this process writes into a file.
 *
 * @returns the limit that there was before, for {@linkcode liftLimit}
 */
export function setLimit(program: Program, size: number): Memory {
  const before = program.arena.allocate(16, "before");
  const limit = program.arena.allocate(16, "limit");
  limit.text = `{rlim_cur=${size}, rlim_max=as before}`;
  program.arena.setWord(limit.address, size);
  program.call("how large a file may become that the monitor writes")
    .prlimit(0, RLIMIT.FSIZE, null, before);
  program.call("only the soft limit is another one: it can be raised again")
    .memcpy(limit.address + 8, before.address + 8, 8);
  // a hard limit that is less holds anyway
  program.call("the kernel counts the bytes of the log, and says EFBIG", { allow: ["EINVAL"] })
    .prlimit(0, RLIMIT.FSIZE, limit, null);
  return before;
}

/** Takes the limit back, for what the monitor becomes. */
export function liftLimit(program: Program, before: Memory): void {
  program.call("the limit was the log's alone").prlimit(0, RLIMIT.FSIZE, before, null);
  // with EFBIG comes a signal, which has been blocked so far
  for (const action of [IGNORE, DEFAULT_ACTION]) {
    const why = action === IGNORE
      ? "SIGXFSZ came with each full file: whatever waits is forgotten"
      : "and from now on it is a signal like the others";
    program.call(why).rt_sigaction(SIG.XFSZ, action, null, 8);
  }
}

/** `struct sigaction` as the kernel has it: SIG_DFL is all zeros. */
const DEFAULT_ACTION = { bytes: new Uint8Array(32), text: "{SIG_DFL}" };
const IGNORE = { bytes: Uint8Array.of(1, ...new Uint8Array(31)), text: "{SIG_IGN}" };

/**
 * Puts the files one place further behind, and a fresh one under the log's descriptor.
 *
 * @param failed where to go on when there can be no fresh file: then nothing has changed
 */
export function rotate(
  program: Program,
  { log, directory, files }: { log: Ref; directory: string; files: number },
  failed: Label,
): void {
  const [isThere, isPlaced] = [program.label(), program.label()];
  const newest = logFile(directory);
  const fresh = program.call("a fresh file, before anything is put behind", {
    name: "fresh",
    allow: LOSSES,
    onSuccess: isThere,
  }).open(`${newest}.new`, O.WRONLY | O.CREAT | O.TRUNC | O.APPEND | O.CLOEXEC, 0o600);
  jump(program, failed, "there is none: what was to be written is lost");
  program.place(isThere);
  for (let age = files - 1; age > 0; age--) {
    const why = age > 1 ? "each takes the next one's place" : "the full one is put behind";
    program.call(why, { allow: LOSSES })
      .renameat(AT.FDCWD, logFile(directory, age - 1), AT.FDCWD, logFile(directory, age));
  }
  program.call("the fresh one is the log", { allow: LOSSES, onSuccess: isPlaced })
    .renameat(AT.FDCWD, `${newest}.new`, AT.FDCWD, newest);
  program.call("nobody would find it: it is not used").close(fresh);
  jump(program, failed, "what was to be written is lost");
  program.place(isPlaced);
  program.call("also to the monitor").dup3(fresh, log, O.CLOEXEC);
  program.call("one number is enough").close(fresh);
}
