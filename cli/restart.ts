/**
 * `restart`: containers stopped, and started again.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { readStopFlags, STOP_FLAGS, STOP_HIDDEN } from "./stop.ts";
import type { Help } from "./usage.ts";

/** The help of `restart`. */
export const help: Help = {
  usage: "restart [FLAGS] CONTAINER…",
  summary: "stop containers, and start them again",
  about: [
    "One that does not run is started. --restart of run and update is something else: a rule.",
  ],
  flags: { Flags: STOP_FLAGS },
  examples: [{ command: "restart -t 2 web", does: "it has two seconds to end" }],
};

/** Stops and starts containers. */
export async function restart(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, STOP_FLAGS, { hidden: STOP_HIDDEN });
  const options = await readStopFlags(flags);
  const [{ stopContainer }, { startContainer }] = await Promise.all([
    import("../runtime/lifecycle/signal.ts"),
    import("../runtime/lifecycle/start.ts"),
  ]);
  return await eachContainer(operands, {
    command: "restart",
    root,
    act: async (name) => {
      await stopContainer(root, name, options);
      await startContainer(root, name);
    },
  });
}
