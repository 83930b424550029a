/**
 * Notes on a container: `--label`, `--label-file`, `--annotation`.
 *
 * @module
 */

import type { RunCommand, RunFlags } from "../run_flags.ts";
import { readList } from "./lists.ts";
import { parseLabel, parsePair } from "./values.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { label = [], annotation, "label-file": files = [] } = flags;
  const fromFiles = files.flatMap((file) => readList("label-file", file))
    .map(([name, value = ""]): [string, string] => [name, value]);
  command.labels = Object.fromEntries([...fromFiles, ...label.map(parseLabel)]);
  if (!annotation) return;
  const pairs = annotation.map((text) => parsePair("annotation", text));
  command.options.annotations = Object.fromEntries(pairs);
}
