/**
 * A command that is killed at one of its steps, and the program that is killed there.
 *
 * A step is a call that changes something outside of the process: a file, a lock, another process.
 * Arguments: the data root, the number of the step, and the command's words. Just before the step
 * it kills itself; standard output says how many steps there were where it came to its end.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { SIG } from "../../../ffi/constants.ts";
import { attempt, libc } from "../../../ffi/libc.ts";
import { Program } from "../../../ffi/program.ts";
import { main } from "../../../cli/main.ts";
import { claimFile, containerDirectory, MONITOR_NAME } from "../../../runtime/records.ts";
import { formatStat, identify } from "../../../runtime/processes.ts";
import { writeStatus } from "../../../runtime/status.ts";
import { project } from "../../helpers/run_tiffin.ts";

/** Runs a command up to a step; false where it came to its end. */
export async function killCommandAt(
  root: string,
  at: number,
  words: readonly string[],
): Promise<boolean> {
  const { code, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "-A", "--no-check"],
      ...[`${project}/tests/runtime/lifecycle/killed_command.ts`, root, `${at}`, ...words],
    ],
    env: { TIFFIN_NETWORK: "none", NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (signal === "SIGKILL") return true;
  assert(code === 0, `${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return false;
}

let left = Infinity;

// deno-lint-ignore no-explicit-any
type Functions = Record<string, (...args: any[]) => unknown>;

/** Counts the calls of functions as steps, and kills this process before the last one. */
function watch(functions: Functions, names: string[], isStep = (..._args: unknown[]) => true) {
  for (const name of names) {
    const original = functions[name];
    functions[name] = function (this: unknown, ...args: unknown[]) {
      if (isStep(...args) && left-- === 0) Deno.kill(Deno.pid, "SIGKILL");
      return original.apply(this, args);
    };
  }
}

function watchAll(): void {
  const deno = Deno as unknown as Functions;
  watch(deno, ["mkdirSync", "removeSync", "renameSync", "symlinkSync", "utimeSync", "chmodSync"]);
  watch(deno, ["writeFileSync", "writeTextFileSync"]);
  watch(deno, ["openSync"], (_path, options) => (options as Deno.OpenOptions)?.write ?? false);
  const file = Deno.FsFile.prototype as unknown as Functions;
  watch(file, ["writeSync", "syncSync", "lockSync", "tryLockSync"]);
  const calls = ["kill", "pidfd_send_signal", "rmdir", "unlinkat", "setns", "renameat", "mkdir"];
  for (const each of [attempt, libc]) watch(each as unknown as Functions, calls);
  watch(Program.prototype as unknown as Functions, ["walk"]);
}

/** Makes this process the one that has watched a container to its end, as `reap` has. */
function pretendMonitor(root: string, id: string): void {
  const self = identify("self")!;
  Deno.writeTextFileSync(claimFile(root, id), formatStat(self, MONITOR_NAME));
  const now = Date.now();
  writeStatus(containerDirectory(root, id), {
    ...{ wait: SIG.KILL, started: now, ended: now, kills: 0 },
    owner: self,
  });
}

if (import.meta.main) {
  const [root, at, ...words] = Deno.args;
  if (words[0] === "reap") pretendMonitor(root, words[1]);
  left = Number(at);
  watchAll();
  Deno.exit(await main(["--root", root, ...words]));
}
