/**
 * Notes on a container: `--label`, `--label-file`, `--annotation`.
 *
 * @module
 */

import type { RunCommand, RunFlags } from "../run_flags.ts";
import { wrongValue } from "./grammar.ts";
import { readList } from "./lists.ts";
import { parsePair } from "./values.ts";

/** Writes what these flags say into the command. */
export function read(flags: RunFlags, command: RunCommand): void {
  const { label = [], annotation, "label-file": files = [] } = flags;
  const fromFiles = files.flatMap((file) => readList("label-file", file))
    .map(([name, value = ""]): [string, string] => [name, value]);
  const typed = label.map((text): [string, string] => {
    const [name] = text.split("=", 1);
    if (name === "") throw wrongValue("label", text, "has no name before the =");
    return [name, text.slice(name.length + 1)];
  });
  command.labels = Object.fromEntries([...fromFiles, ...typed]);
  if (!annotation) return;
  const pairs = annotation.map((text) => parsePair("annotation", text));
  command.options.annotations = Object.fromEntries(pairs);
}
