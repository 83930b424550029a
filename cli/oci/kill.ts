/**
 * `oci kill`: a signal for a container.
 *
 * @module
 */

import { findContainer } from "../../runtime/oci/container.ts";
import { killContainer } from "../../runtime/oci/kill.ts";
import { signalNumber } from "../../runtime/signal_number.ts";
import { type FlagTable, parseFlags, UsageError } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import type { OciContext } from "./context.ts";

const FLAGS = {
  all: { short: "a", help: "every process in the container gets it" },
} as const satisfies FlagTable;

/** The help of `oci kill`. */
export const help: Help = {
  usage: "oci kill [FLAGS] ID [SIGNAL]",
  summary: "send a signal (TERM) to the first process of a container",
  flags: { Flags: FLAGS },
  examples: [
    { command: "oci kill box", does: "SIGTERM" },
    { command: "oci kill --all box 9", does: "SIGKILL, for all that run in it" },
  ],
};

/** Sends the signal. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const [id, word = "TERM", ...more] = operands;
  if (id === undefined || more.length) {
    throw new UsageError("kill takes the id of one container, and a signal");
  }
  const signal = signalNumber(word);
  if (signal === undefined) throw new UsageError(`unknown signal ${JSON.stringify(word)}`);
  await killContainer(findContainer(root, id), signal, flags.all);
  return 0;
}
