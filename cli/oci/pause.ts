/**
 * `oci pause`: the processes of a container are held.
 *
 * @module
 */

import { findContainer } from "../../runtime/oci/container.ts";
import { pauseContainer } from "../../runtime/oci/pause.ts";
import { parseFlags } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";

/** The help of `oci pause`. */
export const help: Help = {
  usage: "oci pause ID",
  summary: "hold every process of a container",
  examples: [{ command: "oci pause box", does: "box gets no time" }],
};

/** Pauses a container. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  await pauseContainer(findContainer(root, onlyId("pause", parseFlags(args, {}).operands)));
  return 0;
}
