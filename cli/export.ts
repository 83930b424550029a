/**
 * `export`: write all files of a container to a tar.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { printError } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  output: { short: "o", value: "FILE", help: "write to this file, not to standard output" },
} as const satisfies FlagTable;

/** The help of `export`. */
export const help: Help = {
  usage: "export [FLAGS] CONTAINER [>TAR]",
  summary: "write all files of a container to a tar",
  about: [
    "What is mounted in the container, as volumes are, is not among them. import makes an image of " +
    "the tar; commit makes one that keeps the image's layers and what it starts with.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "export -o box.tar box", does: "the files of the container box" },
    { command: "export box | tar -t", does: "only their names" },
  ],
};

/** Exports a container. */
export async function exportContainer(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 1) throw new UsageError("export needs one container: export -o FILE box");
  const [{ findContainer }, { containerFiles }, { checkOutput, writeOutput }] = await Promise.all([
    import("../runtime/containers.ts"),
    import("../runtime/images/container_tree.ts"),
    import("./file_output.ts"),
  ]);
  checkOutput(flags.output, "export writes a tar: export -o FILE, or export … >FILE");
  const { directory, record } = await findContainer(root, operands[0]);
  await using watch = new PullWatch(true);
  const { signal } = watch;
  const { request: { from } } = record;
  const files = containerFiles(root, { directory, from }, { onSkipped: tell, signal });
  await writeOutput(flags.output, files, signal);
  return 0;
}

/** Says what an archive does not hold as it is. */
export async function tell(name: string, reason: string): Promise<void> {
  const { showName } = await import("../runtime/images/names.ts");
  printError(`${showName(name)} is left out: ${reason}\n`);
}
