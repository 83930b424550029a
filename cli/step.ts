/**
 * `step`: a container's birth one call at a time, with what each call changes.
 *
 * @module
 */

import { start } from "../runtime/container.ts";
import { prepare } from "../runtime/prepare.ts";
import { Quit, Stepper } from "../runtime/stepping/stepper.ts";
import { wrongFlag } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { attend, parse, toRequest } from "./run.ts";
import { StepKeys } from "./step_keys.ts";
import { StepSheet } from "./step_sheet.ts";

/** The exit codes of a command that a signal has ended. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs the command. @returns the container's exit code; 0 for one that was given up */
export async function step(args: string[], { root }: Context): Promise<number> {
  const command = await parse(args);
  if (command.explain || command.trace) {
    throw wrongFlag("step shows each call by itself: leave --explain and --trace away");
  }
  if (command.detach || command.restart || command.name || command.cidfile) {
    throw wrongFlag(
      "step stays with a container that is gone when it ends: leave --detach, --restart, " +
        "--name and --cidfile away",
    );
  }
  const isAlone = !Deno.stdin.isTerminal() || !Deno.stdout.isTerminal();
  const audience = isAlone ? new StepSheet() : new StepKeys();
  const stepper = new Stepper(audience);
  const prepared = await prepare(await toRequest(command, root), stepper);
  stepper.conduct(prepared);
  audience.open(prepared.record.id, stepper.steps);
  let code = 0;
  const listeners = Object.entries(SIGNALS).map(([name, number]) => {
    const listener = () => {
      code = number;
      audience.quit();
    };
    Deno.addSignalListener(name as Deno.Signal, listener);
    return [name as Deno.Signal, listener] as const;
  });
  const unlisten = () => {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  };
  try {
    const container = await start(prepared);
    try {
      await stepper.end();
    } catch (error) {
      await container.wait();
      throw error;
    }
    unlisten();
    audience.close();
    return await attend(container);
  } catch (error) {
    // what the last call did is told before why it failed
    await stepper.end().catch(() => {});
    unlisten();
    audience.close();
    if (!(error instanceof Quit)) throw error;
    print("\nGiven up: the half-made container is gone.\n");
    return code;
  }
}
