/**
 * `oci delete`: what is left of a container is removed.
 *
 * @module
 */

import { findContainer, OciError } from "../../runtime/oci/container.ts";
import { deleteContainer } from "../../runtime/oci/delete.ts";
import { type FlagTable, parseFlags } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";

const FLAGS = {
  force: { short: "f", help: "kill one that runs; one that is not there is no error" },
} as const satisfies FlagTable;

/** The help of `oci delete`. */
export const help: Help = {
  usage: "oci delete [FLAGS] ID",
  summary: "remove a container that has ended",
  flags: { Flags: FLAGS },
  examples: [{ command: "oci delete --force box", does: "nothing of box is left" }],
};

/** Deletes a container. */
export async function command(args: string[], { root, log }: OciContext): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const id = onlyId("delete", operands);
  try {
    const errors = await deleteContainer(findContainer(root, id), flags.force ?? false);
    for (const { message } of errors) log.warn(message);
  } catch (error) {
    const isGone = error instanceof OciError && error.message.endsWith("does not exist");
    if (!flags.force || !isGone) throw error;
  }
  return 0;
}
