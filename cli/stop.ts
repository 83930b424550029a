/**
 * `stop`: containers are asked to end, and killed when they do not.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { type FlagTable, type Hidden, parseFlags, wrongValue } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The flags that `restart` has as well. */
export const STOP_FLAGS = {
  signal: {
    short: "s",
    value: "SIGNAL",
    help: "ask with this signal (default: the image's, or TERM)",
  },
  time: { short: "t", value: "SECONDS", help: "wait so long before the kill (10); -1: for ever" },
} as const satisfies FlagTable;

/** What newer Dockers call `--time`. */
export const STOP_HIDDEN: Readonly<Record<string, Hidden>> = { timeout: { alias: "time" } };

/** The help of `stop`. */
export const help: Help = {
  usage: "stop [FLAGS] CONTAINER…",
  summary: "ask containers to end, and kill those that do not",
  about: [
    "A program that has no handler for the signal does not get it when it is process 1 of its " +
    "container: then the kill ends it.",
  ],
  flags: { Flags: STOP_FLAGS },
  examples: [
    { command: "stop web", does: "SIGTERM, and SIGKILL after ten seconds" },
    { command: "stop -t 0 web", does: "no patience at all" },
  ],
};

/** Stops containers. */
export async function stop(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, STOP_FLAGS, { hidden: STOP_HIDDEN });
  const options = await readStopFlags(flags);
  const { stopContainer } = await import("../runtime/lifecycle/signal.ts");
  return await eachContainer(operands, {
    command: "stop",
    root,
    act: (name) => stopContainer(root, name, options),
  });
}

/** Reads the flags that say how a container is asked to end. */
export async function readStopFlags(
  flags: { signal?: string; time?: string },
): Promise<{ signal?: number; timeout?: number }> {
  const { signal, time } = flags;
  if (time !== undefined && !/^-?\d+$/.test(time)) {
    throw wrongValue("time", time, "is not a number of seconds");
  }
  return {
    signal: signal === undefined ? undefined : await readSignal(signal),
    timeout: time === undefined ? undefined : Number(time),
  };
}

/** Reads the name or the number of a signal. */
export async function readSignal(text: string): Promise<number> {
  const { signalNumber } = await import("../runtime/lifecycle/signal.ts");
  const number = signalNumber(text);
  if (number !== undefined) return number;
  throw wrongValue("signal", text, "is not a signal; write SIGTERM, TERM or 15");
}
