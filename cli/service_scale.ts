/**
 * `service scale`: more or fewer containers for services.
 *
 * @module
 */

import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { parseReplicas } from "./service_create.ts";
import type { Help } from "./usage.ts";

/** The help of `service scale`. */
export const help: Help = {
  usage: "service scale SERVICE=NUMBER…",
  summary: "have so many containers in services",
  about: ["Those with the highest numbers go first."],
  examples: [{ command: "service scale web=5 db=1", does: "starts or removes what it takes" }],
};

/** Scales services. */
export async function scale(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  const wanted = operands.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 1) throw new UsageError(`${word}: write service scale ${word}=3`);
    return [word.slice(0, equals), parseReplicas("replicas", word.slice(equals + 1))] as const;
  });
  if (wanted.length === 0) throw new UsageError("service scale needs a service: scale web=3");
  const { scaleService } = await import("../runtime/services.ts");
  for (const [name, replicas] of wanted) {
    await scaleService(root, name, replicas);
    print(`${name} scaled to ${replicas}\n`);
  }
  return 0;
}
