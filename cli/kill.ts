/**
 * `kill`: a signal for the first process of containers.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { type FlagTable, parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { readSignal } from "./stop.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  signal: { short: "s", value: "SIGNAL", help: "send this one (default: KILL)" },
} as const satisfies FlagTable;

/** The help of `kill`. */
export const help: Help = {
  usage: "kill [FLAGS] CONTAINER…",
  summary: "send a signal to the first process of containers",
  about: ["Nothing is waited for. All processes of a container end with its first one."],
  flags: { Flags: FLAGS },
  examples: [
    { command: "kill web", does: "SIGKILL: it ends, whatever it does" },
    { command: "kill -s HUP web", does: "many servers read their configuration anew" },
  ],
};

/** Sends a signal to containers. */
export async function kill(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const signal = await readSignal(flags.signal ?? "KILL");
  const { killContainer } = await import("../runtime/lifecycle/signal.ts");
  return await eachContainer(operands, {
    command: "kill",
    root,
    act: (name) => killContainer(root, name, signal),
  });
}
