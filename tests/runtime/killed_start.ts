/**
 * A start that is killed at one of its calls, and the program that is killed there.
 *
 * Arguments: the data root, and the number of the call. In the parent's part the process kills
 * itself there; in the child's part the child says `k` on standard output, and waits.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { SIG } from "../../ffi/constants.ts";
import type { Program, Step, Weave } from "../../ffi/program.ts";
import { start } from "../../runtime/container.ts";
import { findImage } from "../../runtime/images/find.ts";
import { prepare } from "../../runtime/prepare.ts";
import { claimsDirectory, containersDirectory, readIdentity } from "../../runtime/records.ts";
import { project } from "../helpers/run_tiffin.ts";

/** Lets a start go to its call number `at`, and kills it there; false for a call that is jumped over. */
export async function killAt(root: string, at: number): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${project}/tests/runtime/killed_start.ts`, root, `${at}`],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  // in the parent's part it has killed itself, and nothing was said
  if (value) child.kill("SIGKILL");
  const { signal, code } = await child.status;
  await reader.cancel();
  if (signal === null) assertEquals(code, 0, `call ${at}: the start failed`);
  return signal === "SIGKILL";
}

/** How many containers and claims there are; a claim without a word in it is made to look old. */
export function aged(root: string): number {
  const claims = names(claimsDirectory(root));
  for (const name of claims) {
    const claim = `${claimsDirectory(root)}/${name}`;
    if (!readIdentity(claim)) Deno.utimeSync(claim, 0, 0);
  }
  return new Set([...claims, ...names(containersDirectory(root))]).size;
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name);
}

/** Steps put in before one call. */
class Halt implements Weave {
  private seen = 0;

  constructor(private readonly at: number) {}

  before(program: Program, _step: Step): void {
    if (this.seen++ !== this.at) return;
    const isChild = program.steps.some((step) => step.options.fork);
    if (!isChild) program.call("die here").kill(Deno.pid, SIG.KILL);
    else {
      program.call("stand here").write(1, new TextEncoder().encode("k"), 1);
      program.call("until the end").poll(null, 0, -1);
    }
  }
}

if (import.meta.main) {
  const [root, at] = Deno.args;
  const from = await findImage(root, "local");
  const options = { command: ["true"], hostname: "killed" };
  const prepared = await prepare({ dataRoot: root, from, options }, new Halt(Number(at)));
  await (await start(prepared)).wait();
}
