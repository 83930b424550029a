/**
 * `rmi`: remove images.
 *
 * @module
 */

import type { Image } from "../runtime/images/store.ts";
import { isAlive } from "../runtime/processes.ts";
import { type ContainerRecord, containersDirectory, readRecord } from "../runtime/records.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "all names of an image that is given by its ID" },
} as const satisfies FlagTable;

/** The help of `rmi`. */
export const help: Help = {
  usage: "rmi [FLAGS] IMAGE…",
  summary: "remove images",
  about: [
    "Takes the name away, and removes what no other image needs. An image that a container is " +
    "running on stays.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "rmi alpine", does: "remove alpine:latest" },
    { command: "rmi -f 9824c27679d3", does: "remove all names of the image with this ID" },
  ],
};

/** An image that somebody needs. */
export class ImageInUse extends Error {
  /** The class's name, for messages. */
  override name = "ImageInUse";
}

/** Removes each of the images. */
export async function rmi(args: string[], { root }: Context): Promise<number> {
  const { flags: { force = false }, operands } = parseFlags(args, FLAGS);
  if (operands.length === 0) throw new UsageError("rmi needs an image: rmi alpine");
  const [{ ImageStore }, { removeImage }, known] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("../runtime/images/remove.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  for (const operand of operands) {
    const images = await known.knownImages(store, operand);
    refuseUsed(operand, images, root);
    if (images.length > 1 && !force) {
      const names = images.map(({ name }) => known.typedName(name)).join(", ");
      throw new ImageInUse(`${operand} has several names (${names}): give one, or -f for all`);
    }
    for (const { name } of images) {
      const { blobs, layers } = await removeImage(store, name);
      print(`Untagged: ${known.typedName(name)}\n`);
      print([...new Set([...blobs, ...layers])].map((digest) => `Deleted: ${digest}\n`).join(""));
    }
  }
  return 0;
}

/** Refuses to take away what a container needs. */
function refuseUsed(operand: string, images: Image[], root: string): void {
  const names = images.map(({ name }) => name);
  const user = runningContainers(root).find(({ image }) => names.includes(image));
  if (!user) return;
  throw new ImageInUse(`${operand} is in use by the running container ${user.id.slice(0, 12)}`);
}

function runningContainers(root: string): ContainerRecord[] {
  const directory = containersDirectory(root);
  const records = entries(directory).map((id) => readRecord(`${directory}/${id}`));
  return records.filter((record) => record !== undefined)
    .filter(({ owner }) => isAlive(owner));
}

function entries(directory: string): string[] {
  try {
    return Array.from(Deno.readDirSync(directory), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
