/**
 * `rmi`: remove images.
 *
 * @module
 */

import type { Image, ImageStore } from "../runtime/images/store.ts";
import { eachContainer } from "./each_container.ts";
import { type FlagTable, type Hidden, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  force: { short: "f", help: "all names of an image; also one that a container uses" },
} as const satisfies FlagTable;

const HIDDEN: Readonly<Record<string, Hidden>> = {
  "no-prune": { refused: "what only this image needs goes with it; tag keeps it by another name" },
};

/** The help of `rmi`. */
export const help: Help = {
  usage: "rmi [FLAGS] IMAGE…",
  summary: "remove images",
  about: [
    "Takes the name away, and removes what no other image needs. What a container needs stays, " +
    "also with -f, which takes the name alone then.",
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

/** Removes each of the images; one that cannot go does not keep the others. */
export async function rmi(args: string[], { root }: Context): Promise<number> {
  const { flags: { force = false }, operands } = parseFlags(args, FLAGS, { hidden: HIDDEN });
  if (operands.length === 0) throw new UsageError("rmi needs an image: rmi alpine");
  const [{ ImageStore }, { removeImage }, { usedImages }, known] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("../runtime/images/remove.ts"),
    import("../runtime/images/reachable.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  const remove = async (operand: string) => {
    const images = await known.knownImages(store, operand);
    if (images.length > 1 && !force) {
      const names = images.map(({ name }) => known.typedName(name)).join(", ");
      throw new ImageInUse(`${operand} has several names (${names}): give one, or -f for all`);
    }
    if (!force) await refuseUsed(operand, images[0], store, usedImages(root));
    for (const { name } of images) {
      const { blobs, layers } = await removeImage(store, name);
      print(`Untagged: ${known.typedName(name)}\n`);
      print([...new Set([...blobs, ...layers])].map((digest) => `Deleted: ${digest}\n`).join(""));
    }
    return false as const;
  };
  return await eachContainer(operands, { command: "rmi", root, act: remove });
}

/** Refuses to take away the last name of an image that a container uses. */
async function refuseUsed(
  operand: string,
  { digest }: Image,
  store: ImageStore,
  used: Map<string, string>,
): Promise<void> {
  const user = used.get(digest);
  const names = (await store.list()).filter(({ descriptor }) => descriptor.digest === digest);
  if (user === undefined || names.length > 1) return;
  throw new ImageInUse(
    `${operand} is in use by the container ${user.slice(0, 12)}: -f takes the name alone`,
  );
}
