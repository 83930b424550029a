/**
 * `unpause`: paused containers let go on.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `unpause`. */
export const help: Help = {
  usage: "unpause CONTAINER…",
  summary: "let paused containers go on",
  examples: [{ command: "unpause web", does: "it goes on where it was" }],
};

/** Lets containers go on. */
export async function unpause(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  const { unpauseContainer } = await import("../runtime/lifecycle/pause.ts");
  return await eachContainer(operands, {
    command: "unpause",
    root,
    act: (name) => unpauseContainer(root, name),
  });
}
