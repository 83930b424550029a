/**
 * `network connect`: a container put into one more network.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { addressText } from "./flags/networks.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  alias: { value: "NAME", many: true, help: "another name for it in this network" },
  ip: { value: "ADDRESS", help: "its IPv4 address there" },
  ip6: { value: "ADDRESS", help: "its IPv6 address there" },
} as const satisfies FlagTable;

/** The help of `network connect`. */
export const help: Help = {
  usage: "network connect [FLAGS] NETWORK CONTAINER",
  summary: "put a container into one more network",
  about: ["One that runs joins at once; when it is started again, it is in the network too."],
  flags: { Flags: FLAGS },
  examples: [{ command: "network connect --alias db back mine", does: "mine is also db in back" }],
};

/** Puts a container into a network. */
export async function connect(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const [network, container, third] = operands;
  if (container === undefined || third !== undefined) {
    throw new UsageError(
      "network connect needs a network and a container: network connect back web",
    );
  }
  const { connectContainer } = await import("../runtime/network/membership.ts");
  await connectContainer(root, container, {
    name: network,
    ...(flags.ip && { address: addressText("ip", flags.ip, 4) }),
    ...(flags.ip6 && { address6: addressText("ip6", flags.ip6, 6) }),
    ...(flags.alias && { aliases: flags.alias }),
  });
  return 0;
}
