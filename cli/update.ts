/**
 * `update`: other limits for containers, and another restart policy, whether they run or not.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { LIFECYCLE, LIMITS } from "./flags/run_table.ts";
import type { Context } from "./main.ts";
import { printError } from "./output.ts";
import type { RunCommand } from "./run_flags.ts";
import type { Help } from "./usage.ts";

const {
  ulimit: _,
  "oom-score-adj": __,
  "oom-kill-disable": ___,
  "cgroup-parent": ____,
  ...CHANGEABLE
} = LIMITS;

const FLAGS = {
  ...CHANGEABLE,
  restart: LIFECYCLE.restart,
} as const satisfies FlagTable;

/** The help of `update`. */
export const help: Help = {
  usage: "update FLAGS CONTAINER…",
  summary: "change the limits of containers, and whether they are started again",
  about: [
    "A container that runs has the new limits at once. One that was started without any limit of a " +
    "kind has to be stopped first, and one that was started without a restart policy may have it " +
    "from its next start on: update says so then.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "update -m 256m --pids-limit 100 web", does: "it has less from now on" },
    { command: "update --restart no web", does: "when it ends, it stays ended" },
  ],
};

/** Changes containers. */
export async function update(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (Object.keys(flags).length === 0) {
    throw new UsageError("update needs something to change, as in: update -m 256m web");
  }
  const [{ updateContainer }, { read }, { readRestart }] = await Promise.all([
    import("../runtime/lifecycle/update.ts"),
    import("./flags/limits.ts"),
    import("./flags/lifecycle.ts"),
  ]);
  const command: Pick<RunCommand, "options" | "swapIsDefault"> = {
    options: {},
    swapIsDefault: false,
  };
  read(flags, command as RunCommand);
  const { options: { resources }, swapIsDefault } = command;
  const restart = flags.restart === undefined ? undefined : readRestart(flags.restart) ?? "no";
  return await eachContainer(operands, {
    command: "update",
    root,
    act: async (name) => {
      const { restartsLater } = await updateContainer(root, name, {
        resources,
        swapIsDefault,
        restart,
      });
      if (!restartsLater) return;
      printError(
        `tiffin: ${name} was started without a restart policy: it has this one from its next ` +
          `start on: tiffin restart ${name}\n`,
      );
    },
  });
}
