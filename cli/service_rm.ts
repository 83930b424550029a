/**
 * `service rm`: services removed, with all of their containers.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `service rm`. */
export const help: Help = {
  usage: "service rm SERVICE…",
  summary: "remove services, with all of their containers",
  about: ["It does not ask, and the containers are killed."],
  examples: [{ command: "service rm web", does: "port and containers are gone" }],
};

/** Removes services. */
export async function rm(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  if (operands.length === 0) throw new UsageError("service rm needs a service: service rm web");
  const { removeService } = await import("../runtime/services.ts");
  return await eachContainer(operands, {
    command: "service",
    root,
    act: (name) => removeService(root, name),
  });
}
