/**
 * `image diff`: the files in which two images differ.
 *
 * @module
 */

import type { Difference, ListedFile } from "../runtime/images/image_layers.ts";
import { formatSize } from "./amounts.ts";
import { type FlagTable, parseFlags, UsageError } from "./flags/grammar.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import { printable } from "./printable.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  format: { value: "FORM", help: "table (the default) or json, an object a file" },
} as const satisfies FlagTable;

/** The help of `image diff`. */
export const help: Help = {
  usage: "image diff [FLAGS] IMAGE IMAGE",
  summary: "show the files in which two images differ",
  about: [
    "A is a file that the second image alone has, D one that the first alone has, C one that is not " +
    "the same in both, with what is different. Times do not count.",
  ],
  flags: { Flags: FLAGS },
  examples: [{ command: "image diff mine:1 mine:2", does: "what the second has changed" }],
};

/** Shows the differences. */
export async function diff(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length !== 2) throw new UsageError("image diff needs two images: mine:1 mine:2");
  const format = parseWord("format", flags.format ?? "table", ["table", "json"]);
  const [{ diffImages }, { ImageStore }, { knownImages }] = await Promise.all([
    import("../runtime/images/image_layers.ts"),
    import("../runtime/images/store.ts"),
    import("./known_images.ts"),
  ]);
  const store = new ImageStore(root);
  const [[first], [second]] = [
    await knownImages(store, operands[0]),
    await knownImages(store, operands[1]),
  ];
  const differences = await diffImages(store, first, second);
  if (format === "json") {
    print(differences.map((each) => `${JSON.stringify(asJson(each))}\n`).join(""));
  } else {
    print(differences.map(line).join(""));
    print(summary(differences));
  }
  return 0;
}

function asJson({ kind, path, before, after, what }: Difference) {
  return { Kind: kind, Path: `/${path}`, Before: sizeOf(before), After: sizeOf(after), What: what };
}

function line({ kind, path, before, after, what }: Difference): string {
  const change = sizeOf(after) - sizeOf(before);
  const sign = change > 0 ? "+" : change < 0 ? "-" : "";
  const bytes = `${sign}${formatSize(Math.abs(change))}`.padStart(8);
  const detail = what.length > 0 ? ` (${what.join(", ")})` : "";
  return `${kind} ${bytes} /${printable(path)}${detail}\n`;
}

function summary(differences: Difference[]): string {
  if (differences.length === 0) return "the images have the same files\n";
  const count = (kind: Difference["kind"]) =>
    differences.filter((difference) => difference.kind === kind).length;
  const change = differences.reduce(
    (sum, { before, after }) => sum + sizeOf(after) - sizeOf(before),
    0,
  );
  const more = `${formatSize(Math.abs(change))} ${change < 0 ? "less" : "more"}`;
  return `${count("A")} added, ${count("C")} changed, ${count("D")} removed: ${more}\n`;
}

function sizeOf(file: ListedFile | undefined): number {
  return file?.size ?? 0;
}
