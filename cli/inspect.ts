/**
 * `inspect`: all that is known of containers, images, networks and volumes.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import { FORMAT_JSON, printJson } from "./json_output.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  type: { value: "TYPE", help: "container, image, network or volume; unless given, any of them" },
  size: { short: "s", help: "also how much disk containers take: SizeRw, SizeRootFs" },
  ...FORMAT_JSON,
} as const satisfies FlagTable;

/** The help of `inspect`. */
export const help: Help = {
  usage: "inspect [FLAGS] NAME…",
  summary: "show all that is known of containers, images or others, as JSON",
  about: [
    "Where several kinds of things have the name, the container is meant, or else the image, the " +
    "network, the volume.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "inspect web", does: "its state, its addresses, its limits, its mounts" },
    { command: "inspect -f json web | jq .State.Pid", does: "one part of it, for a program" },
  ],
};

/** Prints what is known, as Docker does: an array, or a line for each. */
export async function inspect(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) {
    throw new UsageError("inspect needs a name: a container's, an image's, …");
  }
  const type = flags.type === undefined
    ? undefined
    : parseWord("type", flags.type, ["container", "image", "network", "volume"]);
  const found: unknown[] = [];
  for (const name of operands) found.push(await lookUp(root, name, { type, size: flags.size }));
  printJson(found, flags.format);
  return 0;
}

/** How each kind of thing is found, in the order in which they are looked for. */
const KINDS = {
  container: async (root: string, name: string, size: boolean): Promise<unknown> => {
    const [{ findContainer }, { describeContainer }] = await Promise.all([
      import("../runtime/containers.ts"),
      import("./container_json.ts"),
    ]);
    const info = await findContainer(root, name);
    if (!size) return describeContainer(root, info);
    const { containerSize } = await import("../runtime/disk_use.ts");
    const { own, all } = containerSize(info);
    return { ...describeContainer(root, info), SizeRw: own, SizeRootFs: all };
  },
  image: async (root: string, name: string): Promise<unknown> =>
    await (await import("./image_inspect.ts")).describeImage(root, name),
  network: async (root: string, name: string): Promise<unknown> =>
    (await import("./network_inspect.ts")).describeNetwork(root, name),
  volume: async (root: string, name: string): Promise<unknown> =>
    (await import("./volume_inspect.ts")).describeVolume(root, name),
};

async function lookUp(
  root: string,
  name: string,
  { type, size = false }: { type?: keyof typeof KINDS; size?: boolean },
): Promise<unknown> {
  if (type !== undefined) return await KINDS[type](root, name, size);
  for (const find of Object.values(KINDS)) {
    try {
      return await find(root, name, size);
    } catch (error) {
      if (!(error instanceof Error) || !MISSING.has(error.name)) throw error;
    }
  }
  throw new NothingFound(
    `no container, image, network or volume is called ${name}: tiffin ps -a and tiffin images ` +
      "list those there are",
  );
}

/** The names of the errors that say that there is no such thing. */
const MISSING = new Set([
  "NoSuchContainerError",
  "UnknownImage",
  "ImageNameError",
  "NoSuchNetworkError",
  "NoSuchVolumeError",
]);

/** Nothing has the name. */
class NothingFound extends Error {
  override name = "NothingFound";
}
