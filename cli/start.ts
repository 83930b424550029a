/**
 * `start`: containers that were made or have ended, started.
 *
 * @module
 */

import { eachContainer } from "./each_container.ts";
import { ATTACH_FLAGS } from "./flags/attach_table.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  attach: { short: "a", help: "see what it writes, and stay until it ends" },
  interactive: { short: "i", help: "the same, and type to it" },
  ...ATTACH_FLAGS,
} as const satisfies FlagTable;

/** The help of `start`. */
export const help: Help = {
  usage: "start [FLAGS] CONTAINER…",
  summary: "start containers that were made, or have ended",
  about: ["A container has the files, the address and the limits that it had before."],
  flags: { Flags: FLAGS },
  examples: [
    { command: "start web", does: "it runs again, and this command returns" },
    { command: "start -ai box", does: "it runs again in this terminal" },
  ],
};

/** Starts containers. */
export async function start(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const { startContainer } = await import("../runtime/lifecycle/start.ts");
  if (!flags.attach && !flags.interactive) {
    return await eachContainer(operands, {
      command: "start",
      root,
      act: async (name) => {
        await startContainer(root, name);
      },
    });
  }
  const [name] = operands;
  if (operands.length !== 1) throw new UsageError("start -a needs one container: start -a web");
  const [{ assertHasLog, attachTo }, { findContainer }, { LogReader }, { onGap }] = await Promise
    .all([
      import("./attach.ts"),
      import("../runtime/containers.ts"),
      import("../runtime/logs.ts"),
      import("./logs.ts"),
    ]);
  const before = await findContainer(root, name);
  assertHasLog(before);
  // what it writes before somebody looks is not missed
  using log = before.state === "running"
    ? undefined
    : new LogReader(before, { fromEnd: true, onGap });
  return await attachTo(root, await startContainer(root, name), {
    detachKeys: flags["detach-keys"],
    passesSignals: flags["sig-proxy"],
    hasInput: flags.interactive ?? false,
    log,
  });
}
