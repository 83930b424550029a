/**
 * `start`: containers that were made or have ended, started.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `start`. */
export const help: Help = {
  usage: "start CONTAINER…",
  summary: "start containers that were made, or have ended",
  about: ["A container has the files, the address and the limits that it had before."],
  examples: [{ command: "start web", does: "it runs again, and this command returns" }],
};

/** Starts containers. */
export async function start(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  const { startContainer } = await import("../runtime/lifecycle/start.ts");
  return await eachContainer(operands, {
    command: "start",
    root,
    act: async (name) => {
      await startContainer(root, name);
    },
  });
}
