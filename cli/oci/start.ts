/**
 * `oci start`: the program of a created container begins.
 *
 * @module
 */

import { findContainer } from "../../runtime/oci/container.ts";
import { startContainer } from "../../runtime/oci/start.ts";
import { parseFlags } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";

/** The help of `oci start`. */
export const help: Help = {
  usage: "oci start ID",
  summary: "let the program of a created container begin",
  examples: [{ command: "oci start box", does: "box, which was created, runs" }],
};

/** Starts a container. */
export async function command(args: string[], { root, log }: OciContext): Promise<number> {
  const id = onlyId("start", parseFlags(args, {}).operands);
  for (const { message } of await startContainer(findContainer(root, id))) log.warn(message);
  return 0;
}
