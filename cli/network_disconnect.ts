/**
 * `network disconnect`: a container taken out of a network.
 *
 * @module
 */

import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "is understood, and changes nothing: there is nothing to force" },
} as const;

/** The help of `network disconnect`. */
export const help: Help = {
  usage: "network disconnect NETWORK CONTAINER",
  summary: "take a container out of a network",
  examples: [{ command: "network disconnect bridge web", does: "web keeps its other networks" }],
};

/** Takes a container out of a network. */
export async function disconnect(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, FLAGS);
  const [network, container, third] = operands;
  if (container === undefined || third !== undefined) {
    throw new UsageError(
      "network disconnect needs a network and a container: network disconnect back web",
    );
  }
  const { disconnectContainer } = await import("../runtime/network/membership.ts");
  await disconnectContainer(root, container, network);
  return 0;
}
