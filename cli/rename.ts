/**
 * `rename`: another name for a container.
 *
 * @module
 */

import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `rename`. */
export const help: Help = {
  usage: "rename CONTAINER NAME",
  summary: "give a container another name",
  examples: [{ command: "rename web old-web", does: "whether it runs or not" }],
};

/** Gives a container another name. */
export async function rename(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  if (operands.length !== 2) throw new UsageError("rename needs a container and its new name");
  const [container, name] = operands;
  const [{ renameContainer }, { checkName }] = await Promise.all([
    import("../runtime/lifecycle/rename.ts"),
    import("./run_flags.ts"),
  ]);
  await renameContainer(root, container, checkName(name, "rename"));
  return 0;
}
