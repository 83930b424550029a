/**
 * `oci state`: the specification's state of a container, as JSON.
 *
 * @module
 */

import { findContainer, stateOf } from "../../runtime/oci/container.ts";
import { parseFlags } from "../flags/grammar.ts";
import { print } from "../output.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";

/** The help of `oci state`. */
export const help: Help = {
  usage: "oci state ID",
  summary: "print the state of a container as JSON",
  examples: [{ command: "oci state box", does: "status, process id, bundle, annotations" }],
};

/** Prints the state. */
// deno-lint-ignore require-await -- a command is a promise of its exit code
export async function command(args: string[], { root }: OciContext): Promise<number> {
  const container = findContainer(root, onlyId("state", parseFlags(args, {}).operands));
  const { record: { root: rootfs, created } } = container;
  print(`${JSON.stringify({ ...stateOf(container), rootfs, created }, null, 2)}\n`);
  return 0;
}
