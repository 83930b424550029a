/**
 * `oci resume`: the processes of a paused container go on.
 *
 * @module
 */

import { findContainer } from "../../runtime/oci/container.ts";
import { resumeContainer } from "../../runtime/oci/pause.ts";
import { parseFlags } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";

/** The help of `oci resume`. */
export const help: Help = {
  usage: "oci resume ID",
  summary: "let a paused container go on",
  examples: [{ command: "oci resume box", does: "box goes on where it was" }],
};

/** Resumes a container. */
export async function command(args: string[], { root }: OciContext): Promise<number> {
  await resumeContainer(findContainer(root, onlyId("resume", parseFlags(args, {}).operands)));
  return 0;
}
