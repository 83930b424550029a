/**
 * `oci run`: a container from a bundle, from its creation to its end.
 *
 * @module
 */

import { attempt, offthread } from "../../ffi/libc.ts";
import { readWaitStatus } from "../../runtime/processes.ts";
import { findContainer } from "../../runtime/oci/container.ts";
import { createContainer } from "../../runtime/oci/create.ts";
import { deleteContainer } from "../../runtime/oci/delete.ts";
import { startContainer } from "../../runtime/oci/start.ts";
import { type FlagTable, parseFlags } from "../flags/grammar.ts";
import type { Help } from "../usage.ts";
import { type OciContext, onlyId } from "./context.ts";
import { CREATE_FLAGS, readCreateFlags } from "./create_flags.ts";

const FLAGS = {
  ...CREATE_FLAGS,
  detach: { short: "d", help: "do not wait for its end" },
  keep: { help: "keep the container when it has ended" },
} as const satisfies FlagTable;

/** The help of `oci run`. */
export const help: Help = {
  usage: "oci run [FLAGS] ID",
  summary: "create and start a container, and delete it when it has ended",
  flags: { Flags: FLAGS },
  examples: [{ command: "oci run --bundle /srv/box box", does: "box's output, box's exit code" }],
};

/** Runs a container. */
export async function command(args: string[], context: OciContext): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  const id = onlyId("run", operands);
  const { detach = false } = flags;
  const options = { ...readCreateFlags(flags, id, context), stays: !detach };
  const { pid, terminal } = await createContainer(options);
  const { root, log } = context;
  const remove = async () => {
    const errors = await deleteContainer(findContainer(root, id), true);
    for (const { message } of errors) log.warn(message);
  };
  try {
    for (const { message } of await startContainer(findContainer(root, id))) log.warn(message);
  } catch (error) {
    await remove();
    throw error;
  }
  if (detach) return 0;
  const { attend } = await import("../run.ts");
  const code = await attend({
    terminal,
    signal: (signal) => void attempt.kill(pid, signal),
    wait: () => ended(pid),
  });
  if (!flags.keep) await remove();
  return code;
}

/** Waits until a child has ended. */
async function ended(pid: number) {
  const bytes = new Uint8Array(4);
  await offthread.waitpid(pid, bytes, 0);
  return readWaitStatus(new DataView(bytes.buffer).getInt32(0, true));
}
