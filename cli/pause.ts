/**
 * `pause`: containers held still.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `pause`. */
export const help: Help = {
  usage: "pause CONTAINER…",
  summary: "hold every process of containers still",
  about: ["The kernel gives them no time until unpause. Memory, files and connections stay."],
  examples: [{ command: "pause web", does: "then: tiffin unpause web" }],
};

/** Holds containers. */
export async function pause(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  const { pauseContainer } = await import("../runtime/lifecycle/pause.ts");
  return await eachContainer(operands, {
    command: "pause",
    root,
    act: (name) => pauseContainer(root, name),
  });
}
