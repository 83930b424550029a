/**
 * `wait`: the exit codes of containers, once they have ended.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `wait`. */
export const help: Help = {
  usage: "wait CONTAINER…",
  summary: "wait until containers have ended, and print their exit codes",
  about: ["One that has ended already has its code printed at once; one that never ran has 0."],
  examples: [{ command: "wait build", does: "its exit code, on a line" }],
};

/** Waits for containers. */
export async function wait(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  const { waitForContainer } = await import("../runtime/lifecycle/wait.ts");
  return await eachContainer(operands, {
    command: "wait",
    root,
    act: async (name) => String((await waitForContainer(root, name)).code),
  });
}
