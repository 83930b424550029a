/**
 * A start that stops at one of its calls: the program that killed_start_test.ts kills.
 *
 * Arguments: the data root, and the number of the call. In the parent's part the process kills
 * itself there; in the child's part the child says `k` on standard output, and waits.
 *
 * @module
 */

import { SIG } from "../../ffi/constants.ts";
import type { Program, Step, Weave } from "../../ffi/program.ts";
import { start } from "../../runtime/container.ts";
import { findImage } from "../../runtime/images/find.ts";
import { prepare } from "../../runtime/prepare.ts";

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
