/**
 * `rm`: containers removed, with all that they have written.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { type FlagTable, type Hidden, parseFlags } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "also those that run: they are killed; one that is gone is no error" },
  volumes: { short: "v", help: "their volumes without a name too (they always go)" },
} as const satisfies FlagTable;

const HIDDEN: Readonly<Record<string, Hidden>> = {
  link: { short: "l", refused: "there are no links; network disconnect takes it out of a network" },
};

/** The help of `rm`. */
export const help: Help = {
  usage: "rm [FLAGS] CONTAINER…",
  summary: "remove containers, with all that they have written",
  about: ["Volumes that have a name stay: others may use them. volume rm removes them."],
  flags: { Flags: FLAGS },
  examples: [
    { command: "rm web", does: "one that has ended" },
    { command: "rm -f web db", does: "whether they run or not" },
  ],
};

/** Removes containers. */
export async function rm(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS, { hidden: HIDDEN });
  const [{ removeContainer }, { NoSuchContainerError }, { printError }] = await Promise.all([
    import("../runtime/lifecycle/remove.ts"),
    import("../runtime/containers.ts"),
    import("./output.ts"),
  ]);
  return await eachContainer(operands, {
    command: "rm",
    root,
    act: async (name) => {
      try {
        await removeContainer(root, name, { isForced: flags.force });
      } catch (error) {
        if (!flags.force || !(error instanceof NoSuchContainerError)) throw error;
        // as Docker does: said, and no failure
        printError(`tiffin: ${error.message}\n`);
        return false;
      }
    },
  });
}
