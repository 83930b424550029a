/**
 * `images`: the images that are here.
 *
 * @module
 */

import type { Image } from "../runtime/images/store.ts";
import { later } from "../runtime/later.ts";
import { formatAge, formatSize } from "./amounts.ts";
import { type FlagTable, type Hidden, parseFlags, UsageError } from "./flags/grammar.ts";
import type { ImageFilter } from "./flags/image_filter.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  all: { short: "a", help: "for Docker's scripts: all that there are, are shown anyway" },
  filter: {
    short: "f",
    value: "KEY=VALUE",
    many: true,
    help:
      "reference=PATTERN, label=KEY[=VALUE], dangling=true, before=IMAGE, since=IMAGE, until=24h",
  },
  quiet: { short: "q", help: "print the IDs alone" },
  digests: { help: "show the digests of the manifests too" },
  "no-trunc": { help: "show all digits of each ID" },
  format: { value: "FORM", help: "table (the default) or json, an object a line" },
} as const satisfies FlagTable;

const HIDDEN: Readonly<Record<string, Hidden>> = {
  tree: { refused: "image layers NAME shows what an image is made of" },
};

/** The help of `images`. */
export const help: Help = {
  usage: "images [FLAGS] [NAME]",
  summary: "list the images that are here",
  about: [
    "SIZE is what the layers weigh as they were sent: packed, mostly. Of filters all have to fit; a " +
    "* in a pattern stops at a slash.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "images", does: "all of them, the youngest first" },
    { command: "images --format json alpine", does: "every tag of alpine, for a program" },
    { command: "images -q -f 'reference=quay.io/me/*'", does: "the IDs of what is mine there" },
  ],
};

/** What `--filter` takes. */
const FILTERS = ["reference", "label", "label!", "dangling", "before", "since", "until"];

/** One line of the list, with the names that Docker's JSON has. */
interface Row {
  Repository: string;
  Tag: string;
  Digest: string;
  ID: string;
  CreatedAt: string;
  CreatedSince: string;
  Size: string;
}

/** Lists the images. */
export async function images(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS, { hidden: HIDDEN });
  if (operands.length > 1) throw new UsageError("images takes one name at most");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const [{ ImageStore }, { readImage }, { PULLED_DIGEST }, known] = await Promise.all([
    import("../runtime/images/store.ts"),
    import("../runtime/images/by_id.ts"),
    import("../runtime/images/pull.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  const { madeAt } = known;
  const fits = await filterOf(flags.filter, async (name) => {
    const [image] = await known.knownImages(store, name);
    return madeAt(image);
  });
  const found: { name: string; digest: string; image?: Image }[] = [];
  for (const { name, descriptor } of await store.list()) {
    const parts = known.nameParts(name);
    if (operands.length === 1 && !isMeant(parts, operands[0])) continue;
    const image = await readImage(store, name);
    if (!fits({ ...parts, image })) continue;
    const digest = descriptor.annotations?.[PULLED_DIGEST] ?? descriptor.digest;
    found.push({ name, digest, image });
  }
  found.sort((a, b) => madeAt(b.image) - madeAt(a.image));
  const rows = found.map(({ name, digest, image }): Row => {
    const { repository, tag } = known.nameParts(name);
    return {
      Repository: repository,
      Tag: tag,
      Digest: digest,
      ...describe(image, flags["no-trunc"]),
    };
  });
  if (flags.quiet) print([...new Set(rows.map(({ ID }) => `${ID}\n`))].join(""));
  else if (format === "json") print(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  else await printTable(rows, flags.digests ?? false, flags["no-trunc"] ?? false);
  return 0;
}

/** Reads the filters; usually there are none, and what reads them is not loaded. */
async function filterOf(
  texts: string[] | undefined,
  madeOf: (name: string) => Promise<number>,
): Promise<ImageFilter> {
  if (!texts) return () => true;
  const { imageFilter } = await later<typeof import("./flags/image_filter.ts")>(
    import.meta,
    "./flags/image_filter.ts",
  );
  return await imageFilter(texts, FILTERS, madeOf);
}

/** Whether a name is a repository's, or a repository's with a tag. */
function isMeant({ repository, tag }: { repository: string; tag: string }, wanted: string) {
  const name = wanted.replace(/^docker\.io\/(library\/)?/, "");
  return name === repository || name === `${repository}:${tag}`;
}

function describe(image: Image | undefined, isWhole = false) {
  if (!image) return { ID: "<damaged>", CreatedAt: "", CreatedSince: "", Size: "" };
  const { id, config: { created = "" }, manifest: { layers } } = image;
  return {
    ID: isWhole ? id : id.slice("sha256:".length, "sha256:".length + 12),
    CreatedAt: created,
    CreatedSince: formatAge(created),
    Size: formatSize(layers.reduce((sum, { size }) => sum + size, 0)),
  };
}

async function printTable(rows: Row[], hasDigests: boolean, isWhole: boolean): Promise<void> {
  const { formatTable, outputWidth } = await import("./table.ts");
  const columns = (words: [string, string, string, string, string, string]) =>
    words.filter((_, i) => hasDigests || i !== 2);
  const table = [
    columns(["REPOSITORY", "TAG", "DIGEST", "IMAGE ID", "CREATED", "SIZE"]),
    ...rows.map((row) =>
      columns([row.Repository, row.Tag, row.Digest, row.ID, row.CreatedSince, row.Size])
    ),
  ];
  print(formatTable(table, isWhole ? Infinity : outputWidth()));
}
