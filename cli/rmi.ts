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
  force: { short: "f", help: "also one that is in use, or has several names" },
} as const satisfies FlagTable;

/** The help of `rmi`. */
export const help: Help = {
  usage: "rmi [FLAGS] IMAGE…",
  summary: "remove images",
  about: [
    "Takes the name away, and removes what no other image needs. A container that is running " +
    "keeps its layers.",
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
    if (!force) refuse(operand, images, root);
    for (const { name } of images) {
      const { blobs, layers } = await removeImage(store, name);
      print(`Untagged: ${known.typedName(name)}\n`);
      print([...new Set([...blobs, ...layers])].map((digest) => `Deleted: ${digest}\n`).join(""));
    }
  }
  return 0;
}

/** Refuses what takes more away than was said, or what somebody needs. */
function refuse(operand: string, images: Image[], root: string): void {
  if (images.length > 1) {
    const names = images.map(({ name }) => name).join(", ");
    throw new ImageInUse(
      `${operand} has several names (${names}): give one of them, or -f for all`,
    );
  }
  const [{ name }] = images;
  const user = runningContainers(root).find(({ image }) => image === name);
  if (!user) return;
  throw new ImageInUse(`${operand} is in use by container ${user.id.slice(0, 12)}; -f removes it`);
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
