/**
 * `image prune`: remove what nobody needs.
 *
 * @module
 */

import { formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { type ImageFilter, imageFilter } from "./flags/image_filter.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  all: { short: "a", help: "also images that no container uses, with all their names" },
  force: { short: "f", help: "do not ask" },
  filter: {
    value: "KEY=VALUE",
    many: true,
    help: "with -a, only images that are older (until=24h) or have a label (label=KEY[=VALUE])",
  },
} as const satisfies FlagTable;

/** The help of `image prune`. */
export const help: Help = {
  usage: "image prune [FLAGS]",
  summary: "remove what no name and no container leads to",
  about: [
    "That is what pull, load and import leave of an image that has lost its name to another, layers " +
    "of pulls that were cut short, and the beginnings of downloads. What a container uses stays, " +
    "whether it runs or not; what a pull is just fetching stays too.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "image prune", does: "make room; every image keeps its name" },
    { command: "image prune -af --filter until=240h", does: "and images older than ten days" },
  ],
};

/** Prunes the store. */
export async function prune(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 0) throw new UsageError("image prune takes no names: rmi removes images");
  const fits = await imageFilter(flags.filter, ["until", "label", "label!"]);
  if (flags.filter && !flags.all) throw new UsageError("--filter needs --all");
  if (!flags.force && !await isSure(flags.all ?? false)) return 0;
  const bytes = await pruneImages(root, flags.all ? fits : undefined);
  print(`Total reclaimed space: ${formatSize(bytes)}\n`);
  return 0;
}

/**
 * Prunes the store, and prints what goes.
 *
 * @param fits which images go that have a name and that no container uses; none unless given
 * @returns how many bytes that was
 */
export async function pruneImages(root: string, fits?: ImageFilter): Promise<number> {
  const [{ ImageStore }, { readImage }, remove, { nameParts, typedName }] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("../runtime/images/by_id.ts"),
    import("../runtime/images/remove.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  const doomed = new Set<string>();
  for (const { name } of fits ? await store.list() : []) {
    const image = await readImage(store, name);
    if (fits!({ ...nameParts(name), image })) doomed.add(name);
  }
  const { names, blobs, layers, bytes } = await remove.prune(store, (name) => doomed.has(name));
  print(names.map((name) => `untagged: ${typedName(name)}\n`).join(""));
  print([...new Set([...blobs, ...layers])].map((each) => `deleted: ${each}\n`).join(""));
  return bytes;
}

async function isSure(all: boolean): Promise<boolean> {
  const { confirm } = await import("./ask.ts");
  const what = all
    ? "all images that no container uses"
    : "all that no name and no container leads to";
  return await confirm(`This will remove ${what}. Go on?`);
}
