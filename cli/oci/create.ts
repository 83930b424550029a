/**
 * `oci create`: a container from a bundle, with everything but its program.
 *
 * @module
 */

import { createContainer } from "../../runtime/oci/plain_create.ts";
import { parseFlags } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";
import { CREATE_FLAGS, readCreateFlags } from "./create_flags.ts";

/** The help of `oci create`. */
export const help: Help = {
  usage: "oci create [FLAGS] ID",
  summary: "make a container from a bundle, up to its program",
  about: ["Its first process waits until oci start opens its gate; nothing else goes on."],
  flags: { Flags: CREATE_FLAGS },
  examples: [{ command: "oci create --bundle /srv/box box", does: "box waits for its start" }],
};

/** Creates a container. */
export async function command(args: string[], context: OciContext): Promise<number> {
  const { flags, operands } = parseFlags(args, CREATE_FLAGS);
  await createContainer(readCreateFlags(flags, onlyId("create", operands), context));
  return 0;
}
