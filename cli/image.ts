/**
 * `image`: the commands for images under Docker's longer names, and what is known of one image.
 *
 * @module
 */

import { later } from "../runtime/later.ts";
import type { Image } from "../runtime/images/store.ts";
import { HelpWanted, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

/** The commands that also have a name of their own. */
const ALIASES: Readonly<Record<string, { file: string; name: string }>> = {
  ls: { file: "./images.ts", name: "images" },
  pull: { file: "./pull.ts", name: "pull" },
  history: { file: "./history.ts", name: "history" },
  tag: { file: "./tag.ts", name: "tag" },
  rm: { file: "./rmi.ts", name: "rmi" },
  load: { file: "./load.ts", name: "load" },
  import: { file: "./import.ts", name: "importTree" },
};

/** The help of `image`. */
export const help: Help = {
  usage: "image inspect|ls|pull|history|tag|rm|load|import …",
  summary: "show all that is known of an image; and the other commands",
  about: ["ls is images and rm is rmi; the others have the same name without image before it."],
  examples: [
    { command: "image inspect alpine", does: "its config, layers and digests, as JSON" },
    { command: "image ls", does: "the same as images" },
  ],
};

/** Runs one of the commands for images. */
export async function image(args: string[], context: Context): Promise<number> {
  const [word, ...rest] = args;
  if (word === undefined || word === "--help" || word === "-h") throw new HelpWanted();
  if (word === "inspect") return await inspect(rest, context);
  if (!Object.hasOwn(ALIASES, word)) {
    const { didYouMean, show } = await import("../runtime/words.ts");
    const near = didYouMean(word, ["inspect", ...Object.keys(ALIASES)]);
    throw new UsageError(`image has no command ${show(word)}${near}`, 125);
  }
  const { file, name } = ALIASES[word];
  const module = await later<Record<string, typeof image>>(import.meta, file);
  return await module[name](rest, context);
}

/** Prints what is known of images, as a JSON array. */
async function inspect(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  if (operands.length === 0) throw new UsageError("image inspect needs an image: alpine");
  const [{ ImageStore }, { knownImages, typedName }] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  const found = [];
  for (const operand of operands) {
    const [image] = await knownImages(store, operand);
    const names = [];
    for (const { name, descriptor } of await store.list()) {
      if (descriptor.digest === image.digest) names.push(typedName(name));
    }
    found.push(describe(image, names));
  }
  print(`${JSON.stringify(found, null, 4)}\n`);
  return 0;
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
