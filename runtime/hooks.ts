/**
 * Hooks of the runtime's own namespaces: programs of the host's that are told of a container.
 *
 * `prestart` and `createRuntime` are run while the container waits for its start, `poststart` once
 * its program runs, `poststop` when it is deleted (runtime-spec, config.md, "POSIX-platform Hooks").
 * The other two kinds are run by the container's own process, birth/hooks.ts.
 *
 * Each is a program of calls, and not a command of Deno's, since a hook has an `argv[0]` of its own.
 * What it prints goes into a file in memory: a pipe would have to be read to its end, and a hook
 * that leaves a daemon behind never ends it.
 *
 * @module
 */

import { MFD } from "../ffi/constants.ts";
import { errnoName } from "../ffi/errno.ts";
import { attempt } from "../ffi/libc.ts";
import { Arena, type Ref } from "../ffi/memory.ts";
import { Program } from "../ffi/program.ts";
import { runProgram } from "./birth/run_program.ts";
import { readWaitStatus } from "./processes.ts";
import type { Hook, Hooks } from "./spec.ts";
import type { State } from "./spec/state.ts";

/** A hook that did not end well. */
export class HookError extends Error {
  /** The class's name, for messages. */
  override name = "HookError";

  /**
   * Says which hook it was, how it ended, and the last that it said.
   *
   * @param field the hook's place in the spec, `hooks.poststop[0]`
   * @param problem how it ended
   */
  constructor(readonly field: string, problem: string) {
    super(`${field}: ${problem}`);
  }
}

/**
 * Runs the hooks of one kind, one after the other, with the container's state on standard input.
 *
 * @throws {HookError} for the first that does not end with status 0; those after it are not run
 */
export async function runHooks(
  kind: keyof Hooks,
  hooks: readonly Hook[],
  state: State,
): Promise<void> {
  for (const [i, hook] of hooks.entries()) await runHook(`hooks.${kind}[${i}]`, hook, state);
}

/**
 * Runs all hooks of one kind, also when some of them fail: so it is with `poststart` and `poststop`,
 * whose failures the specification wants logged, and nothing else.
 *
 * @returns what went wrong, for a log
 */
export async function runAllHooks(
  kind: keyof Hooks,
  hooks: readonly Hook[],
  state: State,
): Promise<HookError[]> {
  const errors: HookError[] = [];
  for (const [i, hook] of hooks.entries()) {
    try {
      await runHook(`hooks.${kind}[${i}]`, hook, state);
    } catch (error) {
      if (!(error instanceof HookError)) throw error;
      errors.push(error);
    }
  }
  return errors;
}

async function runHook(field: string, hook: Hook, state: State): Promise<void> {
  const { path, args, env = [], timeout } = hook;
  const text = new TextEncoder().encode(JSON.stringify(state));
  const room = [path, ...args ?? [], ...env].reduce((sum, word) => sum + word.length * 3 + 16, 0);
  const program = new Program(new Arena(16 * 1024 + text.length + room), {}, 32);
  const input = program.call("a file in memory", { name: "input" })
    .memfd_create("state", MFD.CLOEXEC);
  const output = program.call("another for what it prints", { name: "output" })
    .memfd_create("output", MFD.CLOEXEC);
  program.call("the container's state").write(input, text, text.length);
  program.call("to be read from its beginning").lseek(input, 0, 0);
  const status = runProgram(program, {
    paths: [path],
    args: args?.length ? args : [path],
    env,
    directory: state.bundle,
    descriptors: [input, output, output],
    timeout,
    why: field,
    subject: field,
  });
  program.end();
  try {
    await program.walkOffThread();
  } catch (error) {
    const problem = problemOf(program, hook, status, output);
    throw new HookError(field, problem ?? (error as Error).message);
  } finally {
    for (const { value } of [input, output]) if (value > 0) attempt.close(value);
  }
}

/** How a hook ended; undefined where it was not even begun. */
function problemOf(
  program: Program,
  { path, timeout }: Hook,
  status: Ref,
  output: Ref,
): string | undefined {
  const stepOf = (name: string) => program.steps.find((step) => step.name === name);
  for (const [name, what] of [["chdir", "the bundle"], ["execve", path]]) {
    // the helper has failed in memory that it shares with this process
    const { errno } = program.outcome(stepOf(name)!);
    if (errno) return `${what}: ${errnoName(errno)}`;
  }
  if (status.value === 0) return undefined;
  const kill = stepOf("kill");
  if (kill && program.outcome(kill).count > 0) return `${path} did not end within ${timeout} s`;
  const { code, signal } = readWaitStatus(status.value);
  const end = signal ? `was killed by signal ${signal}` : `ended with status ${code}`;
  const said = lastWords(output.value);
  return `${path} ${end}${said && `: ${said}`}`;
}

/** What a hook printed last, on one line. */
function lastWords(output: number): string {
  const END = 2;
  const bytes = new Uint8Array(4096);
  const from = Math.max(0, attempt.lseek(output, 0, END) - bytes.length);
  const count = Math.max(0, attempt.pread(output, bytes, bytes.length, from));
  const lines = new TextDecoder().decode(bytes.subarray(0, count)).trim().split("\n");
  return lines.slice(-3).join("; ");
}
