/**
 * `tag`: give an image another name.
 *
 * @module
 */

import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `tag`. */
export const help: Help = {
  usage: "tag IMAGE NAME",
  summary: "give an image another name",
  about: ["An image that had the name loses it."],
  examples: [
    { command: "tag alpine 127.0.0.1:5000/base:1", does: "alpine has two names now" },
    { command: "tag 9824c27679d3 mine", does: "an image is also found by its ID" },
  ],
};

/** Gives the name. */
export async function tag(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  if (operands.length !== 2) {
    throw new UsageError("tag needs an image and a name: tag alpine mine:1");
  }
  const [{ ImageStore }, { knownImages }, { canonicalName, parseReference }] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("./known_images.ts"),
    import("../runtime/images/reference.ts"),
  ]);
  const reference = parseReference(operands[1]);
  if (reference.digest !== undefined) {
    throw new UsageError("a name with a digest is the image's own: give a tag in its place");
  }
  const store = new ImageStore(root);
  const [{ digest, manifest: { mediaType }, config }] = await knownImages(store, operands[0]);
  const { os, architecture, variant } = config;
  const platform = { os, architecture, ...(variant ? { variant } : {}) };
  const { size } = await Deno.stat(store.blobPath(digest));
  await store.tag(canonicalName(reference), { mediaType, digest, size, platform });
  return 0;
}
