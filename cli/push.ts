/**
 * `push`: bring images into their registries.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { PullWatch } from "./pull_watch.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  "all-tags": { short: "a", help: "push every tag that the repository has here" },
  quiet: { short: "q", help: "print the name alone" },
} as const satisfies FlagTable;

/** The help of `push`. */
export const help: Help = {
  usage: "push [FLAGS] NAME",
  summary: "bring an image into a registry",
  about: [
    "The name says the registry: give an image another one with tag. Layers that the registry has " +
    "are not sent, nor those that it has in another repository that the image is also known by.",
    "Credentials are those that login has left in ~/.docker/config.json.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "push 127.0.0.1:5000/app:1.2", does: "to a registry on this machine" },
    { command: "push -a quay.io/me/app", does: "all tags of quay.io/me/app" },
  ],
};

/** Pushes an image, or all tags of a repository. */
export async function push(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 1) {
    throw new UsageError("push needs one image: push 127.0.0.1:5000/app:1");
  }
  if (operands[0] === "local") {
    throw new UsageError("local names no registry: tag local HOST/NAME:TAG, and push that");
  }
  const [images, { canonicalName, familiarName, parseReference }, { ImageStore }, known] =
    await Promise.all([
      import("../runtime/images/push.ts"),
      import("../runtime/images/reference.ts"),
      import("../runtime/images/store.ts"),
      import("./known_images.ts"),
    ]);
  const store = new ImageStore(root);
  const reference = parseReference(operands[0]);
  if (reference.digest !== undefined) {
    throw new UsageError("an image is pushed to a tag, not to a digest: push NAME:TAG");
  }
  const references = flags["all-tags"] ? await allTags() : [reference];
  for (const each of references) await known.knownImages(store, canonicalName(each));
  await using watch = new PullWatch(flags.quiet);
  const { onEvent, signal } = watch;
  for (const each of references) {
    const { digest, size } = await images.push(store, each, { onEvent, signal });
    await watch.clear();
    if (!flags.quiet) print(`${each.tag}: digest: ${digest} size: ${size}\n`);
    else print(`${canonicalName(each)}\n`);
  }
  return 0;

  /** Every name of the repository that has a tag. */
  async function allTags() {
    if (/:[^/]*$/.test(operands[0])) {
      throw new UsageError("--all-tags takes a repository, a name without a tag");
    }
    const names = (await store.list()).map(({ name }) => name).filter((name) => name.includes("/"));
    const all = names.map(parseReference).filter(({ registry, repository, digest }) => {
      return registry === reference.registry && repository === reference.repository && !digest;
    });
    if (all.length > 0) return all.sort((a, b) => a.tag! < b.tag! ? -1 : 1);
    const repository = familiarName({ ...reference, tag: undefined });
    throw new known.UnknownImage(
      `no image is called ${repository}: tiffin images lists those that are there`,
    );
  }
}
