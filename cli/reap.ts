/**
 * `reap`: what is left to do when a detached container has ended. Nobody types this.
 *
 * @module
 */

import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `reap`. */
export const help: Help = {
  usage: "reap CONTAINER",
  summary: "start a container again, or remove it, when it has ended",
  about: [
    "The monitor of a container becomes this command where --rm, --restart or a network leave " +
    "something to do. For anybody else it does nothing.",
  ],
  examples: [{ command: "reap ID", does: "what the monitor of a container is at its end" }],
};

/** Does what is left to do, if this process is the one that has to. */
export async function reap(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  if (operands.length !== 1) throw new UsageError("reap needs the ID of a container");
  const { reap: reapContainer } = await import("../runtime/lifecycle/reap.ts");
  await reapContainer(root, operands[0]);
  return 0;
}
