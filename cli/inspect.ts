/**
 * `inspect`: all that is known of containers, or of images.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import { FORMAT_JSON, printJson } from "./json_output.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  type: { value: "TYPE", help: "container or image; unless given, whichever has the name" },
  ...FORMAT_JSON,
} as const satisfies FlagTable;

/** The help of `inspect`. */
export const help: Help = {
  usage: "inspect [FLAGS] NAME…",
  summary: "show all that is known of containers or images, as JSON",
  about: ["Where an image has the name of a container, the container is meant."],
  flags: { Flags: FLAGS },
  examples: [
    { command: "inspect web", does: "its state, its addresses, its limits, its mounts" },
    { command: "inspect -f json web | jq .State.Pid", does: "one part of it, for a program" },
  ],
};

/** Prints what is known of containers and images, as Docker does: an array, or a line for each. */
export async function inspect(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("inspect needs a container, or an image");
  const type = flags.type === undefined
    ? undefined
    : parseWord("type", flags.type, ["container", "image"]);
  const found: unknown[] = [];
  for (const name of operands) found.push(await lookUp(root, name, type));
  printJson(found, flags.format);
  return 0;
}

async function lookUp(
  root: string,
  name: string,
  type: "container" | "image" | undefined,
): Promise<unknown> {
  const [{ findContainer, NoSuchContainerError }, { describeContainer }, { describeImage }] =
    await Promise.all([
      import("../runtime/containers.ts"),
      import("./container_json.ts"),
      import("./image_inspect.ts"),
    ]);
  if (type === "image") return await describeImage(root, name);
  try {
    return describeContainer(root, await findContainer(root, name));
  } catch (error) {
    if (type === "container" || !(error instanceof NoSuchContainerError)) throw error;
    return await describeImage(root, name).catch(() => {
      throw error;
    });
  }
}
