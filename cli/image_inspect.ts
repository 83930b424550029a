/**
 * `image inspect`: what is known of an image.
 *
 * @module
 */

import type { Image } from "../runtime/images/store.ts";
import { parseFlags, UsageError } from "./flags/grammar.ts";
import { FORMAT_JSON, printJson } from "./json_output.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

/** The help of `image inspect`. */
export const help: Help = {
  usage: "image inspect [FLAGS] IMAGE…",
  summary: "show all that is known of images, as JSON",
  flags: { Flags: FORMAT_JSON },
  examples: [{ command: "image inspect alpine", does: "its config, layers and digests" }],
};

/** Prints what is known of images, as a JSON array. */
export async function inspect(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FORMAT_JSON);
  if (operands.length === 0) throw new UsageError("image inspect needs an image: alpine");
  const found: object[] = [];
  for (const operand of operands) found.push(await describeImage(root, operand));
  printJson(found, flags.format);
  return 0;
}

/** All that is known of an image. */
export async function describeImage(root: string, wanted: string): Promise<object> {
  const [{ ImageStore }, { knownImages, typedName }] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  const [image] = await knownImages(store, wanted);
  const names: string[] = [];
  for (const { name, descriptor } of await store.list()) {
    if (descriptor.digest === image.digest) names.push(typedName(name));
  }
  return describe(image, names);
}

/** The fields that Docker has, as far as they mean something here. */
function describe({ id, digest, config, manifest, layers }: Image, names: string[]) {
  const { created, author, architecture, variant, os, rootfs } = config;
  return {
    Id: id,
    RepoTags: names,
    Digest: digest,
    Created: created,
    Author: author,
    Architecture: architecture,
    Variant: variant,
    Os: os,
    // The layers as they were sent: packed, mostly.
    Size: manifest.layers.reduce((sum, { size }) => sum + size, 0),
    Config: config.config ?? {},
    RootFS: { Type: rootfs.type, Layers: rootfs.diff_ids },
    GraphDriver: {
      Name: "overlay",
      // The topmost first, as overlayfs takes them.
      Data: { LowerDir: layers.map(({ directory }) => directory).reverse().join(":") },
    },
    Annotations: manifest.annotations,
  };
}
