/**
 * Why a start failed: the failed call, what is seen of the child that is held where it fell, and what
 * to try next.
 *
 * The kernel answers a failed call with one number. Which rule was broken can only be seen by
 * looking: at the mounts of the child, at its root, at its rights. The finders in diagnosis/ do
 * that, each for one function and one number; where none of them finds anything, the call and its
 * errno are all that there is to say.
 *
 * @module
 */

import { SyscallError } from "../ffi/errno.ts";
import type { Program, Step } from "../ffi/program.ts";
import type { Failure } from "./birth/launch.ts";
import { BINDS } from "./diagnosis/binds.ts";
import { EXECUTE, exitCodeOf } from "./diagnosis/execute.ts";
import { FILES } from "./diagnosis/files.ts";
import { HELPERS } from "./diagnosis/helpers.ts";
import { MOUNTS } from "./diagnosis/mounts.ts";
import { NAMESPACES } from "./diagnosis/namespaces.ts";
import { PIVOT } from "./diagnosis/pivot.ts";
import { RIGHTS } from "./diagnosis/rights.ts";
import { type Cases, type Finding, Scene } from "./diagnosis/scene.ts";

/** A container that could not be started; nothing of it is left. */
export class StartError extends Error {
  /** The class's name, for messages. */
  override name = "StartError";
  /** The failed call, and the finding as its hint. */
  declare readonly cause: SyscallError;
  /** What a command exits with: 127 for no program, 126 for one that cannot be run, else 125. */
  readonly exitCode: 125 | 126 | 127;
  /** The group of steps that the failed one belongs to. */
  readonly phase: string;

  /**
   * The message is the phase, the call with its arguments, the errno and the finding.
   *
   * @param step the step that failed
   * @param cause the failed call
   * @param finding why it failed, where that could be seen
   */
  constructor(readonly step: Step, cause: SyscallError, readonly finding?: Finding) {
    super(`${step.phase.title}: ${cause.message}`, { cause });
    this.phase = step.phase.title;
    this.exitCode = step.name === "execve" ? exitCodeOf(cause.errno) : 125;
  }
}

/** Every case by function; a function may be in several tables, which are asked in this order. */
const TABLES: Cases[] = [PIVOT, EXECUTE, MOUNTS, BINDS, NAMESPACES, RIGHTS, FILES, HELPERS];

/**
 * Finds out why a start failed; launch.ts calls it while the failed child is still held.
 *
 * @param failure the step that failed, and the child
 * @param read reads a file of the host's; a test can give another machine's
 */
// deno-lint-ignore require-await -- the caller lets a diagnosis take its time
export async function examine(
  failure: Failure,
  read?: (path: string) => string | undefined,
): Promise<StartError> {
  const { program } = failure;
  const finding = find(failure, read);
  const step = finding?.step ?? failure.step;
  const hint = finding && [finding.cause, finding.advice].filter(Boolean).join("; ");
  return new StartError(step, describe(program, step, hint), finding);
}

function find(failure: Failure, read?: (path: string) => string | undefined): Finding | undefined {
  try {
    using scene = new Scene(failure, read);
    for (const table of TABLES) {
      const finding = table[failure.step.name]?.[scene.code]?.(scene);
      if (finding) return finding;
    }
  } catch {
    // what cannot be looked at explains nothing, and must not take the place of the first error
  }
}

/** The longest text of a call's arguments: layers and commands can fill screens. */
const LONGEST = 400;

/** The failed call. An environment is only counted: it may hold secrets. */
function describe(program: Program, step: Step, hint?: string): SyscallError {
  const { call, args, errno } = program.error(step);
  return new SyscallError(call, shorten(call === "execve" ? programText(step) : args), errno, hint);
}

function programText({ args }: Step): string {
  const [path, argv, environment] = args as [string, string[], string[]];
  const words = argv.map((word) => JSON.stringify(word)).join(", ");
  return `${JSON.stringify(path)}, [${shorten(words)}], [${environment.length} variables]`;
}

function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 100)} … ${text.slice(-80)}` : text;
}
